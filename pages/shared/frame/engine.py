"""The app's one engine handle: the model stays loaded over pages, reloads and browser sessions."""

import secrets
from pathlib import Path
from threading import Lock

import streamlit as st

from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store, default_root
from neuron_core.service.handle import EngineHandle
from neuron_core.service.jobs import BackgroundJob
from neuron_core.service.owner import OWNER
from neuron_core.service.permissions import Permissions
from pages.shared.frame.guard import guard, plain
from pages.shared.inputs.tasks import allowed

# Not a cache of Streamlit: any browser may have those emptied, by one message, before it gave a password.
_handles: dict[tuple[str, Permissions], EngineHandle] = {}
_lock = Lock()


def engine() -> EngineHandle:
    """The server's handle; one for each folder of runs."""
    # Who asks is the session: a visitor may stop what it began.
    if "owner" not in st.session_state:
        st.session_state["owner"] = secrets.token_hex(8)
    OWNER.set(st.session_state["owner"])
    key = str(default_root()), allowed()
    with _lock:
        if key not in _handles:
            _handles[key] = EngineHandle(Store(Path(key[0])), key[1])
        return _handles[key]


def why_not(action: str, run: RunFolder | None = None) -> str | None:
    """Why the server does not let this session do this, for the help of a button that is switched off; None if it may.

    action: as of `EngineHandle.why_not`.
    """
    return _help(engine().why_not(action, run))


def cancel_button(job: BackgroundJob, key: str) -> None:
    """The button that stops a job, switched off where others have asked for the job too and it is not allowed."""
    no = _help(engine().jobs.why_not_cancel(job))
    if st.button("Cancel", key=key, icon=":material/stop_circle:", disabled=no is not None, help=no):
        with guard():
            engine().jobs.cancel(job)


def _help(why: str) -> str | None:
    return plain(why[:1].upper() + why[1:]) + "." if why else None


def end_engines() -> None:
    """Ends the worker of every handle, as at the end of the server."""
    with _lock:
        while _handles:
            _handles.popitem()[1].close()
