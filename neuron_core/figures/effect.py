"""What an effect is made of: the change of accuracy in letters and content, beside the content margin. No torch."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from neuron_core.control.results import Baseline, GridRow, Interval, RandomRow
from neuron_core.figures.theme import (
    BAND,
    MARK,
    NEUTRAL,
    TASK,
    TITLE_SIZE,
    around,
    dress,
    signed,
)

BARS = (("rac", "all", TASK, ""), ("rac_content", "content", TASK, "/"), ("rac_letters", "letters", MARK, "x"))


def effect_split(row: GridRow, random: RandomRow | None, baseline: Baseline, *, margins: bool = True) -> go.Figure:
    """Left: RAC, its content part and its letter part, each over the range of the random sets. Right, where it was
    measured: the content margin unmodified, changed, and under random sets, in nats.

    Bars have their 95% intervals; a part that was not measured has no bar. margins: False leaves the right side out.
    """
    beside = _margins(row, random, baseline) if margins else []
    titles = ["<b>Change of accuracy</b>, as intended upwards", "<b>Content margin</b>"]
    figure = make_subplots(
        1, 2 if beside else 1, column_widths=[0.56, 0.44] if beside else None, horizontal_spacing=0.14,
        subplot_titles=titles[: 2 if beside else 1],
    )  # fmt: skip
    known = [one for one in BARS if getattr(row, one[0], None) is not None]
    values = [float(getattr(row, name)) for name, *_ in known]
    ends = [getattr(row, f"{name}_interval", None) for name, *_ in known]
    ranges = [_range(random, name) for name, *_ in known]
    for place, between in enumerate(ranges):
        if between is not None:
            figure.add_shape(
                type="rect", x0=place - 0.45, x1=place + 0.45, y0=between[0], y1=between[1],
                fillcolor=BAND, line={"color": NEUTRAL, "width": 1}, layer="below", row=1, col=1,
            )  # fmt: skip
    figure.add_trace(
        go.Bar(
            x=list(range(len(known))),
            y=values,
            width=0.5,
            marker={
                "color": [colour for *_, colour, _ in known],
                "pattern": {"shape": [pattern for *_, pattern in known]},
                "line": {"width": 0},
            },
            error_y=_bars(values, ends),
            hovertext=[
                f"<b>{title}</b><br>{signed(value)}% of the baseline's accuracy{_said(end)}"
                + (f"<br>random sets {signed(between[0])} to {signed(between[1])}%" if between else "")
                for (_, title, *_), value, end, between in zip(known, values, ends, ranges, strict=True)
            ],
            hoverinfo="text",
            showlegend=False,
        ),
        row=1,
        col=1,
    )
    if beside:
        _, numbers, intervals = zip(*beside, strict=True)
        figure.add_trace(
            go.Bar(
                x=list(range(len(beside))),
                y=list(numbers),
                width=0.5,
                marker={"color": [NEUTRAL, TASK, BAND][: len(beside)], "line": {"width": 0}},
                error_y=_bars(list(numbers), list(intervals)),
                hovertext=[f"<b>{name}</b><br>{number:.3g} nats{_said(end, '')}" for name, number, end in beside],
                hoverinfo="text",
                showlegend=False,
            ),
            row=1,
            col=2,
        )
    dress(figure, _in_words(row, known, ranges, beside), height=340)
    figure.update_annotations(font={"size": TITLE_SIZE})
    figure.update_layout(margin={"t": 48, "b": 40})
    heights = [*values, *(end for pair in (*ends, *ranges) if pair for end in pair)]
    figure.update_xaxes(
        tickvals=list(range(len(known))), ticktext=[title for _, title, *_ in known], range=[-0.6, len(known) - 0.4],
        row=1, col=1,
    )  # fmt: skip
    figure.update_yaxes(title_text="RAC (%)", range=around(heights), row=1, col=1)
    if beside:
        ticks = [name for name, *_ in beside]
        figure.update_xaxes(
            tickvals=list(range(len(ticks))), ticktext=ticks, range=[-0.6, len(ticks) - 0.4], row=1, col=2
        )
        high = [n for _, number, end in beside for n in (number, *(end or ()))]
        figure.update_yaxes(title_text="nats", range=around(high), row=1, col=2)
    figure.update_yaxes(zeroline=True, zerolinecolor=NEUTRAL, zerolinewidth=2)
    return figure


def _margins(row: GridRow, random: RandomRow | None, baseline: Baseline) -> list[tuple[str, float, Interval | None]]:
    found = []
    for name, one in (("before", baseline), ("after", row), ("random", random)):
        margin = getattr(one, "content_margin", None)
        if margin is not None:
            found.append((name, float(margin), getattr(one, "content_margin_interval", None)))
    return found if len(found) >= 2 else []


def _range(random: RandomRow | None, name: str) -> Interval | None:
    if random is None:
        return None
    if name == "rac":
        low, high = random.rac_low, random.rac_high
        return None if low is None or high is None else (low, high)
    found: Interval | None = getattr(random, f"{name}_interval", None)
    return found


def _bars(values: Sequence[float], ends: Sequence[Interval | None]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [None if end is None else end[1] - value for value, end in zip(values, ends, strict=True)],
        "arrayminus": [None if end is None else value - end[0] for value, end in zip(values, ends, strict=True)],
        "color": NEUTRAL,
        "thickness": 2,
        "width": 6,
    }


def _said(end: Interval | None, unit: str = "%") -> str:
    return "" if end is None else f", 95% interval {signed(end[0])} to {signed(end[1])}{unit}"


def _in_words(row: GridRow, known: Any, ranges: Any, margins: Any) -> str:
    said = [
        f"{title} {signed(float(getattr(row, name)))}%"
        + (f" (random sets {signed(between[0])} to {signed(between[1])}%)" if between else "")
        for (name, title, *_), between in zip(known, ranges, strict=True)
    ]
    text = f"Bars of the change of accuracy: {'; '.join(said) or 'undefined'}."
    if margins:
        text += f" Content margin in nats: {', '.join(f'{name} {number:.3g}' for name, number, _ in margins)}."
    return text
