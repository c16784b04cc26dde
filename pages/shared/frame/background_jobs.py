"""Work with the model beside runs: the button that asks for it, its progress, what went wrong."""

import streamlit as st

from neuron_core.errors import Cancelled
from neuron_core.models.spec import ModelSpec
from neuron_core.service.jobs import BackgroundJob, JobState
from pages.shared.frame.engine import cancel_button, engine
from pages.shared.frame.guard import error_box, guard, plain
from pages.shared.views.words import short_title

EVERY = 0.5


def ask_for(job: BackgroundJob, spec: ModelSpec, label: str, key: str, note: str = "", *, primary: bool = True) -> None:
    """A button that starts the job; while it goes on, Cancel and its progress; an error in its box."""
    state = engine().jobs.state(job)
    with st.container(key=f"{key}_job"):
        if state is not None and not state.ended:
            cancel_button(job, f"{key}_cancel")
            _progress(job)
            return
        if st.button(label, key=key, type="primary" if primary else "secondary", icon=":material/neurology:"):
            with guard():
                engine().jobs.start(job, spec)
                st.rerun()
        if state is not None and state.failure is not None:
            failure_box(state)
        elif note or engine().model(spec) is None:
            loads = "" if engine().model(spec) else f" Loads {plain(short_title(spec.title))} first."
            st.caption(f"{note}{loads}".strip())


def failure_box(state: JobState) -> None:
    """Why a job came to nothing, if it did."""
    if isinstance(state.failure, Cancelled):
        st.caption(f"Cancelled after {state.done} of {state.total}." if state.total else "Cancelled.")
    elif state.failure is not None:
        error_box(state.failure.what, state.failure.where, state.failure.accepted)


@st.fragment(run_every=EVERY)
def _progress(job: BackgroundJob) -> None:
    with guard():
        state = engine().jobs.state(job)
        if state is None or state.ended:
            st.rerun()
        elif state.total:
            st.progress(state.done / state.total, text=f"{state.done} of {state.total}")
        else:
            waiting = "The model is being loaded …" if engine().loading() else "Waiting for the worker …"
            st.progress(0.0, text=waiting)
