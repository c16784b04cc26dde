"""Where neurons sit: one run's map with the neurons of a layer beside it, tasks side by side, the whole model."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from neuron_core.analysis.distribution import layers_table, zeros_last
from neuron_core.analysis.layers import NeuronRow, layer_counts, neuron_rows
from neuron_core.analysis.specific import specific_neurons
from neuron_core.analysis.task_layers import score_map, task_layers
from neuron_core.cni.methods import score_unit
from neuron_core.figures.theme import counted
from neuron_core.runs.results import Attribution
from neuron_core.runs.run_folder import RunFolder
from pages.shared.frame import session
from pages.shared.frame.guard import plain
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.frame.presentation import presenting
from pages.shared.inputs.layer_choice import ALL_LAYERS, BOTH, choose_rows, first_of
from pages.shared.views.comparisons import choose_tasks, comparison_caption, rankings_of, run_name
from pages.shared.views.drawn import (
    change_heatmaps,
    layer_heatmap,
    layer_score_bars,
    score_heatmap,
    share_lines,
    task_heatmaps,
)
from pages.shared.views.figures import figure, open_neuron, table
from pages.shared.views.tables import SCORE, neuron_table

THIS, TASKS, SCORES = VIEWS = ("this run", "tasks beside each other", "all scores")
MAP, LINES, CHANGE = "map", "lines and mean", "change without shared neurons"
LIST_WIDTH, LIST_HEIGHT = 350, 320
HEIGHT_ON_WALL = 520
COLUMNS = ["rank", "role", "score", "id"]
MARKED = "background-color: rgba(230, 159, 0, 0.35)"


def this_run(found: Attribution, k: int, wanted: str, name: str) -> None:
    """Good and bad neurons of the shown run: the map, and beside it the neurons of the layer that was clicked."""
    cut, n_layers = found.ranking.cut(k), found.ranking.n_layers
    rows = neuron_rows(cut)
    with st.container(horizontal=True, gap="medium"):
        with st.container(key="map_of_layers"):
            drawn = layer_heatmap(layer_counts(cut, n_layers), k, narrow=not presenting())
            if presenting():
                # Nothing else stands on the wall then, not even the choice of K.
                st.header(f"The {k} strongest good and the {k} strongest bad neurons, by layer", anchor=False)
                drawn.update_layout(height=HEIGHT_ON_WALL)
            figure(drawn, "layer_map", f"layers-{name}", take_click)
            st.caption("Click a cell to list its neurons; double-click to clear.")
        with st.container(width=LIST_WIDTH, key="neurons_of_layer"):
            chosen = choose_rows(rows, n_layers)
            if wanted:
                chosen = first_of(wanted, rows, chosen)
            neurons(chosen, f"neurons-{name}", wanted)


def take_click() -> None:
    """Callback of the map: a cell filters the table, a double click shows every neuron again."""
    points = st.session_state["layer_map"].selection.points
    cell = points[0]["customdata"] if points else {"layer": ALL_LAYERS, "role": BOTH}
    st.session_state["layer"], st.session_state["role"] = cell["layer"], cell["role"]


def neurons(rows: list[NeuronRow], name: str, marked: str) -> None:
    """The neurons as a table, each id a link to its page; the one that is looked for is marked."""
    frame = neuron_table(rows)

    def open_selected() -> None:
        chosen = st.session_state["neurons"].selection.rows
        if chosen:
            open_neuron(rows[chosen[0]].id)

    def highlight(row: pd.Series) -> list[str]:
        return [MARKED if row["id"] == marked else ""] * len(row)

    table(
        frame,
        "neurons",
        name,
        f"{counted(len(rows), 'neuron')} with role and score",
        shown=frame.style.apply(highlight, axis=1) if marked in set(frame["id"]) else None,
        opens={"id": open_neuron},
        height=LIST_HEIGHT,
        on_select=open_selected,
        selection_mode="single-row",
        column_order=COLUMNS,
        column_config={"score": st.column_config.NumberColumn(format=SCORE)},
    )
    st.caption("Click an id, or tick a neuron, to open its page.")


def tasks_view(run: RunFolder, k: int, method: str | None) -> None:
    """The layers of every task that this model has a run of."""
    chosen = choose_tasks(run, "layers_tasks")
    rankings = rankings_of(chosen, method)
    if without := [task for task in chosen if task not in rankings]:
        st.info(f"These runs have no neurons by this method: {', '.join(map(plain, without))}.")
    if not rankings:
        st.info("Choose at least one task.")
        return
    if len(rankings) == 1:
        st.info("This model has neurons of one task only. The page Attribution finds those of another.")
    kinds = [MAP, LINES, CHANGE] if len(rankings) > 1 else [MAP, LINES]
    take_link("shown", "layers_kind", kinds)
    kind = st.segmented_control("Shown", kinds, default=MAP, required=True, key="layers_kind", persist_state="session")
    keep_link("shown", kind)
    n_layers = next(iter(rankings.values())).n_layers
    sets = {task: ranking.cut(k) for task, ranking in rankings.items()}
    layers = task_layers(sets, n_layers)
    name = f"{'-'.join(rankings)}-k{k}"
    if kind == MAP:
        figure(task_heatmaps(layers, k), "task_map", f"layers-{name}", take_task_click(chosen))
        st.caption("A click on a cell opens that run with the neurons of that layer.")
    elif kind == LINES:
        figure(share_lines(layers), "task_lines", f"layer-shares-{name}")
    else:
        specific = specific_neurons(rankings, k)
        after = task_layers(specific.sets(), n_layers)
        figure(change_heatmaps(layers, after), "task_change", f"layer-change-{name}")
        st.caption(
            f"Neurons that two or more tasks have among their {k} good or {k} bad ones are removed, and the sets are "
            f"refilled from the next ranks until no two meet: {counted(len(specific.banned), 'neuron')} in "
            f"{counted(specific.rounds, 'round')}."
        )
    rows = zeros_last(layers_table(sets, n_layers))
    table(rows, "task_layers", f"task-layers-{name}", "Good and bad neurons by task and layer", height=240)
    comparison_caption(chosen, f"K = {k} good and {k} bad neurons")


def take_task_click(chosen: dict[str, RunFolder]) -> Callable[[], None]:
    """Callback of the tasks' map: the cell's run and layer become those of the first view."""

    def take() -> None:
        points = st.session_state["task_map"].selection.points
        if points:
            cell = points[0]["customdata"]
            session.show(run_name(chosen[cell["task"]]))
            st.session_state["layer"], st.session_state["role"] = cell["layer"], cell["role"]
            st.session_state["layers_view"] = THIS

    return take


def all_scores(found: Attribution, method: str) -> None:
    """Every neuron with a score, not only K of them. method: whose scores they are."""
    st.header("Map of the whole model")
    whole = score_map(found.ranking)
    figure(score_heatmap(whole), "score_map", f"score-map-{session.shown_id()}", take_score_click)
    each = (
        "Each cell is one neuron."
        if whole.width == 1
        else f"Each cell stands for {whole.width} neighbouring neurons and shows the score of the strongest of them."
    )
    st.caption(f"{each} The colour follows the cube root of the score. A click on a cell opens its neuron.")
    st.header("All scores by layer")
    st.markdown("Positive scores upwards, negative ones downwards.")
    figure(
        layer_score_bars(found.ranking, score_unit(method)),
        "layer_scores",
        f"layer-scores-{session.shown_id()}",
    )


def take_score_click() -> None:
    """Callback of the score map: the strongest neuron of the cell."""
    points = st.session_state["score_map"].selection.points
    if points:
        open_neuron(points[0]["customdata"]["neuron"])
