"""Where the good and the bad neurons sit."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import streamlit as st

from neuron_core.analysis.distribution import layers_table
from neuron_core.analysis.layers import NeuronRow, layer_counts, neuron_rows
from neuron_core.analysis.specific import specific_neurons
from neuron_core.analysis.task_layers import score_map, task_layers
from neuron_core.figures.layers import layer_heatmap, layer_score_bars
from neuron_core.figures.score_map import score_heatmap
from neuron_core.figures.task_layers import change_heatmaps, share_lines, task_heatmaps
from neuron_core.figures.theme import counted
from neuron_core.runs.results import Attribution
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from pages.shared.frame import session
from pages.shared.frame.guard import error_box, guard, plain
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.frame.navigation import follow_click, through_frame
from pages.shared.views.comparisons import choose_peers, peers_caption, rankings_of, run_name
from pages.shared.views.figures import competence, empty_state, figure, footing, recipes, table
from pages.shared.views.glossary import GLOSSARY
from pages.shared.views.results import attribution_of, rankings_of_run, setting_of
from pages.shared.views.tables import SCORE, neuron_table
from pages.shared.views.words import source_title

CHIPS = (10, 13, 25, 50, 100, 200, 500)
ALL_LAYERS, BOTH = "all", "both"
THIS, TASKS, SCORES = "this run", "tasks beside each other", "all scores"
MAP, LINES, CHANGE = "map", "lines and mean", "change without shared neurons"


def choose_k(setting: Setting, found: Attribution) -> int:
    """A budget, up to what the ranking allows."""
    most = max(int((found.ranking.scores > 0).sum()), int((found.ranking.scores < 0).sum()), 1)
    if most == 1:
        return 1
    chips = sorted({k for k in CHIPS if k <= most} | {min(setting.k, most)})

    def take() -> None:
        if st.session_state["layers_chip"] is not None:
            st.session_state["layers_k"] = st.session_state["layers_chip"]

    take_link("k", "layers_k", range(1, most + 1))
    st.session_state["layers_k"] = min(st.session_state.get("layers_k", min(setting.k, most)), most)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        st.session_state["layers_chip"] = (
            st.session_state["layers_k"] if st.session_state["layers_k"] in chips else None
        )
        st.segmented_control("K good and K bad neurons", chips, key="layers_chip", on_change=take, help=GLOSSARY["K"])
        k = int(
            st.number_input(
                f"or any up to {most:,}",
                1,
                most,
                key="layers_k",
                persist_state="session",
                width=170,
            )
        )
    keep_link("k", k)
    return k


def take_click() -> None:
    """Callback of the map: a cell filters the table, a click beside it lets go."""
    points = st.session_state["layer_map"].selection.points
    cell = points[0]["customdata"] if points else {"layer": ALL_LAYERS, "role": BOTH}
    st.session_state["layer"], st.session_state["role"] = cell["layer"], cell["role"]


def choose_rows(rows: list[NeuronRow], n_layers: int) -> list[NeuronRow]:
    """The rows of the chosen layer and role."""
    # No default beside it: a click on the map sets it too.
    st.session_state.setdefault("role", BOTH)
    with st.container(horizontal=True, gap="medium"):
        layer = st.selectbox("Layer", [ALL_LAYERS, *range(n_layers)], key="layer", width=150)
        role = st.segmented_control("Neurons", [BOTH, "good", "bad"], required=True, key="role")
        wanted = st.text_input(
            "Go to neuron (layer.index)",
            key="neuron",
            bind="query-params",
            placeholder="12.345: layer 12, neuron 345",
            width=300,
        )
    chosen = [row for row in rows if layer in (ALL_LAYERS, row.layer) and role in (BOTH, row.role)]
    if wanted:
        with guard():
            return go_to(str(wanted).strip(), rows, chosen)
    return chosen


def go_to(neuron: str, rows: list[NeuronRow], chosen: list[NeuronRow]) -> list[NeuronRow]:
    """Says what is known of a neuron and puts its row first."""
    found = [row for row in rows if row.id == neuron]
    if not found:
        if not all(part.isdecimal() for part in neuron.split(".")) or neuron.count(".") != 1:
            error_box(f"No neuron is called {neuron}", "the field above", "layer.index, for instance 12.345")
        else:
            st.info(f"Neuron {neuron} is not among these {len(rows)}. A larger K shows more of the ranking.")
            open_button(neuron)
        return chosen
    row = found[0]
    st.info(f"Neuron {row.id} is number {row.rank} of the {row.role} neurons, with a score of {row.score:.3e}.")
    open_button(neuron)
    return [row, *(other for other in chosen if other.id != row.id)]


def open_button(neuron: str) -> None:
    if st.button(f"Open neuron {neuron}", key="open_named", icon=":material/arrow_forward:"):
        st.session_state["open_neuron"] = neuron
        st.rerun()


def neurons(rows: list[NeuronRow], name: str) -> None:
    frame = neuron_table(rows)

    def open_selected() -> None:
        chosen = st.session_state["neurons"].selection.rows
        if chosen:
            st.session_state["open_neuron"] = rows[chosen[0]].id

    marked = str(st.session_state.get("neuron", "")).strip()

    def highlight(row: pd.Series) -> list[str]:
        return ["background-color: rgba(230, 159, 0, 0.35)" if row["id"] == marked else ""] * len(row)

    table(
        frame,
        "neurons",
        name,
        f"{counted(len(rows), 'neuron')} with layer, index and score",
        shown=frame.style.apply(highlight, axis=1) if marked in set(frame["id"]) else None,
        on_select=open_selected,
        selection_mode="single-row",
        column_config={"score": st.column_config.NumberColumn(format=SCORE)},
    )
    st.caption("Tick a neuron to open its page.")


def choose_method(run: RunFolder, found: Attribution) -> tuple[str | None, Attribution]:
    """One of the run's methods, where it has several, and the attribution with that method's ranking."""
    rankings = rankings_of_run(run)
    if len(rankings) < 2:
        return None, found
    method = st.selectbox(
        "Method", list(rankings), key="layers_method", format_func=source_title, persist_state="session", width=320
    )
    return method, replace(found, ranking=rankings[method])


def this_run(run: RunFolder, found: Attribution, k: int, name: str) -> None:
    """Good and bad neurons of the shown run, layer by layer and one by one."""
    cut, n_layers = found.ranking.cut(k), found.ranking.n_layers
    figure(layer_heatmap(layer_counts(cut, n_layers), k), "layer_map", f"layers-{name}", take_click)
    st.caption("Click a cell to list its neurons; double-click to clear.")
    neurons(choose_rows(neuron_rows(cut), n_layers), f"neurons-{name}")


def tasks(run: RunFolder, k: int, method: str | None) -> None:
    """The same for every task that this model has a run of."""
    chosen = choose_peers(run, "layers_tasks")
    rankings = rankings_of(chosen, method)
    if without := [task for task in chosen if task not in rankings]:
        st.info(f"These runs have no neurons by this method: {', '.join(map(plain, without))}.")
    if not rankings:
        st.info("Choose at least one task.")
        return
    if len(rankings) == 1:
        st.info("This model has neurons of one task only. Attribution in the sidebar finds those of another.")
    kind = st.segmented_control(
        "Shown",
        [MAP, LINES, CHANGE] if len(rankings) > 1 else [MAP, LINES],
        default=MAP,
        required=True,
        key="layers_kind",
        persist_state="session",
    )
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
            f"Neurons that two or more tasks have among their {k} good or {k} bad ones are removed and refilled from "
            f"the next ranks, until no two sets meet: {counted(len(specific.banned), 'neuron')} in "
            f"{counted(specific.rounds, 'round')}."
        )
    rows = layers_table(sets, n_layers)
    table(rows, "task_layers", f"task-layers-{name}", "Good and bad neurons by task and layer", height=240)
    peers_caption(chosen, f"K = {k} good and {k} bad neurons")


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


def all_scores(run: RunFolder, found: Attribution) -> None:
    """Every neuron with a score, not only K of them."""
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
    figure(layer_score_bars(found.ranking), "layer_scores", f"layer-scores-{session.shown_id()}")


def take_score_click() -> None:
    """Callback of the score map: the strongest neuron of the cell."""
    points = st.session_state["score_map"].selection.points
    if points:
        st.session_state["open_neuron"] = points[0]["customdata"]["neuron"]


def page(run: RunFolder, setting: Setting, found: Attribution) -> None:
    competence(run)
    method, found = choose_method(run, found)
    views = [THIS, TASKS, SCORES]
    take_link("view", "layers_view", views)
    view = st.segmented_control("View", views, default=THIS, required=True, key="layers_view")
    keep_link("view", view)
    k = None
    if view == SCORES:
        all_scores(run, found)
    else:
        k = choose_k(setting, found)
        if view == TASKS:
            tasks(run, k, method)
        else:
            this_run(run, found, k, f"{session.shown_id()}-k{k}")
    recipes(run)
    footing(run, k=k)


through_frame()
follow_click()
run = session.shown_run()
setting = setting_of(run) if run else None
found = attribution_of(run) if run else None
if run is None:
    empty_state("There is no run to look into yet.", session.START, session.ATTRIBUTION)
elif setting is None or found is None:
    empty_state("The attribution of this run is not finished.", session.ATTRIBUTION)
else:
    page(run, setting, found)
