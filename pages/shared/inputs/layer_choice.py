"""What the page Layers is asked for: the method, the budget, the layer and role of the neurons listed."""

from dataclasses import replace

import streamlit as st

from neuron_core.analysis.layers import NeuronRow
from neuron_core.cni.methods import source_title
from neuron_core.figures.theme import significant
from neuron_core.runs.results import Attribution
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from pages.shared.frame.guard import error_box, guard
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.views.glossary import GLOSSARY
from pages.shared.views.results import rankings_of_run

CHIPS = (10, 13, 25, 50, 100, 200, 500)
ALL_LAYERS, BOTH = "all", "both"
ROLES = (BOTH, "good", "bad")


def choose_method(run: RunFolder, found: Attribution) -> tuple[str | None, Attribution]:
    """One of the run's methods, where it has several, and the attribution with that method's ranking."""
    rankings = rankings_of_run(run)
    if len(rankings) < 2:
        return None, found
    take_link("method", "layers_method", list(rankings))
    method = st.selectbox(
        "Method", list(rankings), key="layers_method", format_func=source_title, persist_state="session", width=300
    )
    keep_link("method", method)
    return method, replace(found, ranking=rankings[method])


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
    k = min(st.session_state.get("layers_k", min(setting.k, most)), most)
    st.session_state["layers_k"] = k
    st.session_state["layers_chip"] = k if k in chips else None
    st.segmented_control("K good and K bad neurons", chips, key="layers_chip", on_change=take, help=GLOSSARY["K"])
    k = int(st.number_input(f"or any up to {most:,}", 1, most, key="layers_k", persist_state="session", width=150))
    keep_link("k", k)
    return k


def choose_rows(rows: list[NeuronRow], n_layers: int) -> list[NeuronRow]:
    """The rows of the chosen layer and role, which the address and a click on the map choose too."""
    layers = [ALL_LAYERS, *range(n_layers)]
    take_link("layer", "layer", layers)
    take_link("role", "role", ROLES)
    # No default of the widget: a click on the map sets it too.
    st.session_state.setdefault("role", BOTH)
    with st.container(horizontal=True, gap="small"):
        layer = st.selectbox("Layer", layers, key="layer", width=90)
        role = st.segmented_control("Neurons", ROLES, required=True, key="role")
    keep_link("layer", layer)
    keep_link("role", role)
    return [row for row in rows if layer in (ALL_LAYERS, row.layer) and role in (BOTH, row.role)]


def choose_neuron() -> str:
    """The neuron that is looked for, by its id; empty where none is."""
    wanted = st.text_input(
        "Go to neuron (layer.index)",
        key="neuron",
        bind="query-params",
        placeholder="12.345: layer 12, neuron 345",
        width=240,
    )
    return str(wanted or "").strip()


def first_of(neuron: str, rows: list[NeuronRow], chosen: list[NeuronRow]) -> list[NeuronRow]:
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
    score = significant(row.score)
    st.info(f"Neuron {row.id} is number {row.rank} of the {row.role} neurons, with a score of {score}.")
    open_button(neuron)
    return [row, *(other for other in chosen if other.id != row.id)]


def open_button(neuron: str) -> None:
    with guard():
        if st.button(f"Open neuron {neuron}", key="open_named", icon=":material/arrow_forward:"):
            st.session_state["open_neuron"] = neuron
            st.rerun()
