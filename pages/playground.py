"""The user's own prompt, continued by the plain model and by the steered one."""

import streamlit as st

from neuron_core.control.interventions import Intervention
from neuron_core.reports.recipes.neuron import writing_python
from neuron_core.runs.run_folder import RunFolder
from neuron_core.service.jobs import WritingJob
from pages.shared.frame import session
from pages.shared.frame.background_jobs import EVERY, failure_box
from pages.shared.frame.engine import cancel_button, engine
from pages.shared.frame.folds import unfolded
from pages.shared.frame.guard import guard
from pages.shared.frame.navigation import through_frame
from pages.shared.inputs.writing_form import form
from pages.shared.views.drawn import next_token_bars
from pages.shared.views.figures import competence, empty_state, figure, provenance
from pages.shared.views.results import attribution_of, setting_of
from pages.shared.views.writings import both, parted


@st.fragment(run_every=EVERY)
def going_on(job: WritingJob) -> None:
    """Both texts as far as they are."""
    with guard():
        now = engine().jobs.state(job)
        if now is None or now.ended:
            st.rerun()
        said = f"{now.done} of {now.total} tokens" if now.total else "The model is being loaded …"
        st.progress(now.done / now.total if now.total else 0.0, text=said)
        if now.text is not None:
            both(now.text)


def result(run: RunFolder, job: WritingJob, one: Intervention) -> None:
    """What the last press of the button came to."""
    now = engine().jobs.state(job)
    if now is None:
        return
    if not now.ended:
        cancel_button(job, "write_cancel")
        going_on(job)
        return
    failure_box(now)
    if now.text is None:
        return
    both(now.text)
    drawn = "the most probable token each" if job.temperature == 0 else f"seed {job.seed}"
    st.caption(
        f"{parted(now.text)} {one.direction.capitalize()}, K = {one.k}, ratio {one.ratio:g}; temperature "
        f"{job.temperature:g}, {drawn}. One text is an example, not a measurement; the Control page measures."
    )
    st.header("The next token")
    figure(next_token_bars(now.text), "next_tokens", f"next-tokens-{session.shown_id()}")
    st.caption("The ten most probable tokens right after the prompt, of the whole vocabulary.")
    provenance(run, k=one.k, position="last and every new token")
    if fold := unfolded("Copy as Python", "writing_python", ":material/code:"):
        with fold:
            st.code(writing_python(run.config(), job), language="python", wrap_lines=True)


through_frame()
run = session.shown_run()
setting = setting_of(run) if run else None
found = attribution_of(run) if run else None
if run is None:
    empty_state("There is no run whose neurons could steer a text yet.", session.START, session.ATTRIBUTION)
elif setting is None or found is None:
    empty_state("The attribution of this run is not finished.", session.ATTRIBUTION)
else:
    competence(run)
    form(run, setting, found)
    shown_for, job, one = st.session_state.get("writing", (None, None, None))
    if shown_for == session.shown_id() and job is not None:
        result(run, job, one)
