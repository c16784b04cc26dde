"""RAC and its two parts, content and letters, of one intervention or of several. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from neuron_core.control.measures import Interval
from neuron_core.control.results import Baseline, Best, GridRow, RandomRow
from neuron_core.figures.theme import (
    BAND,
    MARK,
    NEUTRAL,
    TASK,
    TITLE_SIZE,
    apply_theme,
    around,
    name_categories,
    signed,
)


@dataclass(frozen=True)
class _Bar:
    """A bar of the left panel, in percent, or of the right one, in nats."""

    title: str
    value: float
    interval: Interval | None
    "95%, or of random sets the range over the seeds"
    random: Interval | None = None
    "range of the random sets"
    colour: str = TASK
    pattern: str = ""


def effect_split(row: GridRow, random: RandomRow | None, baseline: Baseline, *, margins: bool = True) -> go.Figure:
    """RAC of one intervention with its content part and its letter part, each beside the range of the random sets.

    A second panel shows the content margin in nats: unmodified, under the intervention, and under random sets. It is
    left out if the margin was not measured, or with margins=False. Error bars are 95% intervals. A part that was not
    measured has no bar.
    """
    effects = _effects(row, random)
    beside = _margins(row, random, baseline) if margins else []
    titles = [
        "<b>Change of accuracy</b><br>upwards: as intended",
        "<b>Content margin</b><br>lead of the correct option",
    ]
    figure = make_subplots(
        1, 2 if beside else 1, column_widths=[0.56, 0.44] if beside else None, horizontal_spacing=0.18,
        subplot_titles=titles[: 2 if beside else 1],
    )  # fmt: skip
    for place, bar in enumerate(effects):
        if bar.random is not None:
            figure.add_shape(
                type="rect", x0=place - 0.45, x1=place + 0.45, y0=bar.random[0], y1=bar.random[1],
                fillcolor=BAND, line={"color": NEUTRAL, "width": 1}, layer="below", row=1, col=1,
            )  # fmt: skip
    hover = [
        f"<b>{bar.title}</b><br>{signed(bar.value)}% of the baseline's accuracy{_interval_words(bar.interval)}"
        + (f"<br>random sets {signed(bar.random[0])} to {signed(bar.random[1])}%" if bar.random else "")
        for bar in effects
    ]
    _add_bars(figure, 1, effects, hover)
    if beside:
        hover = [f"<b>{bar.title}</b><br>{bar.value:.3g} nats{_interval_words(bar.interval, '')}" for bar in beside]
        _add_bars(figure, 2, beside, hover)
    apply_theme(figure, _alternative_text(effects, beside), height=326)
    figure.update_annotations(font={"size": TITLE_SIZE})
    figure.update_layout(margin={"t": 64, "b": 40})
    figure.update_yaxes(title_text="RAC (%)", row=1, col=1)
    if beside:
        figure.update_yaxes(title_text="nats", row=1, col=2)
    figure.update_yaxes(zeroline=True, zerolinecolor=NEUTRAL, zerolinewidth=2)
    return figure


def effect_splits(rows: Sequence[tuple[str, GridRow | Best]]) -> go.Figure:
    """RAC of several interventions, one horizontal bar each, stacked from its content part and its letter part.

    rows: (label, a row of the grid, of the random sets or of the best ratios). Rows without the two parts are left out.
    """
    shown = [(name, row) for name, row in rows if row.rac_content is not None and row.rac_letters is not None]
    figure = go.Figure()
    for title, values, colour, pattern in (
        ("content", [row.rac_content or 0.0 for _, row in shown], TASK, ""),
        ("letters", [row.rac_letters or 0.0 for _, row in shown], NEUTRAL, "/"),
    ):
        figure.add_bar(
            x=values,
            y=[name for name, _ in shown],
            orientation="h",
            name=title,
            marker={"color": colour, "pattern": {"shape": pattern}},
            hovertemplate=f"%{{y}}, {title}: %{{x:.1f}}%<extra></extra>",
        )
    # Both numbers behind the end of the bar: inside, they would not fit into small parts.
    ends = [max(row.rac_content or 0.0, 0.0) + max(row.rac_letters or 0.0, 0.0) for _, row in shown]
    figure.add_scatter(
        x=ends,
        y=[name for name, _ in shown],
        mode="text",
        text=[f" {signed(row.rac_content or 0.0)}, {signed(row.rac_letters or 0.0)}" for _, row in shown],
        textposition="middle right",
        cliponaxis=False,
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_layout(barmode="relative")
    words = "; ".join(f"{name}: content {row.rac_content:.1f}, letters {row.rac_letters:.1f}" for name, row in shown)
    apply_theme(figure, f"RAC in percent, split into content and letters. {words}.", height=120 + 48 * len(shown))
    lows = [min(row.rac_content or 0.0, 0.0) + min(row.rac_letters or 0.0, 0.0) for _, row in shown]
    low, high = around([*lows, *ends], 0.04)
    # With room for the numbers.
    figure.update_xaxes(title_text="RAC (%), positive in the intended direction", range=[low, high + (high - low) / 5])
    name_categories(figure, y=[name for name, _ in shown])
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(zeroline=True, zerolinecolor=NEUTRAL, zerolinewidth=2)
    return figure


def _effects(row: GridRow, random: RandomRow | None) -> list[_Bar]:
    band = None
    if random is not None and random.rac_low is not None and random.rac_high is not None:
        band = (random.rac_low, random.rac_high)
    content = random.rac_content_interval if random else None
    letters = random.rac_letters_interval if random else None
    return [
        _Bar(title, value, interval, others, colour, pattern)
        for title, value, interval, others, colour, pattern in (
            ("all", row.rac, row.rac_interval, band, TASK, ""),
            ("content", row.rac_content, row.rac_content_interval, content, TASK, "/"),
            ("letters", row.rac_letters, row.rac_letters_interval, letters, MARK, "x"),
        )
        if value is not None
    ]


def _margins(row: GridRow, random: RandomRow | None, baseline: Baseline) -> list[_Bar]:
    named = [("before", baseline, NEUTRAL), ("after", row, TASK), *([("random", random, BAND)] if random else [])]
    found = [
        _Bar(title, one.content_margin, one.content_margin_interval, colour=colour)
        for title, one, colour in named
        if one.content_margin is not None
    ]
    return found if len(found) >= 2 else []


def _add_bars(figure: go.Figure, column: int, bars: Sequence[_Bar], hover: Sequence[str]) -> None:
    places = list(range(len(bars)))
    figure.add_trace(
        go.Bar(
            x=places,
            y=[bar.value for bar in bars],
            width=0.5,
            marker={
                "color": [bar.colour for bar in bars],
                "pattern": {"shape": [bar.pattern for bar in bars]},
                "line": {"width": 0},
            },
            error_y=_error_bars(bars),
            hovertext=list(hover),
            hoverinfo="text",
            showlegend=False,
        ),
        row=1,
        col=column,
    )
    figure.update_xaxes(
        tickvals=places, ticktext=[bar.title for bar in bars], range=[-0.6, len(bars) - 0.4], row=1, col=column
    )
    heights = [end for bar in bars for end in (bar.value, *(bar.interval or ()), *(bar.random or ()))]
    figure.update_yaxes(range=around(heights), row=1, col=column)


def _error_bars(bars: Sequence[_Bar]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [None if bar.interval is None else bar.interval[1] - bar.value for bar in bars],
        "arrayminus": [None if bar.interval is None else bar.value - bar.interval[0] for bar in bars],
        "color": NEUTRAL,
        "thickness": 2,
        "width": 6,
    }


def _interval_words(end: Interval | None, unit: str = "%") -> str:
    return "" if end is None else f", 95% interval {signed(end[0])} to {signed(end[1])}{unit}"


def _alternative_text(effects: Sequence[_Bar], margins: Sequence[_Bar]) -> str:
    words = [
        f"{bar.title} {signed(bar.value)}%"
        + (f" (random sets {signed(bar.random[0])} to {signed(bar.random[1])}%)" if bar.random else "")
        for bar in effects
    ]
    text = f"Bars of the change of accuracy: {'; '.join(words) or 'undefined'}."
    if margins:
        text += f" Content margin in nats: {', '.join(f'{bar.title} {bar.value:.3g}' for bar in margins)}."
    return text
