"""The app's one engine handle: the model stays loaded over pages, reloads and browser sessions."""

from pathlib import Path

import streamlit as st

from neuron_core.runs.store import Store, default_root
from neuron_core.service.handle import EngineHandle


def engine() -> EngineHandle:
    """The server's handle; one for each folder of runs."""
    return _handle(str(default_root()))


@st.cache_resource(show_spinner=False, on_release=lambda handle: handle.close())
def _handle(root: str) -> EngineHandle:
    return EngineHandle(Store(Path(root)))
