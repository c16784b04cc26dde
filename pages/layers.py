"""Where the good and the bad neurons sit."""

import pandas as pd
import streamlit as st

from neuron_core.analysis.layers import NeuronRow, layer_counts, neuron_rows
from neuron_core.figures.layers import layer_heatmap, layer_score_bars
from neuron_core.runs.results import Attribution
from neuron_core.runs.setting import Setting
from neuron_core.runs.store import RunFolder
from pages.shared import state
from pages.shared.frame import through_frame
from pages.shared.guard import error_box, guard
from pages.shared.results import attribution_of, setting_of
from pages.shared.tables import neuron_table
from pages.shared.widgets import competence, empty_state, figure, provenance, table

ALL_LAYERS, BOTH = "all", "both"


def choose_k(setting: Setting, found: Attribution) -> int:
    """A budget, up to what the ranking allows."""
    most = max(int((found.ranking.scores > 0).sum()), int((found.ranking.scores < 0).sum()), 1)
    if most == 1:
        return 1
    return st.slider(
        "K: good and bad neurons shown, each",
        1,
        most,
        min(setting.k, most),
        key="layers_k",
        persist_state="session",
        help=f"The ranking has at most {most} neurons of one kind.",
    )


def take_click() -> None:
    """Callback of the map: a cell filters the table, a click beside it lets go."""
    points = st.session_state["layer_map"].selection.points
    cell = points[0]["customdata"] if points else {"layer": ALL_LAYERS, "role": BOTH}
    st.session_state["layer"], st.session_state["role"] = cell["layer"], cell["role"]


def choose_rows(rows: list[NeuronRow], n_layers: int) -> list[NeuronRow]:
    """The rows of the chosen layer and role."""
    # No default beside it: a click on the map sets it too.
    st.session_state.setdefault("role", BOTH)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        layer = st.selectbox("Layer", [ALL_LAYERS, *range(n_layers)], key="layer", width=150)
        role = st.segmented_control("Neurons", [BOTH, "good", "bad"], required=True, key="role")
        wanted = st.text_input(
            "Go to L.i", key="neuron", bind="query-params", placeholder="12.345: layer 12, neuron 345", width=300
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
            error_box(f"No neuron is called {neuron}", "Go to L.i", "layer.index, for instance 12.345")
        else:
            st.info(f"Neuron {neuron} is not among these {len(rows)}. A larger K shows more of the ranking.")
        return chosen
    row = found[0]
    st.info(f"Neuron {row.id} is number {row.rank} of the {row.role} neurons, with a score of {row.score:.3e}.")
    return [row, *(other for other in chosen if other.id != row.id)]


def neurons(rows: list[NeuronRow], name: str) -> None:
    frame = neuron_table(rows)
    marked = str(st.session_state.get("neuron", "")).strip()

    def highlight(row: pd.Series) -> list[str]:
        return ["background-color: rgba(230, 159, 0, 0.35)" if row["id"] == marked else ""] * len(row)

    table(
        frame,
        "neurons",
        name,
        f"{len(rows)} neurons with layer, index and score",
        shown=frame.style.apply(highlight, axis=1) if marked in set(frame["id"]) else None,
        column_config={"score": st.column_config.NumberColumn(format="scientific")},
    )


def page(run: RunFolder, setting: Setting, found: Attribution) -> None:
    competence(run)
    k = choose_k(setting, found)
    cut, n_layers = found.ranking.cut(k), found.ranking.n_layers
    name = f"{state.shown_id()}-k{k}"
    figure(layer_heatmap(layer_counts(cut, n_layers), k), "layer_map", f"layers-{name}", take_click)
    st.caption("A click on a cell shows its neurons below; a double click lets go.")
    provenance(run, k=k)
    st.subheader("Neurons")
    neurons(choose_rows(neuron_rows(cut), n_layers), f"neurons-{name}")
    provenance(run, k=k)
    st.subheader("All scores by layer")
    st.markdown("Every neuron with a score, not only K of them: positive scores upwards, negative ones downwards.")
    figure(layer_score_bars(found.ranking), "layer_scores", f"layer-scores-{state.shown_id()}")
    provenance(run)


through_frame()
run = state.shown_run()
setting = setting_of(run) if run else None
found = attribution_of(run) if run else None
if run is None:
    empty_state("There is no run to look into yet.", state.START, state.ATTRIBUTION)
elif setting is None or found is None:
    empty_state("The attribution of this run is not finished.", state.ATTRIBUTION)
else:
    page(run, setting, found)
