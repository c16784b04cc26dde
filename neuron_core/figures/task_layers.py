"""The neurons of several tasks over the layers, and how removing shared neurons changes them. No torch."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from neuron_core.analysis.layers import ROLES, Role
from neuron_core.analysis.task_layers import TaskLayers
from neuron_core.errors import ConfigError
from neuron_core.figures.theme import (
    BAD,
    BAD_PALE,
    CLEAR,
    FAINT,
    GOOD,
    GOOD_PALE,
    NEUTRAL,
    SERIES,
    TITLE_SIZE,
    apply_theme,
    counted,
    layer_axis,
    percent,
    plain,
    signed,
    wrapped,
)

PANELS: dict[Role, str] = {"good": "<b>Good neurons</b> (+)", "bad": "<b>Bad neurons</b> (−)"}
COLOURS: dict[Role, tuple[str, str]] = {"good": (GOOD_PALE, GOOD), "bad": (BAD_PALE, BAD)}
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "hexagon", "triangle-down")


def task_heatmaps(found: TaskLayers, k: int) -> go.Figure:
    """The numbers of good and of bad neurons by layer and task, in two panels.

    The second trace of a panel answers clicks with the customdata {"task", "role", "layer"}.
    """
    figure = _two_maps()
    for column, role in enumerate(ROLES, start=1):
        counts = found.counts(role)
        most = max(1, int(counts.max(initial=0)))
        pale, full = COLOURS[role]
        edge = 0.5 / most
        scale = [[0.0, FAINT], [edge, FAINT], [edge, pale], [1.0, full]]
        texts = [[str(n) if n else "" for n in row] for row in counts.T.tolist()]
        heat = _heat(found, counts.T, texts, zmin=0, zmax=most, colorscale=scale)
        hover = [
            [
                f"<b>{plain(task)}</b>, layer {layer}: {counted(n, f'{role} neuron')}"
                + (f" ({percent(found.shares(role)[t, layer])} of the task's)" if n else "")
                for t, (task, n) in enumerate(zip(found.tasks, row, strict=True))
            ]
            for layer, row in enumerate(counts.T.tolist())
        ]
        figure.add_trace(heat, row=1, col=column)
        figure.add_trace(_cells(found, hover, role), row=1, col=column)
    parts = []
    for role in ROLES:
        peaks = [f"{task} {int(row.argmax())}" for task, row in zip(found.tasks, found.counts(role), strict=True)]
        parts.append(f"{role.capitalize()} neurons are most in layer: {', '.join(peaks)}")
    alt = f"Good and bad neurons by layer of {counted(len(found.tasks), 'task')}, K = {k}. {'. '.join(parts)}."
    return _dressed_maps(figure, found, alt)


def change_heatmaps(before: TaskLayers, after: TaskLayers) -> go.Figure:
    """How many neurons each layer gains or loses when shared neurons are banned and replaced (Figure 7).

    Raises ConfigError if the two have different tasks or layers.
    """
    if before.tasks != after.tasks or before.good.shape != after.good.shape:
        raise ConfigError("the two tables are of different tasks or models", accepted="the same tasks of one model")
    figure = _two_maps()
    parts = []
    for column, role in enumerate(ROLES, start=1):
        change = (after.counts(role) - before.counts(role)).T
        most = max(1, int(np.abs(change).max(initial=0)))
        edge = 0.25 / most
        scale = [
            [0.0, SERIES[3]],
            [0.5 - edge, "#77689A"],
            [0.5 - edge, FAINT],
            [0.5 + edge, FAINT],
            [0.5 + edge, "#5B8F80"],
            [1.0, SERIES[0]],
        ]
        texts = [[signed(n, 0) if n else "" for n in row] for row in change.tolist()]
        figure.add_trace(_heat(before, change, texts, zmin=-most, zmax=most, colorscale=scale), row=1, col=column)
        hover = [
            [
                f"<b>{plain(task)}</b>, layer {layer}: {signed(n, 0)} {role} neurons"
                for task, n in zip(before.tasks, row, strict=True)
            ]
            for layer, row in enumerate(change.tolist())
        ]
        figure.add_trace(_cells(before, hover, role), row=1, col=column)
        sums = change.sum(axis=1)
        if sums.any():
            loses, gains = int(sums.argmin()), int(sums.argmax())
            parts.append(f"{role}: layer {loses} loses most, layer {gains} gains most")
    alt = f"Change of neurons by layer after shared ones are removed and replaced. {'; '.join(parts) or 'None'}."
    return _dressed_maps(figure, before, alt)


def share_lines(found: TaskLayers) -> go.Figure:
    """The share of each task's neurons in each layer, and the mean over tasks as a thick dashed line (Figure 5).

    A single set, such as the common neurons (Figure 6), has no mean.
    """
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.12, subplot_titles=list(PANELS.values())
    )
    n_layers = found.good.shape[1]
    layers = list(range(n_layers))
    for row, role in enumerate(ROLES, start=1):
        shares = 100 * found.shares(role)
        for t, task in enumerate(found.tasks):
            figure.add_trace(
                go.Scatter(
                    x=layers,
                    y=shares[t].tolist(),
                    name=plain(task),
                    legendgroup=f"task{t}",
                    showlegend=row == 1,
                    mode="lines+markers",
                    line={"color": SERIES[t % len(SERIES)], "width": 1.5},
                    marker={"symbol": SYMBOLS[t % len(SYMBOLS)], "size": 6},
                    customdata=[{"task": task, "role": role, "layer": layer} for layer in layers],
                    hovertext=[f"<b>{plain(task)}</b>, layer {n}: {value:.0f}%" for n, value in enumerate(shares[t])],
                    hoverinfo="text",
                ),
                row=row,
                col=1,
            )
        if len(found.tasks) < 2:
            continue
        mean = 100 * found.mean_shares(role)
        figure.add_trace(
            go.Scatter(
                x=layers,
                y=mean.tolist(),
                name="mean over tasks",
                legendgroup="mean",
                showlegend=row == 1,
                mode="lines",
                line={"color": NEUTRAL, "width": 4, "dash": "dash"},
                hovertext=[f"<b>mean</b>, layer {n}: {value:.1f}%" for n, value in enumerate(mean)],
                hoverinfo="text",
            ),
            row=row,
            col=1,
        )
    words = []
    for role in ROLES:
        mean = found.mean_shares(role)
        half = percent(float(mean[n_layers // 2 :].sum()))
        words.append(f"{role}: most in layer {int(mean.argmax())}, {half} in the later half of the layers")
    alt = f"Share of the neurons of {counted(len(found.tasks), 'task')} by layer, mean over tasks; {'; '.join(words)}."
    apply_theme(figure, alt, height=560)
    figure.update_annotations(font={"size": TITLE_SIZE}, x=0, xanchor="left")
    figure.update_layout(margin={"t": 76}, legend={"y": 1.0, "yref": "container", "yanchor": "top"})
    layer_axis(figure, n_layers)
    figure.update_xaxes(title_text="", row=1)
    figure.update_yaxes(title_text="Share (%)", rangemode="tozero")
    return figure


def _two_maps() -> go.Figure:
    return make_subplots(
        rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.03, subplot_titles=list(PANELS.values())
    )


def _heat(found: TaskLayers, values: NDArray[np.int64], texts: list[list[str]], **scale: Any) -> go.Heatmap:
    """One heatmap. values: (L, T)."""
    n_layers = len(values)
    return go.Heatmap(
        x=list(range(len(found.tasks))),
        y=list(range(n_layers)),
        z=values.tolist(),
        showscale=False,
        xgap=2,
        ygap=1,
        text=texts,
        texttemplate="%{text}",
        textfont={"size": 12 if n_layers <= 40 else 10},
        hoverinfo="skip",
        **scale,
    )


def _cells(found: TaskLayers, hover: list[list[str]], role: Role) -> go.Scatter:
    """An invisible square in every cell, because a heatmap itself does not answer clicks."""
    n_layers = len(hover)
    cells = [(layer, t) for layer in range(n_layers) for t in range(len(found.tasks))]
    return go.Scatter(
        x=[t for _, t in cells],
        y=[layer for layer, _ in cells],
        mode="markers",
        marker={
            "symbol": "square-open",
            "size": _row_height(n_layers),
            "color": NEUTRAL,
            "opacity": 0,
            "line": {"width": 2},
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 0}},
        customdata=[{"task": found.tasks[t], "role": role, "layer": layer} for layer, t in cells],
        hovertext=[hover[layer][t] for layer, t in cells],
        hoverinfo="text",
        showlegend=False,
        name="cells",
    )


def _row_height(n_layers: int) -> int:
    return 18 if n_layers <= 40 else 12


def _dressed_maps(figure: go.Figure, found: TaskLayers, alt: str) -> go.Figure:
    n_layers = found.good.shape[1]
    apply_theme(figure, alt, height=max(260, 130 + _row_height(n_layers) * n_layers))
    figure.update_annotations(font={"size": TITLE_SIZE})
    figure.update_layout(hovermode="closest", hoverdistance=-1, margin={"t": 40, "b": 72})
    figure.update_xaxes(
        tickvals=list(range(len(found.tasks))),
        ticktext=[wrapped(task, width=11, lines=2) for task in found.tasks],
        tickangle=0,
        range=[-0.5, len(found.tasks) - 0.5],
    )
    step = next((step for step in (1, 2, 5, 10) if n_layers <= 40 * step), 20)
    figure.update_yaxes(showgrid=False, range=[-0.5, n_layers - 0.5], tick0=0, dtick=step, ticks="", linecolor=CLEAR)
    figure.update_yaxes(title_text="Layer (0 is next to the input)", col=1)
    return figure
