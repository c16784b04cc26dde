"""Which cell of an evaluated grid a page shows: method, budget, direction, ratio."""

import streamlit as st

from neuron_core.cni.methods import source_title
from neuron_core.control.interventions import DIRECTIONS, Direction
from neuron_core.control.metrics import Evaluation
from neuron_core.runs.results import Cell, cell_of
from pages.shared.frame.linked import keep_link, take_link
from pages.shared.views.glossary import GLOSSARY


def choose_cell(evaluation: Evaluation) -> Cell:
    """One cell of the evaluated grid, opened at the best ratio."""
    sources = list(dict.fromkeys(row.source for row in evaluation.grid))
    with st.container(horizontal=True, gap="medium"):
        source = sources[0]
        if len(sources) > 1:
            take_link("method", "control_source", sources)
            source = st.selectbox("Neurons of", sources, key="control_source", format_func=source_title, width=220)
            keep_link("method", source)
        ks = sorted({row.k for row in evaluation.grid if row.source == source})
        # The largest budget and the degrader show most, whatever a run found.
        take_link("k", "control_k", ks)
        k = st.selectbox(
            "Budget K", ks, len(ks) - 1, key="control_k", persist_state="session", width=110, help=GLOSSARY["K"]
        )
        keep_link("k", k)
        take_link("direction", "direction", DIRECTIONS)
        direction: Direction = st.segmented_control(
            "Direction",
            DIRECTIONS,
            default="degrader",
            required=True,
            key="direction",
            persist_state="session",
            help=GLOSSARY["direction"],
        )
        keep_link("direction", direction)
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
        take_link("ratio", key, ratios, said=lambda value: f"{value:g}")
        ratio = st.select_slider(
            "Ratio: share of good neurons",
            ratios,
            best,
            key=key,
            format_func=lambda value: f"{value:g}",
            persist_state="session",
            help=GLOSSARY["ratio"],
        )
        keep_link("ratio", f"{ratio:g}")
        return ratio
