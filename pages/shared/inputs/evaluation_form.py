"""The form that starts an evaluation of a run's neurons."""

import streamlit as st

from neuron_core.cni.methods import CONTROLS, source_title
from neuron_core.control.interventions import BUDGETS, RATIOS
from neuron_core.errors import NeuronCoreError
from neuron_core.figures.theme import counted
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.proxies import N_PROXIES, PROXIES, SHUFFLES
from neuron_core.runs.config import MOST_RANDOM_SETS, POSITIONS, SAMPLES, EvaluationConfig
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from neuron_core.service.owner import EVALUATE
from pages.shared.frame.engine import why_not
from pages.shared.frame.guard import guard, plain
from pages.shared.inputs.evaluation_size import interventions
from pages.shared.inputs.submit import evaluate, room_of


def form(run: RunFolder, setting: Setting) -> None:
    """Starts an evaluation of the run's neurons."""
    asked = run.config().evaluation
    try:
        most = room_of(run.config())
    except NeuronCoreError as error:
        st.info(f"Another evaluation needs the task, which can't be read: {plain(error.what)}.")
        return
    if most < 2:
        st.info(f"The task has {counted(most, 'example')} left for an evaluation, which needs two. Add examples to it.")
        return
    usual = list(asked.ks if asked else dict.fromkeys([setting.k, 50, 100]))
    # Of another run's form it may be more than this task has.
    wanted = st.session_state.get("evaluation_examples", asked.examples if asked else 100)
    st.session_state["evaluation_examples"] = min(wanted, most)
    one, two, three = st.columns([2, 1, 1])
    ks = one.multiselect(
        "Budgets K",
        sorted({*BUDGETS, *usual}),
        default=sorted(usual),
        key="evaluation_ks",
        persist_state="session",
    )
    examples = two.number_input(
        "Examples",
        2,
        most,
        key="evaluation_examples",
        persist_state="session",
        help=f"None of them was seen by the attribution. This task has {most:,} left.",
    )
    seeds = three.number_input(
        "Random sets",
        0,
        MOST_RANDOM_SETS,
        5,
        key="random_seeds",
        persist_state="session",
        help="Sets of random neurons, as many in each layer as the run's own. 0 leaves the random band out.",
    )
    proxies = st.segmented_control(
        "Proxies",
        PROXIES,
        default=asked.proxies if asked else run.config().attribution.proxies,
        required=True,
        key=f"evaluation_proxies_{run.id}",
        help="shuffles: three questions an example, as in the paper. rotations: four, every option on every letter "
        "once; content accuracy and content margin are then exact.",
    )
    position, sample, by, methods = more_settings(run)
    n_each, of_whom = interventions(run, len(ks), int(seeds), methods)
    st.caption(
        f"{int(examples) * N_PROXIES[proxies]} questions, each under {n_each} interventions: {len(ks)} budgets, "
        f"{len(RATIOS)} ratios, enhancer and degrader, for {of_whom} and for {int(seeds)} random sets."
        + (" At all positions each intervention takes a whole prompt: much slower." if position == "all" else "")
        + (
            f" The sample first asks a model up to {most * N_PROXIES[SHUFFLES]} further questions."
            if sample != "natural"
            else ""
        )
    )
    no = why_not(EVALUATE, run)
    if no is not None:
        st.caption(no)
    if st.button(
        "Evaluate",
        type="primary",
        key="start_evaluation",
        icon=":material/play_arrow:",
        disabled=no is not None,
    ):
        with guard():
            wanted = EvaluationConfig(
                examples=int(examples),
                ks=tuple(sorted(ks)),
                random_seeds=int(seeds),
                position=position,
                proxies=proxies,
                methods=methods,
                sample=sample,
                comprehended_by=ModelSpec(source=by) if by else None,
            )
            evaluate(run, wanted)
            st.rerun()


def more_settings(run: RunFolder) -> tuple[str, str, str, tuple[str, ...] | None]:
    """Position, sample, whose comprehension decides, and methods; None for all that the run has."""
    one, two = st.columns(2)
    position = one.segmented_control(
        "Position",
        POSITIONS,
        default="last",
        required=True,
        key="evaluation_position",
        persist_state="session",
        help="last: the last prompt token, where the neurons were found; all: every token of the prompt.",
    )
    sample = two.segmented_control(
        "Sample",
        SAMPLES,
        default="natural",
        required=True,
        key="evaluation_sample",
        persist_state="session",
        help="natural: as drawn; balanced: half that the model comprehends (two of three right), half that it does "
        "not; comprehended: only those. Chosen on one option shuffle, evaluated on another.",
    )
    by = ""
    if sample != "natural":
        by = st.text_input(
            "Whose comprehension decides",
            key="evaluation_by",
            placeholder="the run's own model",
            help="A hub id, a checkpoint folder, or a .gguf file.",
            persist_state="session",
        ).strip()
    known = [*run.config().attribution.methods]
    if len(known) < 2:
        return position, sample, by, None
    chosen = st.multiselect(
        "Methods", [*known, *CONTROLS], default=known, key=f"evaluation_methods_{run.id}", format_func=source_title
    )
    return position, sample, by, None if chosen == known else tuple(chosen)
