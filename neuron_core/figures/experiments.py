"""Figures of the experiments: effects by task, cost by answer length, agreement of draws. No torch."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from neuron_core.analysis.entries import AVERAGE
from neuron_core.analysis.layers import ROLES
from neuron_core.cni.methods import source_title
from neuron_core.control.interventions import DIRECTIONS
from neuron_core.figures.panels import TITLES
from neuron_core.figures.theme import (
    BAD,
    GOOD,
    MARK,
    NEUTRAL,
    PATTERNS,
    SERIES,
    TITLE_SIZE,
    apply_theme,
    name_categories,
    plain,
    signed,
    zero_line,
)

HELD_OUT_NAME = "held out"
LEGEND_WIDTH, LEGEND_LINE, LEGEND_MARK, LEGEND_LETTER = 760, 26, 46, 7.2
"pixels: the legend in a window 1280 wide, one of its lines, the mark and the gap of a series, a letter of its name"
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def entry_bars(table: pd.DataFrame, measure: str = "rac", line: Sequence[str] = ("method",)) -> go.Figure:
    """A table of entries as bars by task, with 95% intervals and held-out values as diamonds. One panel per direction.

    measure: rac or rcc. line: the columns that identify a series, such as ("method",) or ("method", "part"). An
    undefined entry has no bar. The panels are stacked, because many bars need the whole width.
    """
    titles = [TITLES[direction] for direction in DIRECTIONS]
    figure = make_subplots(len(DIRECTIONS), 1, shared_xaxes=True, vertical_spacing=0.12, subplot_titles=titles)
    names = list(dict.fromkeys(table[list(line)].itertuples(index=False, name=None)))
    tasks = list(dict.fromkeys(table["task"]))
    for panel, direction in enumerate(DIRECTIONS, start=1):
        for place, name in enumerate(names):
            own = table[table["direction"] == direction]
            for key, value in zip(line, name, strict=True):
                own = own[own[key] == value]
            own = own.set_index("task").reindex(tasks)
            label = _label(name)
            values, low, high = (own[f"{measure}{end}"] for end in ("", "_low", "_high"))
            heldout = own[f"heldout_{measure}"]
            words = [
                f"{plain(label)} on {plain(task)}<br>{measure.upper()} {_said(v)}, held out {_said(h)}"
                for task, v, h in zip(tasks, values, heldout, strict=True)
            ]
            figure.add_trace(
                go.Bar(
                    x=tasks,
                    y=_plain_numbers(values),
                    name=plain(label),
                    legendgroup=label,
                    showlegend=panel == 1,
                    offsetgroup=label,
                    marker={
                        "color": SERIES[place % len(SERIES)],
                        "pattern": {"shape": PATTERNS[place % len(PATTERNS)]},
                        "line": {"width": 0},
                    },
                    error_y={
                        "type": "data",
                        "symmetric": False,
                        "array": _plain_numbers((high - values).fillna(0)),
                        "arrayminus": _plain_numbers((values - low).fillna(0)),
                        "color": NEUTRAL,
                        "thickness": 1.5,
                        "width": 3,
                    },
                    hovertext=words,
                    hoverinfo="text",
                ),
                row=panel,
                col=1,
            )
            figure.add_trace(
                go.Scatter(
                    x=tasks,
                    y=_plain_numbers(heldout),
                    mode="markers",
                    name=HELD_OUT_NAME,
                    legendgroup="held out",
                    showlegend=place == 0 and panel == 1,
                    offsetgroup=label,
                    marker={"symbol": "diamond-open", "size": 9, "color": MARK, "line": {"width": 2}},
                    hovertext=words,
                    hoverinfo="text",
                ),
                row=panel,
                col=1,
            )
    # The lines of the legend above the first need room of their own.
    more = LEGEND_LINE * (_legend_lines([HELD_OUT_NAME, *map(_label, names)]) - 1)
    apply_theme(figure, _entries_in_words(table, measure, line), height=380 + more)
    figure.update_annotations(font={"size": TITLE_SIZE}, x=0, xanchor="left")
    # The tasks' names need no title, and the panels need its room.
    figure.update_layout(margin={"t": 76 + more, "b": 28}, legend={"y": 1.0, "yref": "container", "yanchor": "top"})
    # Bars and diamonds are grouped with the same gaps, so that each diamond is above its bar.
    figure.update_layout(barmode="group", bargap=0.2, scattermode="group", scattergap=0.2)
    name_categories(figure, tasks)
    figure.update_yaxes(title_text=f"{measure.upper()} (%)")
    # Both panels have the same scale.
    figure.update_yaxes(matches="y", row=2)
    zero_line(figure)
    return figure


def _legend_lines(names: Sequence[str]) -> int:
    return max(1, math.ceil(sum(LEGEND_MARK + LEGEND_LETTER * len(name) for name in names) / LEGEND_WIDTH))


def cost_lines(table: pd.DataFrame) -> go.Figure:
    """Figure 9: seconds per layer against the length of the answer, one line per form, on logarithmic axes.

    table: columns form, length, seconds, seconds_low, seconds_high.
    """
    figure = go.Figure()
    for place, (form, own) in enumerate(table.groupby("form", sort=False)):
        figure.add_trace(
            go.Scatter(
                x=own["length"].tolist(),
                y=own["seconds"].tolist(),
                name=plain(str(form)),
                mode="lines+markers",
                line={"color": SERIES[place % len(SERIES)], "width": 3, "dash": DASHES[place % len(DASHES)]},
                marker={"size": 9},
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": (own["seconds_high"] - own["seconds"]).tolist(),
                    "arrayminus": (own["seconds"] - own["seconds_low"]).tolist(),
                    "thickness": 1.5,
                    "width": 4,
                },
                hovertemplate=f"{plain(str(form))}<br>%{{x}} tokens: %{{y:.3g}} s per layer<extra></extra>",
            )
        )
    words = [
        f"{form}: {own['seconds'].iloc[0]:.3g} s at {own['length'].iloc[0]}, "
        f"{own['seconds'].iloc[-1]:.3g} s at {own['length'].iloc[-1]} tokens."
        for form, own in table.groupby("form", sort=False)
    ]
    apply_theme(figure, f"Lines of the seconds per layer against the answer's length. {' '.join(words)}", height=440)
    lengths = sorted(table["length"].unique().tolist())
    figure.update_layout(margin={"t": 72})
    figure.update_xaxes(
        title_text="Answer length (tokens)", type="log", tickvals=lengths, ticktext=list(map(str, lengths))
    )
    figure.update_yaxes(title_text="Seconds per layer", type="log", dtick=1)
    return figure


def agreement_bars(tables: Mapping[str, pd.DataFrame]) -> go.Figure:
    """Jaccard overlap of the good and the bad sets between draws, by task, with the range over pairs.

    tables: task → its table of agreement.
    """
    figure = go.Figure()
    words = []
    for role, colour in zip(ROLES, (GOOD, BAD), strict=True):
        own = pd.DataFrame({task: t.set_index("role").loc[role] for task, t in tables.items()}).T
        values, low, high = (own[name].astype(float) for name in ("jaccard", "jaccard_low", "jaccard_high"))
        figure.add_trace(
            go.Bar(
                x=list(tables),
                y=_plain_numbers(values),
                name=f"{role} {'+' if role == 'good' else '−'}",
                marker={"color": colour, "line": {"width": 0}},
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": _plain_numbers((high - values).fillna(0)),
                    "arrayminus": _plain_numbers((values - low).fillna(0)),
                    "color": NEUTRAL,
                },
                text=[plain(task) for task in tables],
                textposition="none",
                hovertemplate=f"{role} neurons, %{{text}}: Jaccard %{{y:.2f}}<extra></extra>",
            )
        )
        words += [f"{task}, {role}: {_said(value, 2)}." for task, value in values.items()]
    apply_theme(figure, f"Bars of the Jaccard overlap of sets over draws. {' '.join(words)}", height=360)
    figure.update_layout(barmode="group", margin={"t": 48})
    figure.update_xaxes(title_text="Task")
    name_categories(figure, tables)
    figure.update_yaxes(title_text="Jaccard over pairs of draws", range=[0, 1.02])
    return figure


def _label(name: tuple[object, ...]) -> str:
    """A series by the titles of its methods: `NeuronLLM (ACE), good`."""
    return ", ".join(source_title(str(part)) for part in name)


def _plain_numbers(values: pd.Series) -> list[float | None]:
    """Replaces NaN by None."""
    return [None if np.isnan(value) else float(value) for value in values.to_numpy(dtype=float)]


def _said(value: float, digits: int = 1) -> str:
    return "undefined" if np.isnan(value) else signed(float(value), digits)


def _entries_in_words(table: pd.DataFrame, measure: str, line: Sequence[str]) -> str:
    average = table[table["task"] == AVERAGE] if (table["task"] == AVERAGE).any() else table
    words = [
        f"{_label(tuple(row[key] for key in line))} on {row['task']}, {row['direction']}: {_said(row[measure])}."
        for row in average.to_dict("records")
    ]
    return f"Bars of {measure.upper()} in percent by task and method. {' '.join(words)}"
