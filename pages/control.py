"""What the neurons do: enhancer and degrader over the evaluated grid, down to single questions."""

import streamlit as st

from neuron_core.cni.methods import CONTROLS
from neuron_core.control.interventions import BUDGETS, DIRECTIONS, RATIOS, Direction
from neuron_core.control.metrics import Baseline, Evaluation
from neuron_core.errors import NeuronCoreError
from neuron_core.figures.baseline import letter_bars
from neuron_core.figures.control import Metric, budget_curves, ratio_curves
from neuron_core.figures.theme import counted
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.proxies import N_PROXIES, SHUFFLES
from neuron_core.runs.config import POSITIONS, SAMPLES, EvaluationConfig
from neuron_core.runs.results import Cell, cell_of
from neuron_core.runs.setting import Setting
from neuron_core.runs.store import RunFolder
from pages.shared.frame import session
from pages.shared.frame.guard import guard, plain
from pages.shared.frame.navigation import through_frame
from pages.shared.inputs.evaluation_size import interventions
from pages.shared.inputs.submit import evaluate, room_of
from pages.shared.views.changed_questions import flips
from pages.shared.views.figures import CARD_WIDTH, competence, empty_state, figure, provenance, recipes
from pages.shared.views.results import attribution_of, evaluation_of, setting_of, side_effects_of
from pages.shared.views.words import (
    between,
    change,
    effect_badge,
    letter_warning,
    letters_under,
    side_effects_in_words,
    source_title,
)

METRICS: dict[str, Metric] = {"RAC (accuracy)": "rac", "RCC (comprehension)": "rcc"}
OVER_RATIO, OVER_BUDGET = "over the ratio", "over the budget K"


def form(run: RunFolder, setting: Setting) -> None:
    """Starts an evaluation of the run's neurons."""
    asked = run.config().evaluation
    try:
        most = room_of(run.config())
    except NeuronCoreError as error:
        st.info(f"Another evaluation needs the task, which can't be read: {plain(error.what)}.")
        return
    if most < 2:
        st.info(f"The task has {counted(most, 'example')} left for an evaluation, which takes two. Add examples to it.")
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
        help=f"Three questions each, none of which the attribution saw. This task has {most:,} left.",
    )
    seeds = three.number_input(
        "Random sets",
        0,
        value=5,
        key="random_seeds",
        persist_state="session",
        help="As many random neurons a layer; 0 leaves the band out.",
    )
    position, sample, by, methods = more_settings(run)
    n_each, of_whom = interventions(run, len(ks), int(seeds), methods)
    st.caption(
        f"{int(examples) * N_PROXIES[SHUFFLES]} questions, each under {n_each} interventions: {len(ks)} budgets, "
        f"{len(RATIOS)} ratios, enhancer and degrader, for {of_whom} and for {int(seeds)} random sets."
        + (" At all positions each intervention takes a whole prompt: much slower." if position == "all" else "")
        + (
            f" The sample first asks a model up to {most * N_PROXIES[SHUFFLES]} further questions."
            if sample != "natural"
            else ""
        )
    )
    if st.button("Evaluate", type="primary", key="start_evaluation", icon=":material/play_arrow:"):
        with guard():
            wanted = EvaluationConfig(
                examples=int(examples),
                ks=tuple(sorted(ks)),
                random_seeds=int(seeds),
                position=position,
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


def sample_caption(setting: Setting) -> None:
    """How the evaluation examples were chosen, where not as drawn, and whether there were enough."""
    sample = setting.sample
    if sample is None:
        return
    parts = [f"{len(sample.comprehended)} comprehended"]
    if sample.kind == "balanced":
        parts.append(f"{len(sample.others)} not comprehended")
    short = "" if sample.full else f" There are not the {sample.wanted} examples that were asked for."
    st.caption(f"Sample: {sample.kind}, {' and '.join(parts)} examples, by {plain(sample.chosen_by)}.{short}")


def choose_cell(evaluation: Evaluation) -> Cell:
    """One cell of the evaluated grid, opened at the best ratio."""
    sources = list(dict.fromkeys(row.source for row in evaluation.grid))
    with st.container(horizontal=True, gap="medium"):
        source = sources[0]
        if len(sources) > 1:
            source = st.selectbox("Neurons of", sources, key="control_source", format_func=source_title, width=220)
        ks = sorted({row.k for row in evaluation.grid if row.source == source})
        # The largest budget and the degrader show most, whatever a run found.
        k = st.selectbox("Budget K", ks, len(ks) - 1, key="control_k", persist_state="session", width=150)
        direction: Direction = st.segmented_control(
            "Direction", DIRECTIONS, default="degrader", required=True, key="direction", persist_state="session"
        )
        where = (source, k, direction)
        best = next(found for found in evaluation.best if (found.source, found.k, found.direction) == where)
        ratios = sorted({row.ratio for row in evaluation.grid if (row.source, row.k, row.direction) == where})
        # A single source keeps the keys short: tests of the browser and links of users name them.
        own = "" if len(sources) == 1 else f"_{sources.index(source)}"
        ratio = choose_ratio(ratios, best.ratio, f"ratio_{k}_{direction}{own}")
    return cell_of(evaluation, k, ratio, direction, source)


def choose_ratio(ratios: list[float], best: float, key: str) -> float:
    """A slider for each budget and direction: every one opens at its own best ratio."""
    with st.container(key="ratio"):
        if len(ratios) == 1:
            st.markdown(f"Ratio: {best:g}, the only one evaluated")
            return best
        return st.select_slider(
            "Ratio: share of good neurons",
            ratios,
            best,
            key=key,
            format_func=lambda value: f"{value:g}",
            persist_state="session",
        )


def cards(run: RunFolder, cell: Cell, baseline: Baseline) -> None:
    """RAC and RCC of the cell, of the best ratio, and held out; the letters beside them."""
    row, best = cell.row, cell.best
    used = f"{row.n_good} good and {counted(row.n_bad, 'bad neuron')} are used."
    st.markdown(f"{effect_badge(cell)} {used[:1].upper()}{used[1:]}")
    row_of_cards = st.container(horizontal=True, horizontal_alignment="distribute", key="cards")
    for name in ("rac", "rcc"):
        with row_of_cards.container(border=True, height="stretch", width=CARD_WIDTH):
            st.metric(f"{name.upper()} at ratio {row.ratio:g}", change(getattr(row, name)), help=MEANING[name])
            st.caption(f"95% interval: {between(*(getattr(row, f'{name}_interval') or (None, None)))}")
            if cell.random:
                low, high = (getattr(cell.random, f"{name}_{end}") for end in ("low", "high"))
                st.caption(f"{cell.random.n_seeds} random sets: {between(low, high)}")
    for name in ("rac", "rcc"):
        with row_of_cards.container(border=True, height="stretch", width=CARD_WIDTH):
            st.metric(
                f"{name.upper()}, held out",
                change(getattr(best, f"heldout_{name}")),
                help="The ratio is chosen on one half of the examples and measured on the other; both ways, averaged.",
            )
            interval = getattr(best, f"heldout_{name}_interval") or (None, None)
            st.caption(f"95% interval: {between(*interval)}")
            st.caption(f"Best ratio {best.ratio:g}: {change(getattr(best, name))} (optimistic)")
    st.caption(
        f"{letters_under(row, baseline)} The best ratio is chosen on the very questions that it is reported for; "
        "hence optimistic."
    )
    effects = side_effects_of(run)
    if effects is not None and (said := side_effects_in_words(effects, cell)):
        st.caption(said)
    if warning := letter_warning(row, baseline):
        with st.container(key="letter_warning"):
            st.warning(warning, icon=":material/abc:")


MEANING = {
    "rac": "Relative change of accuracy, positive in the intended direction.",
    "rcc": "Relative change of comprehension: examples with at least two of three questions right.",
}


def curves(run: RunFolder, evaluation: Evaluation, k: int, source: str) -> None:
    with st.container(horizontal=True, gap="large"):
        metrics = list(METRICS)
        chosen = st.segmented_control("Measure", metrics, default=metrics[0], required=True, key="metric")
        over = st.segmented_control("Shown", [OVER_RATIO, OVER_BUDGET], default=OVER_RATIO, required=True, key="over")
    metric = METRICS[chosen]
    if over == OVER_RATIO:
        figure(ratio_curves(evaluation, k, metric, source), "ratio_curves", f"{metric}-ratio-{session.shown_id()}-k{k}")
    else:
        figure(
            budget_curves(evaluation, "best", metric, source), "budget_curves", f"{metric}-budget-{session.shown_id()}"
        )
        st.caption("At each budget's best ratio, with the held-out values beside; random sets get the same choice.")
    provenance(
        run,
        k=k if over == OVER_RATIO else sorted({row.k for row in evaluation.grid}),
        position=evaluation.grid[0].position,
    )


def unmodified(baseline: Baseline) -> None:
    with st.expander("The unmodified model's letters", key="letters", icon=":material/bar_chart:"):
        figure(letter_bars(baseline), "letter_bars", f"letters-{session.shown_id()}")


def page(run: RunFolder, setting: Setting, evaluation: Evaluation) -> None:
    competence(run)
    sample_caption(setting)
    cell = choose_cell(evaluation)
    cards(run, cell, evaluation.baseline)
    provenance(run, k=cell.row.k, position=cell.row.position)
    curves(run, evaluation, cell.row.k, cell.row.source)
    unmodified(evaluation.baseline)
    flips(run, cell.row)
    recipes(run)
    if not session.is_demo(session.shown_id()):
        with st.expander("Evaluate again", key="again", icon=":material/replay:"), guard():
            st.markdown("Other budgets, examples or random sets. The evaluation above is replaced.")
            form(run, setting)


through_frame()
run = session.shown_run()
setting = setting_of(run) if run else None
evaluation = evaluation_of(run) if run else None
if run is None:
    empty_state("There is no run to look into yet.", session.START, session.ATTRIBUTION)
elif setting is not None and evaluation is not None:
    page(run, setting, evaluation)
elif setting is None or attribution_of(run) is None:
    empty_state("The attribution of this run is not finished.", session.ATTRIBUTION)
else:
    competence(run)
    if session.is_active(session.shown_id() or run.id):
        empty_state("The evaluation is on its way; its results appear here.")
    else:
        with st.container(border=True, key="empty"), guard():
            st.markdown(
                "An evaluation doubles and silences these neurons while the model answers questions that the "
                "attribution has not seen."
                + (" The last one stopped: change it here, or resume it above." if run.config().evaluation else "")
            )
            form(run, setting)
