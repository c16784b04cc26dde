"""The panel above every page: what is being worked on, how long it will take, Cancel, Resume."""

import streamlit as st

from neuron_core.errors import NeuronCoreError
from neuron_core.runs.run_folder import ACTIVE, RunStatus
from pages.shared.frame import session
from pages.shared.frame.audience import every, here
from pages.shared.frame.engine import engine, why_not
from pages.shared.frame.guard import error_box, guard, plain
from pages.shared.views.cluster import cluster_line
from pages.shared.views.words import progress

# The worker's own word comes a second later than the request at most; more often than this is of no use.
EVERY = 1.0
# Another tab may change what this one shows.
LOOK = 3.0


def job_panel(shown: str | None) -> None:
    """The active run wherever one is, and the shown run where it is not finished."""
    active = engine().active()
    runs = [run_id for run_id in dict.fromkeys([shown, active]) if run_id is not None]
    with st.container(key="job"):
        for run_id in runs:
            status = session.status_of(run_id)
            if status.state in ACTIVE:
                _active(run_id, status.stage, is_shown=run_id == shown)
            elif status.state != "done":
                _stopped(run_id, status)
        st.fragment(run_every=every(LOOK))(_watch)(shown, _now(shown))


def _now(shown: str | None) -> tuple[str | None, str]:
    """What this panel says: the active run, and how the shown one is."""
    try:
        return engine().active(), session.status_of(shown).state if shown else ""
    except NeuronCoreError:
        return engine().active(), "gone"


def _watch(shown: str | None, said: tuple[str | None, str]) -> None:
    """Draws the page anew when another tab has resumed, evaluated, cancelled or deleted what this one shows."""
    here()
    if _now(shown) != said:
        st.rerun()


def _active(run_id: str, stage: str, is_shown: bool) -> None:
    with st.container(border=True):
        # Above the bar: the buttons stay where they are while the bar's text changes.
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(session.run_title(run_id))}**", help=f"Run {run_id}", width="content")
            no = why_not("cancel", session.open_run(run_id))
            if st.button(
                "Cancel", key=f"cancel_{run_id}", icon=":material/stop_circle:", disabled=no is not None, help=no
            ):
                with guard():
                    engine().cancel(run_id)
                    st.rerun()
            if not is_shown and st.button("Show this run", key=f"show_{run_id}"):
                session.show(run_id)
                st.rerun()
        st.fragment(run_every=every(EVERY))(_bar)(run_id, stage)


def _bar(run_id: str, stage: str) -> None:
    with guard():
        status = session.status_of(run_id)
        # With a new stage there is more to see on the page: a model in memory, then neurons.
        if status.state not in ACTIVE or status.stage != stage:
            st.rerun()
        share = status.done / status.total if status.total else 0.0
        st.progress(share, text=progress(status))
        cluster_line(status)


def _stopped(run_id: str, status: RunStatus) -> None:
    if status.state == "failed":
        error_box(f"The run {session.run_title(run_id)} failed", details=status.message)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        words = {"cancelled": "was cancelled", "failed": "failed", "interrupted": "was interrupted"}[status.state]
        done = f" {status.done} of {status.total} questions of its {status.stage} are kept." if status.total else ""
        st.markdown(f"**{plain(session.run_title(run_id))}** {words}.{done}", help=f"Run {run_id}")
        no = why_not("resume", session.open_run(run_id))
        if st.button("Resume", key=f"resume_{run_id}", icon=":material/play_arrow:", disabled=no is not None, help=no):
            with guard():
                engine().resume(run_id)
                st.rerun()
        if session.open_run(run_id).is_attributed():
            st.page_link(
                session.CONTROL,
                label="Change the evaluation",
                icon=":material/tune:",
                query_params={"run": run_id},
            )
