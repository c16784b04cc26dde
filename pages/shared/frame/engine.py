"""The app's one engine handle: the model stays loaded over pages, reloads and browser sessions."""

import secrets
from pathlib import Path

import streamlit as st

from neuron_core.runs.store import Store, default_root
from neuron_core.service.handle import OWNER, EngineHandle
from neuron_core.service.permissions import Permissions
from pages.shared.inputs.tasks import allowed


def engine() -> EngineHandle:
    """The server's handle; one for each folder of runs."""
    # Who asks is the session: a visitor may stop what it began.
    OWNER.set(st.session_state.setdefault("owner", secrets.token_hex(8)))
    return _handle(str(default_root()), allowed().to_json())


@st.cache_resource(show_spinner=False, on_release=lambda handle: handle.close())
def _handle(root: str, permissions: str) -> EngineHandle:
    return EngineHandle(Store(Path(root)), Permissions.from_json(permissions))
