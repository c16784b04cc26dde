"""Two panels, for enhancer and degrader, with curves, bands of random sets and marks for undefined values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from neuron_core.control.interventions import DIRECTIONS, Direction
from neuron_core.control.measures import Interval
from neuron_core.figures.theme import BAND, CLEAR, NEUTRAL, TASK, TITLE_SIZE, apply_theme, zero_line

TITLES: dict[Direction, str] = {
    "enhancer": "<b>Enhancer</b>: good ×2, bad ×0",
    "degrader": "<b>Degrader</b>: bad ×2, good ×0",
}
STACKED: dict[Direction, str] = {direction: title.replace(": ", "<br>") for direction, title in TITLES.items()}
"for panels side by side, where half of a narrow window has no room for a single line"
TASK_NAME = "neurons of the task, 95% interval"
RANDOM_NAME = "random sets: lowest to highest, mean dotted"
UNDEFINED_NAME = "undefined"


@dataclass(frozen=True)
class Point:
    """One point of a curve."""

    x: float | str
    y: float | None
    "percent; None if undefined"
    interval: Interval | None
    "lower and upper end of an error bar or a band, in percent"
    text: str
    "text shown at the pointer"
    customdata: dict[str, Any] = field(default_factory=dict)
    "customdata of a click"


def curve(points: Sequence[Point], name: str = TASK_NAME, *, dashed: bool = False) -> list[go.Scatter]:
    """A line with intervals as error bars. Undefined points leave a gap and are marked by a cross on the zero line.

    dashed: a second line next to the first. It has no error bars, which would cover those of the first.
    """
    if not points:
        return []
    bars = [_bar(point) if not dashed else None for point in points]
    line = go.Scatter(
        x=[point.x for point in points],
        y=[point.y for point in points],
        mode="lines+markers",
        name=name,
        legendrank=1,
        line={"color": TASK, "width": 2 if dashed else 3, "dash": "dash" if dashed else "solid"},
        marker={
            "color": TASK,
            "size": 11 if dashed else 9,
            "symbol": "diamond-open" if dashed else "circle",
            "line": {"width": 2 if dashed else 0, "color": TASK},
        },
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [None if bar is None else bar[1] for bar in bars],
            "arrayminus": [None if bar is None else bar[0] for bar in bars],
            "color": TASK,
            "thickness": 1.5,
            "width": 4,
            "visible": any(bar is not None for bar in bars),
        },
        connectgaps=False,
        customdata=[point.customdata for point in points],
        hovertext=[point.text for point in points],
        hoverinfo="text",
    )
    return [line, *_undefined([point for point in points if point.y is None])]


def band(points: Sequence[Point]) -> list[go.Scatter]:
    """The range of random sets as a shaded area, and their mean as a dotted line, with gaps where undefined."""
    if not points:
        return []
    xs: list[float | str | None] = []
    ys: list[float | None] = []
    for stretch in _stretches(points):
        ends = [point.interval for point in stretch if point.interval is not None]
        across = [point.x for point in stretch]
        if xs:
            xs.append(None)
            ys.append(None)
        xs += [*across, *reversed(across), across[0]]
        ys += [*(low for low, _ in ends), *(high for _, high in reversed(ends)), ends[0][0]]
    area = go.Scatter(
        x=xs,
        y=ys,
        mode="lines",
        fill="toself",
        fillcolor=BAND,
        line={"color": BAND, "width": 1},
        hoverinfo="skip",
        legendgroup="random",
        name=RANDOM_NAME,
    )
    mean = go.Scatter(
        x=[point.x for point in points],
        y=[point.y for point in points],
        mode="lines+markers",
        name="mean of random sets",
        showlegend=False,
        line={"color": NEUTRAL, "width": 2, "dash": "dot"},
        marker={"color": NEUTRAL, "size": 6, "symbol": "square"},
        connectgaps=False,
        hovertext=[point.text for point in points],
        hoverinfo="text",
        legendgroup="random",
    )
    return [area, mean]


def mark(point: Point, name: str, symbol: str, colour: str) -> go.Scatter:
    """A large open marker on a curve."""
    return go.Scatter(
        x=[point.x],
        y=[point.y],
        mode="markers",
        name=name,
        marker={"symbol": symbol, "size": 18, "color": colour, "line": {"width": 3, "color": colour}},
        customdata=[point.customdata],
        hovertext=[point.text],
        hoverinfo="text",
    )


def two_panels(
    traces: Mapping[Direction, Sequence[go.Scatter]], alt: str, x_title: str, y_title: str, **x_axis: Any
) -> go.Figure:
    """One panel per direction with a common y axis. Every name appears once in the legend.

    x_axis: more settings of both x axes.
    """
    figure = make_subplots(
        rows=1,
        cols=len(DIRECTIONS),
        shared_yaxes=True,
        horizontal_spacing=0.04,
        subplot_titles=[STACKED[direction] for direction in DIRECTIONS],
    )
    shown: set[str] = set()
    for column, direction in enumerate(DIRECTIONS, start=1):
        for trace in traces[direction]:
            if trace.name in shown:
                trace.showlegend = False
            elif trace.showlegend is not False:
                # Plotly draws a legend with a single entry only on request.
                trace.showlegend = True
                shown.add(trace.name)
            figure.add_trace(trace, row=1, col=column)
    apply_theme(figure, alt, height=460)
    figure.update_annotations(font={"size": TITLE_SIZE})
    figure.update_layout(hovermode="closest", margin={"t": 116}, legend={"y": 1.18})
    figure.update_xaxes(title_text=x_title, **x_axis)
    figure.update_yaxes(title_text=y_title, col=1)
    zero_line(figure)
    return figure


def _bar(point: Point) -> Interval | None:
    """Lengths of an error bar below and above its point; negative if the interval does not contain the point."""
    if point.y is None or point.interval is None:
        return None
    return point.y - point.interval[0], point.interval[1] - point.y


def _stretches(points: Sequence[Point]) -> list[list[Point]]:
    """Splits the points into runs of neighbours that have an interval."""
    stretches: list[list[Point]] = [[]]
    for point in points:
        if point.interval is not None:
            stretches[-1].append(point)
        elif stretches[-1]:
            stretches.append([])
    return [stretch for stretch in stretches if stretch]


def _undefined(points: Sequence[Point]) -> list[go.Scatter]:
    if not points:
        return []
    return [
        go.Scatter(
            x=[point.x for point in points],
            y=[0.0] * len(points),
            mode="markers",
            name=UNDEFINED_NAME,
            marker={"symbol": "x-thin", "size": 11, "color": CLEAR, "line": {"width": 3, "color": NEUTRAL}},
            customdata=[point.customdata for point in points],
            hovertext=[point.text for point in points],
            hoverinfo="text",
        )
    ]
