"""Finished runs as small pictures, each a link to its Overview."""

from collections.abc import Callable, Sequence

import plotly.graph_objects as go
import streamlit as st

from neuron_core.control.results import Baseline, GridRow, RandomRow
from neuron_core.figures.effect import effect_split
from neuron_core.figures.theme import describe
from neuron_core.runs.results import cell_of
from neuron_core.runs.run_folder import RunFolder
from pages.shared.frame import session
from pages.shared.frame.guard import plain
from pages.shared.views.kept import kept
from pages.shared.views.results import evaluation_of

HEIGHT = 210


def gallery(runs: Sequence[RunFolder], name_of: Callable[[RunFolder], str]) -> None:
    """The largest budget's degrader of each run at its best ratio."""
    if not runs:
        return
    st.header("Finished runs", anchor=False)
    st.caption(
        "How far the degrader lowers accuracy (RAC in percent), all of it and its two parts. Grey: random neurons."
    )
    for place, (column, run) in enumerate(zip(st.columns(4), runs, strict=False)):
        evaluation = evaluation_of(run)
        if evaluation is None or not evaluation.best:
            continue
        best = max(evaluation.best, key=lambda one: (one.direction == "degrader", one.k))
        cell = cell_of(evaluation, best.k, best.ratio, best.direction, best.source)
        drawn = small_effect(cell.row, cell.random, evaluation.baseline)
        with column:
            st.plotly_chart(drawn, key=f"gallery_{place}", alt=describe(drawn), config={"staticPlot": True})
            name = name_of(run)
            st.page_link(session.OVERVIEW, label=plain(session.run_title(name)), query_params={"run": name})


@kept
def small_effect(row: GridRow, random: RandomRow | None, baseline: Baseline) -> go.Figure:
    """RAC and its two parts, without titles."""
    drawn = effect_split(row, random, baseline, margins=False)
    drawn.update_layout(height=HEIGHT, margin={"l": 40, "r": 4, "t": 8, "b": 36}, font={"size": 11})
    drawn.update_yaxes(title_text="")
    drawn.update_xaxes(tickangle=0, tickfont={"size": 11})
    drawn.update_annotations(text="")
    return drawn
