"""The address: which run it names, and what it is given of the run and the draft that are shown."""

from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from neuron_core.errors import RunError
from neuron_core.runs.demo import DEMO
from pages.shared.frame.engine import engine
from pages.shared.frame.session import has_demo, open_run


def choose_run(recent: Sequence[str]) -> str | None:
    """Which run is shown now: asked for by a page, by the address, by the sidebar, or else the newest.

    The address wins only when it has changed since it was written here: the sidebar can move away from it.
    RunError when there is no such run; the next rerun asks for it again unless something else is chosen.
    """
    # An empty name is none.
    asked = st.query_params.get("run") or None
    if "run_to_show" in st.session_state:
        chosen = st.session_state.pop("run_to_show")
    elif asked and asked != st.session_state.get("run_in_address"):
        chosen = asked
    else:
        chosen = st.session_state.get("shown_run") or asked
    if chosen is not None:
        st.session_state["run_in_address"] = asked
        open_run(chosen)
        return str(chosen)
    active = engine().active()
    if active is not None:
        # Its folder may have been deleted meanwhile: this session has not asked for it.
        with suppress(RunError):
            open_run(active)
            return active
    return next(iter(recent), DEMO if has_demo() else None)


def keep_address(run_id: str | None) -> None:
    """Writes the shown run into the address.

    In the first run of a session the browser completes the address by itself: written from here, it would become a
    second step of the history, which Back would have to pass.
    """
    st.session_state["run_in_address"] = run_id
    if run_id is None:
        st.query_params.pop("run", None)
    elif st.session_state.get("begun") and st.query_params.get("run") != run_id:
        st.query_params["run"] = run_id


def finish_address(draft: str | None) -> None:
    """After the page: the draft's name joins the address."""
    if draft is not None and st.session_state.get("begun") and st.query_params.get("draft") != draft:
        st.query_params["draft"] = draft
    st.session_state["draft_in_address"] = draft
    st.session_state["begun"] = True


def address() -> dict[str, str]:
    """What an address without it lacks: the shown run and the draft of the next one."""
    said = {"run": st.session_state.get("run_in_address"), "draft": st.session_state.get("draft_in_address")}
    return {name: value for name, value in said.items() if value}
