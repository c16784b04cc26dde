"""The parts of an effect over tasks: content, the paper's method, and content without what the tasks share."""

import re
from collections import Counter
from collections.abc import Mapping

import pandas as pd
import streamlit as st

from neuron_core.analysis.parts import PartMatrix, matrix_table, part_matrix
from neuron_core.cni.sets import NeuronSetFile, ScoredNeuron
from neuron_core.control.interventions import DIRECTIONS, Direction
from neuron_core.control.results import Evaluation
from neuron_core.errors import ConfigError
from neuron_core.experiments.part_sets import PART_KINDS, part_names
from neuron_core.experiments.plan import PARTS_RATIO
from neuron_core.figures.parts import MEASURE_TITLES, no_share_in_words
from neuron_core.reports.recipes.run import PROGRAM
from neuron_core.runs.run_folder import RunFolder
from pages.shared.frame.guard import plain
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.frame.once import summary_of
from pages.shared.views.comparisons import AskedTask, runs_of_model
from pages.shared.views.drawn import part_heatmaps
from pages.shared.views.figures import figure, table
from pages.shared.views.results import evaluation_of, sets_of

TITLES = {
    "ace": ("ACE", "letters, answering and task together"),
    "content": ("Content", "answering and task, letters cancelled"),
    "own": ("The task's own part", "content without what the tasks share"),
}
"of the matrices, in two lines"
PART_SET = re.compile(rf"(?:{'|'.join(PART_KINDS)})-\d+-.+")
Neurons = frozenset[tuple[str, tuple[ScoredNeuron, ...]]]
"name of a set, its neurons"
MEASURES = ("content_margin", "content_acc", "rac")


def parts_view(run: RunFolder, tasks: Mapping[str, AskedTask]) -> None:
    """Three matrices in one measure with their diagonals marked, as far as runs of `experiment parts` are here."""
    take_link("direction", "direction", DIRECTIONS)
    take_link("measure", "parts_measure", MEASURES)
    with st.container(horizontal=True, gap="large"):
        direction = st.segmented_control(
            "Direction", DIRECTIONS, default="degrader", required=True, key="direction", persist_state="session"
        )
        measure = st.segmented_control(
            "Measure",
            MEASURES,
            default="content_margin",
            required=True,
            key="parts_measure",
            format_func=MEASURE_TITLES.__getitem__,
        )
    keep_link("direction", direction)
    keep_link("measure", measure)
    found = matrices(evaluations_with_parts(run, tasks), direction)
    if not found:
        st.info("These matrices need sets of several tasks, tried on each other. This command makes them:")
        st.code(f"{PROGRAM} experiment parts --tasks {','.join(one.source for one in tasks.values())}", language="bash")
        return
    shown = list(found.values())
    titles = [(f"{TITLES[kind][0]}, K = {one.k}", TITLES[kind][1]) for kind, one in found.items()]
    figure(part_heatmaps(shown, measure, titles=titles), "parts", f"parts-{direction}")
    st.caption(
        f"Neurons of the task on the left, tried on the task below, at ratio {PARTS_RATIO:g}, which nothing chose. "
        "Framed: a task's neurons on the task itself."
    )
    if why := no_share_in_words(shown, measure):
        st.caption(plain(f"{why}. The table below has the values themselves."))
    rows = pd.concat([matrix_table(one, kind) for kind, one in found.items()], ignore_index=True)
    table(rows, "parts_table", f"parts-{direction}", "What each task's sets do to each task", height=280)


def evaluations_with_parts(run: RunFolder, tasks: Mapping[str, AskedTask]) -> dict[str, Evaluation]:
    """Task → the newest evaluation of it that has the sets, in the order of `tasks`.

    All of them by the model of `run`, and with the same neurons in every set: of several experiments the one that has
    most of the tasks, of equal ones the newest.
    """
    wanted = [one.fingerprint for one in tasks.values()]
    by_sets: dict[Neurons, dict[str, RunFolder]] = {}
    for other, summary in runs_of_model(run):
        if summary.task_fingerprint in wanted and any(map(PART_SET.fullmatch, summary.evaluated)):
            by_sets.setdefault(_neurons(sets_of(other)), {}).setdefault(summary.task_fingerprint, other)
    one = max(by_sets.values(), key=len, default={})
    found = {}
    for fingerprint in wanted:
        if fingerprint in one and (evaluation := evaluation_of(one[fingerprint])) is not None:
            found[summary_of(one[fingerprint]).task] = evaluation
    return found


def _neurons(sets: Mapping[str, NeuronSetFile]) -> Neurons:
    """The sets that matrices are made of, with their neurons."""
    return frozenset((name, one.neurons) for name, one in sets.items() if PART_SET.fullmatch(name))


def names_of(evaluations: Mapping[str, Evaluation], kind: str) -> dict[str, str]:
    """task → the name of its set, whatever place it had among the tasks of the experiment."""
    sources = {row.source for one in evaluations.values() for row in one.grid}
    found = {}
    for task, name in part_names(kind, list(evaluations)).items():
        ending = name.split("-", 2)[2]
        same = [source for source in sources if re.fullmatch(rf"{kind}-\d+-{re.escape(ending)}", source)]
        if same:
            found[task] = same[0]
    return found


def matrices(evaluations: Mapping[str, Evaluation], direction: Direction) -> dict[str, PartMatrix]:
    """Kind → matrix, in the order of the titles; without the kinds that nothing was evaluated of."""
    found = {}
    for kind in TITLES:
        names = names_of(evaluations, kind)
        # The budget that most sets were tried with: a task's own set is tried with a second one too.
        tried = Counter(
            row.k for one in evaluations.values() for row in one.grid if row.source in names.values()
        ).most_common()
        if not tried:
            continue
        k = max(budget for budget, n in tried if n == tried[0][1])
        try:
            found[kind] = part_matrix(evaluations, names, k, direction, PARTS_RATIO)
        except ConfigError:
            # Other ratios were evaluated.
            continue
    return found
