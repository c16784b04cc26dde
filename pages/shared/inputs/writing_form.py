"""What the Playground writes: a prompt, the neurons that are changed, and how long the text gets."""

import streamlit as st

from neuron_core.analysis.neuron import steering_of
from neuron_core.analysis.writings import ChangedAnswer
from neuron_core.control.interventions import DIRECTIONS, RATIOS, Direction, Intervention, grid
from neuron_core.errors import ConfigError
from neuron_core.figures.theme import counted
from neuron_core.runs.results import Attribution
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from neuron_core.service.jobs import WritingJob
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import guard, plain
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.views.results import changed_answer_of
from pages.shared.views.words import short_title

MOST_TOKENS, USUAL_TOKENS = 200, 20


def form(run: RunFolder, setting: Setting, found: Attribution) -> None:
    """Prompt, neurons and manner of writing; the button starts it."""
    questions = setting.evaluation or setting.attribution
    known = changed_answer_of(run, next(iter(found.rankings)))
    question = questions[known.question if known else 0].prompt
    prompt = st.text_area(
        "Prompt",
        question,
        height=220,
        key=f"playground_prompt_{setting.task_fingerprint}",
        persist_state="session",
        help="Sent as it is, without a chat template.",
    )
    if known is not None and prompt == question:
        st.caption(
            f"This question of the evaluation was answered {known.row.baseline_letter} by the unmodified model and "
            f"{known.row.new_letter} with the neurons below changed. Any other prompt can be typed."
        )
    one = choose_neurons(setting, found, known)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        n_tokens = st.number_input(
            "New tokens", 1, MOST_TOKENS, USUAL_TOKENS, key="playground_tokens", persist_state="session", width=140
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
            help="0: always the most probable token. Above: drawn by the seed, with the same random numbers for both "
            "texts.",
        )
        seed = st.number_input(
            "Seed", 0, value=0, key="playground_seed", persist_state="session", width=140, disabled=temperature == 0
        )
    good, bad = ("doubled", "silenced") if one.direction == "enhancer" else ("silenced", "doubled")
    st.caption(
        f"Steered: {counted(len(one.good), 'good neuron')} {good}, {counted(len(one.bad), 'bad one')} {bad}, at the "
        "prompt's last token and at every new one."
    )
    job = WritingJob(prompt, steering_of(one), int(n_tokens), float(temperature), int(seed), run.config().model)
    if st.button("Write", type="primary", key="write", icon=":material/edit_note:"):
        with guard():
            if not prompt.strip():
                raise ConfigError("the prompt is empty", accepted="at least one word")
            engine().jobs.start(job, job.model)
            st.session_state["writing"] = (session.shown_id(), job, one)
    if engine().model(job.model) is None:
        st.caption(f"Loads {plain(short_title(setting.model.title))} first.")


def choose_neurons(setting: Setting, found: Attribution, known: ChangedAnswer | None) -> Intervention:
    """Which of the run's neurons are changed, and how; at first as in the setting that is known to change an answer."""
    most = max(1, int((found.ranking.scores != 0).sum()))
    own = f"{most}_{setting.task_fingerprint}"
    ratios = sorted({*RATIOS, known.ratio} if known else RATIOS)
    take_link("k", f"playground_k_{own}", range(1, most + 1))
    take_link("direction", f"playground_direction_{own}", DIRECTIONS)
    take_link("ratio", f"playground_ratio_{own}", ratios, lambda value: f"{value:g}")
    with st.container(horizontal=True, gap="medium"):
        k = st.number_input(
            "Budget K",
            1,
            most,
            min(known.k if known else setting.k, most),
            key=f"playground_k_{own}",
            persist_state="session",
            width=140,
        )
        direction: Direction = st.segmented_control(
            "Direction",
            DIRECTIONS,
            default=known.direction if known else "enhancer",
            required=True,
            key=f"playground_direction_{own}",
            persist_state="session",
        )
        ratio = st.select_slider(
            "Ratio: share of good neurons",
            ratios,
            known.ratio if known else 0.5,
            key=f"playground_ratio_{own}",
            format_func=lambda value: f"{value:g}",
            persist_state="session",
            width=300,
        )
    keep_link("k", k)
    keep_link("direction", direction)
    keep_link("ratio", f"{ratio:g}")
    return next(one for one in grid(found.ranking, [int(k)], [ratio]) if one.direction == direction)
