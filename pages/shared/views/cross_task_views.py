"""What tasks do to each other, and what they share: matrices, common and specific neurons, overlap, two roles."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from neuron_core.analysis.common import common_table
from neuron_core.analysis.cross import CrossMatrix, cross_entries, cross_matrix
from neuron_core.analysis.layers import Role
from neuron_core.analysis.specific import PAIRS
from neuron_core.analysis.task_layers import task_layers
from neuron_core.cni.sets import NeuronSetFile
from neuron_core.control.interventions import DIRECTIONS
from neuron_core.experiments.cross_task_runs import cross_names, cross_runs
from neuron_core.figures.points import Metric
from neuron_core.figures.theme import counted
from neuron_core.reports.recipes.comparison import matrices_python
from neuron_core.runs.run_folder import RunFolder
from pages.shared.frame import session
from pages.shared.frame.guard import plain
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.views.compared import (
    common_of,
    opposed_of,
    overlap_of,
    overlap_table_of,
    specific_of,
    specific_table_of,
)
from pages.shared.views.comparisons import fingerprints_of, places_of
from pages.shared.views.drawn import cross_heatmaps, overlap_heatmap, share_lines
from pages.shared.views.figures import figure, open_neuron, table
from pages.shared.views.results import evaluation_of
from pages.shared.views.tables import SCORE
from pages.shared.views.words import between

PANEL_WIDTH, TASK_WIDTH = 220, 60
"pixels of one overlap: beside its matrix, and each task of it"
MEASURES: dict[str, Metric] = {"RAC": "rac", "RCC": "rcc"}
EFFECTS = ("rac", "rcc", "rac_low", "rac_high", "rcc_low", "rcc_high")


def matrices_view(chosen: dict[str, RunFolder], files: dict[str, NeuronSetFile], k: int) -> str | None:
    """What each task's specific neurons do to each task, degrading and enhancing; gives it as Python.

    As long as none of them was tried, what their rankings alone tell.
    """
    there = cross_runs(session.all_runs(), files, k, fingerprints_of(chosen))
    evaluations = {task: found for task, run in there.items() if (found := evaluation_of(run)) is not None}
    tasks = [task for task in chosen if task in evaluations]
    if not tasks:
        st.markdown(
            "No task has been tried with these neurons yet; runs are missing. Meanwhile, this is how many neurons the "
            "tasks share."
        )
        overlap_figures(chosen, k, PAIRS[:2])
        return None
    names = cross_names(tuple(files))
    take_link("measure", "cross_metric", list(MEASURES))
    measure = st.segmented_control("Colour", list(MEASURES), default="RAC", required=True, key="cross_metric")
    keep_link("measure", measure)
    found: list[CrossMatrix] = []
    for column, direction in zip(st.columns(2, gap="medium"), reversed(DIRECTIONS), strict=True):
        found.append(cross_matrix(evaluations, {task: names[task] for task in tasks}, k, direction))
        with column:
            drawn = cross_heatmaps(found[-1:], MEASURES[measure])
            figure(drawn.update_xaxes(tickangle=0), f"cross_{direction}", f"cross-{direction}-k{k}")
    st.caption(
        "RAC/RCC in percent of the unmodified model, positive in the intended direction. Fail: one of them is "
        "negative. Each column has the one ratio that is best for its source on its own task. So the diagonal is "
        "optimistic; no other cell is chosen."
    )
    table(
        pd.concat([cross_entries(matrix) for matrix in found], ignore_index=True),
        "cross_entries",
        f"cross-task-k{k}",
        "Effect of each task's specific neurons on each task",
        height=280,
        column_config=dict.fromkeys(EFFECTS, st.column_config.NumberColumn(format="%.1f")),
    )
    tried = {task: there[task] for task in tasks}
    random_caption(tried, k)
    return matrices_python(places_of(tried), {task: names[task] for task in tasks}, k)


def random_caption(runs: dict[str, RunFolder], k: int) -> None:
    """Random sets of the same size on each task, at the ratio that is best for them."""
    said = []
    for task, run in runs.items():
        evaluation = evaluation_of(run)
        for best in evaluation.random_best if evaluation else ():
            if best.k == k:
                said.append(f"{task}, {best.direction}: RAC {between(best.rac_low, best.rac_high)}")
    if said:
        st.caption(plain(f"Random sets, each at its own best ratio. {'; '.join(said)}."))


def sets_view(chosen: dict[str, RunFolder], k: int) -> None:
    """The common neurons of all tasks, and those that a task has for itself."""
    common, specific = common_of(chosen, k), specific_of(chosen, k)
    st.header("Common neurons")
    st.markdown(
        f"In the top D of at least two tasks, the smallest D that gives {k}: D = {common.good.depth} for good ones, "
        f"{common.bad.depth} for bad ones."
        + (f" {common.n_dropped} are good and bad at once and are left out." if common.n_dropped else "")
    )
    if min(len(common.good.neurons), len(common.bad.neurons)) < k:
        st.info(f"There are {len(common.good.neurons)} good and {len(common.bad.neurons)} bad ones; K is {k}.")
    if len(common.ranking().scores):
        layers = task_layers({"common": common.ranking().cut(k)}, common.n_layers)
        figure(share_lines(layers), "common_layers", f"common-layers-k{k}")
    table(
        common_table(common),
        "common",
        f"common-k{k}",
        "Common neurons with number of tasks and worst rank",
        height=280,
        opens={"neuron": open_neuron},
    )
    st.header("Specific neurons")
    st.markdown(
        f"Every neuron in two or more tasks' sets is banned, and the sets are refilled until no two meet: "
        f"{len(specific.banned)} banned in {counted(specific.rounds, 'round')}."
    )
    table(
        specific_table_of(chosen, k),
        "specific",
        f"specific-k{k}",
        "Specific neurons of each task",
        height=320,
        opens={"id": open_neuron},
        column_config={"score": st.column_config.NumberColumn(format=SCORE)},
    )


def overlap_view(chosen: dict[str, RunFolder], k: int) -> None:
    """Jaccard of every two tasks' sets, by role and across roles."""
    overlap_figures(chosen, k, PAIRS)
    table(overlap_table_of(chosen, k), "overlaps", f"overlap-k{k}", "Overlap of every two tasks' sets", height=240)


def overlap_figures(chosen: dict[str, RunFolder], k: int, pairs: Sequence[tuple[Role, Role]]) -> None:
    """A matrix of Jaccard overlaps for each of these pairs of roles."""
    with st.container(horizontal=True, gap="medium"):
        for one, two in pairs:
            found = overlap_of(chosen, k, one, two)
            with st.container(width=PANEL_WIDTH + TASK_WIDTH * max(3, len(found))):
                st.markdown(f"**{one.capitalize()} for one task, {two} for another**")
                drawn = overlap_heatmap(found, f"{one} for", f"{two} for")
                figure(
                    drawn.update_traces(showscale=False, selector={"type": "heatmap"}),
                    f"overlap_{one}_{two}",
                    f"overlap-{one}-{two}-k{k}",
                )
    st.caption(
        "Jaccard index: neurons in both sets, as a share of those in either. 0: none in common; 1: the same set."
    )


def opposed_view(chosen: dict[str, RunFolder], k: int) -> None:
    """Neurons good for one task and bad for another."""
    found = opposed_of(chosen, k)
    if not len(found):
        st.info(f"No neuron is among the {k} good ones of one task and the {k} bad ones of another.")
        return
    n = found["id"].nunique()
    st.markdown(f"{counted(n, 'neuron')} {'is' if n == 1 else 'are'} good for one task and bad for another.")
    table(
        found,
        "opposed",
        f"two-roles-k{k}",
        "Neurons good for one task and bad for another",
        opens={"id": open_neuron},
        column_config={name: st.column_config.NumberColumn(format=SCORE) for name in ("good_score", "bad_score")},
    )
