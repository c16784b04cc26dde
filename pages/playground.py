"""The user's own prompt, continued by the plain model and by the steered one."""

import streamlit as st

from neuron_core.analysis.neuron import steering_of
from neuron_core.control.findings import Generation, Written
from neuron_core.control.interventions import DIRECTIONS, RATIOS, Direction, Intervention, grid
from neuron_core.errors import ConfigError
from neuron_core.figures.playground import next_token_bars
from neuron_core.figures.theme import counted
from neuron_core.reports.recipes.neuron import writing_python
from neuron_core.runs.results import Attribution
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from neuron_core.service.jobs import WritingJob
from pages.shared.frame import session
from pages.shared.frame.background_jobs import EVERY, failure_box
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import guard, plain
from pages.shared.frame.navigation import through_frame
from pages.shared.views.figures import competence, empty_state, figure, provenance
from pages.shared.views.results import attribution_of, setting_of
from pages.shared.views.words import short_title

MOST_TOKENS = 200


def form(run: RunFolder, setting: Setting, found: Attribution) -> None:
    """Prompt, neurons and manner of writing; the button starts it."""
    questions = setting.evaluation or setting.attribution
    prompt = st.text_area(
        "Prompt",
        questions[0].prompt,
        height=220,
        key=f"playground_prompt_{setting.task_fingerprint}",
        persist_state="session",
        help="As it is: no chat template is put around it.",
    )
    one = choose_neurons(setting, found)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        n_tokens = st.number_input(
            "New tokens", 1, MOST_TOKENS, 40, key="playground_tokens", persist_state="session", width=140
        )
        temperature = st.number_input(
            "Temperature",
            0.0,
            5.0,
            0.0,
            0.1,
            key="playground_temperature",
            persist_state="session",
            width=140,
            help="0: always the most probable token. Above: drawn by the seed, with the same luck for both texts.",
        )
        seed = st.number_input(
            "Seed", 0, value=0, key="playground_seed", persist_state="session", width=140, disabled=temperature == 0
        )
    good, bad = ("doubled", "silenced") if one.direction == "enhancer" else ("silenced", "doubled")
    st.caption(
        f"Steered: {counted(len(one.good), 'good neuron')} {good}, {counted(len(one.bad), 'bad one')} {bad}, at the "
        "prompt's last token and at every new one."
    )
    job = WritingJob(prompt, steering_of(one), int(n_tokens), float(temperature), int(seed))
    if st.button("Write", type="primary", key="write", icon=":material/edit_note:"):
        with guard():
            if not prompt.strip():
                raise ConfigError("the prompt is empty", accepted="at least one word")
            engine().jobs.start(job, run.config().model)
            st.session_state["writing"] = (session.shown_id(), job, one)
    if engine().model() is None:
        st.caption(f"Loads {plain(short_title(setting.model.title))} first.")


def choose_neurons(setting: Setting, found: Attribution) -> Intervention:
    """Which of the run's neurons are changed, and how."""
    most = max(1, int((found.ranking.scores != 0).sum()))
    with st.container(horizontal=True, gap="medium"):
        k = st.number_input(
            "Budget K", 1, most, min(setting.k, most), key=f"playground_k_{most}", persist_state="session", width=140
        )
        direction: Direction = st.segmented_control(
            "Direction",
            DIRECTIONS,
            default="enhancer",
            required=True,
            key="playground_direction",
            persist_state="session",
        )
        ratio = st.select_slider(
            "Ratio: share of good neurons",
            RATIOS,
            0.5,
            key="playground_ratio",
            format_func=lambda value: f"{value:g}",
            persist_state="session",
            width=300,
        )
    return next(one for one in grid(found.ranking, [int(k)], [ratio]) if one.direction == direction)


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


def both(texts: Generation) -> None:
    """The two texts beside each other, as plain text."""
    for column, name, written in zip(
        st.columns(2, border=True), ("Plain", "Steered"), (texts.plain, texts.steered), strict=True
    ):
        with column:
            st.markdown(f"**{name}**")
            st.code(written.text or "…", language=None, wrap_lines=True)
            st.caption(how_it_ended(written))


def how_it_ended(written: Written) -> str:
    n = len(written.token_ids)
    return f"{counted(n, 'token')}; the model ended it." if written.ended else f"{counted(n, 'token')}."


def parted(texts: Generation) -> str:
    """Where the two texts part."""
    pairs = zip(texts.plain.token_ids, texts.steered.token_ids, strict=False)
    place = next((i for i, (one, other) in enumerate(pairs, start=1) if one != other), None)
    if place is not None:
        return f"The texts part at new token {place}."
    return "The texts are the same." if texts.plain == texts.steered else "One text goes on where the other ends."


def result(run: RunFolder, job: WritingJob, one: Intervention) -> None:
    """What the last press of the button came to."""
    now = engine().jobs.state(job)
    if now is None:
        return
    if not now.ended:
        if st.button("Cancel", key="write_cancel", icon=":material/stop_circle:"):
            engine().jobs.cancel(job)
        going_on(job)
        return
    failure_box(now)
    if now.text is None:
        return
    both(now.text)
    drawn = "the most probable token each" if job.temperature == 0 else f"seed {job.seed}"
    st.caption(
        f"{parted(now.text)} {one.direction.capitalize()}, K = {one.k}, ratio {one.ratio:g}; temperature "
        f"{job.temperature:g}, {drawn}. One text is one example and no measure; Control measures."
    )
    st.header("The next token")
    figure(next_token_bars(now.text), "next_tokens", f"next-tokens-{session.shown_id()}")
    st.caption("The ten most probable tokens right after the prompt, of the whole vocabulary.")
    provenance(run, k=one.k, position="last and every new token")
    with st.expander("Copy as Python", key="writing_python", icon=":material/code:"):
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
