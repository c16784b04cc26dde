"""The probabilities of a question's four options, without and with interventions."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from neuron_core.analysis.answers import Answer
from neuron_core.control.interventions import DIRECTIONS
from neuron_core.errors import ConfigError
from neuron_core.figures.panels import TITLES as PANEL_TITLES
from neuron_core.figures.theme import (
    FAINT,
    HALF,
    NEUTRAL,
    PATTERNS,
    SERIES,
    TASK,
    TITLE_SIZE,
    apply_theme,
    percent,
    plain,
    wrapped,
)

OPTION_WIDTH, OPTION_LINES = 13, 4
"of the label of an option: four of them stand side by side in half a page of a window 1280 wide"
BEFORE_NAME, AFTER_NAME = "before", "under the intervention"


def option_bars(
    before: Sequence[float], after: Sequence[float] | None, correct: int, labels: Sequence[str]
) -> go.Figure:
    """The options of a question without and, unless `after` is None, with an intervention. The correct one has a band.

    before, after: probabilities among the four options, shape (4,). labels: the options as shown to the model, such as
    "A. positive". Raises ConfigError if the numbers of options differ, or if `correct` is not one of their places.
    """
    sizes = {len(before), len(labels), len(before if after is None else after)}
    if len(sizes) > 1 or not 0 <= correct < len(labels):
        raise ConfigError(
            f"{len(labels)} labels for {len(before)} probabilities, correct place {correct}",
            accepted="one probability and one label per option, and the place of the correct one",
        )
    figure = go.Figure()
    for name, colour, values in ((BEFORE_NAME, NEUTRAL, before), (AFTER_NAME, TASK, after)):
        if values is not None:
            figure.add_trace(_bars(name, colour, [float(value) for value in values], correct, labels))
    correct_band(figure, correct)
    apply_theme(figure, _in_words(before, after, correct, labels), height=380)
    figure.update_layout(barmode="group", bargroupgap=0.06, margin={"t": 44})
    ticks = [
        wrapped(label, OPTION_WIDTH, OPTION_LINES) + ("<br><b>correct</b>" if place == correct else "")
        for place, label in enumerate(labels)
    ]
    figure.update_xaxes(tickvals=list(range(len(labels))), ticktext=ticks, tickangle=0, showgrid=False)
    figure.update_xaxes(range=[-0.5, len(labels) - 0.5], title_text="Option")
    figure.update_yaxes(title_text="Probability among the four (%)", range=[0, 112], tickvals=[0, 25, 50, 75, 100])
    return figure


def _bars(name: str, colour: str, values: list[float], correct: int, labels: Sequence[str]) -> go.Bar:
    places = range(len(values))
    return go.Bar(
        x=list(places),
        y=[100 * value for value in values],
        name=name,
        showlegend=True,
        marker={"color": colour, "line": {"width": 0}},
        text=[percent(value) for value in values],
        textposition="outside",
        textangle=0,
        cliponaxis=False,
        customdata=[{"option": place} for place in places],
        hovertext=[
            f"<b>{wrapped(label, width=60, lines=6)}</b>{' (correct)' if place == correct else ''}"
            f"<br>{name}: {percent(value, 1)}"
            for place, (label, value) in enumerate(zip(labels, values, strict=True))
        ],
        hoverinfo="text",
    )


def _in_words(before: Sequence[float], after: Sequence[float] | None, correct: int, labels: Sequence[str]) -> str:
    words = []
    for place, label in enumerate(labels):
        change = percent(before[place]) if after is None else f"{percent(before[place])} → {percent(after[place])}"
        words.append(f"{label}{' (correct)' if place == correct else ''}: {change}")
    when = "" if after is None else ", before → under the intervention"
    return f"Bars of the probabilities of the four options{when}. {'; '.join(words)}."


def answer_bars(
    answers: Sequence[Answer], correct: int, labels: Sequence[str], titles: Mapping[str, str] | None = None
) -> go.Figure:
    """The options of one question before and under each source: enhancers above, degraders below (Figure 10).

    labels: as shown to the model. titles: how a source is called, where not by its own name. Bars of random sets are
    means with their range. customdata of a bar: {"option", "source"}. ConfigError without an answer before any
    intervention, or when `correct` is no place among the labels.
    """
    before = next((one for one in answers if one.direction is None), None)
    if before is None or len(before.probabilities) != len(labels) or not 0 <= correct < len(labels):
        raise ConfigError("the answers and the options do not fit together", accepted="four options and a baseline")
    shown = [d for d in DIRECTIONS if any(one.direction == d for one in answers)] or [DIRECTIONS[0]]
    sources = list(dict.fromkeys(one.source for one in answers if one.direction is not None))
    figure = make_subplots(
        rows=len(shown),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.14,
        subplot_titles=[PANEL_TITLES[d] for d in shown] if sources else None,
    )
    names = {source: (titles or {}).get(source, source) for source in sources}
    looks = _looks(sources)
    roomy = len(sources) <= 2
    for row, direction in enumerate(shown, start=1):
        there = [before, *(one for one in answers if one.direction == direction)]
        for one in there:
            trace = _bars(plain(names.get(one.source, BEFORE_NAME)), NEUTRAL, list(one.probabilities), correct, labels)
            trace.update(looks[one.source])
            trace.update(showlegend=row == 1, legendgroup=one.source, text=trace.text if roomy else None)
            trace.update(customdata=[{"option": place, "source": one.source} for place in range(len(labels))])
            if one.n_sets > 1:
                trace.error_y = _range_bars(one)
                trace.text = None
            figure.add_trace(trace, row=row, col=1)
    correct_band(figure, correct)
    # Lines of the legend in a narrow window, where two entries stand in one.
    more = 26 * (len(sources) // 2)
    apply_theme(figure, _answers_in_words(answers, names, correct, labels), height=158 + more + 220 * len(shown))
    figure.update_layout(barmode="group", bargap=0.18, bargroupgap=0.06, margin={"t": 70 + more})
    figure.update_layout(legend={"y": 1.0, "yref": "container", "yanchor": "top"})
    figure.update_annotations(font={"size": TITLE_SIZE}, x=0, xanchor="left")
    ticks = [
        wrapped(label, OPTION_WIDTH, OPTION_LINES) + ("<br><b>correct</b>" if place == correct else "")
        for place, label in enumerate(labels)
    ]
    figure.update_xaxes(
        tickvals=list(range(len(labels))),
        ticktext=ticks,
        tickangle=0,
        showgrid=False,
        range=[-0.5, len(labels) - 0.5],
    )
    figure.update_xaxes(title_text="Option", row=len(shown), col=1)
    figure.update_yaxes(title_text="P among the four (%)", range=[0, 116], tickvals=[0, 25, 50, 75, 100])
    return figure


def correct_band(figure: go.Figure, place: int) -> None:
    """Marks the correct option. An outline of its bars would be taken for a part of the legend."""
    figure.add_vrect(x0=place - 0.5, x1=place + 0.5, fillcolor=FAINT, line_width=0, layer="below")


def _looks(sources: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and pattern of each source. The unmodified model and random sets are grey."""
    looks: dict[str, dict[str, Any]] = {"": {"marker_color": NEUTRAL}}
    methods = [source for source in sources if not source.startswith("random")]
    for place, source in enumerate(methods):
        colour, pattern = SERIES[place % len(SERIES)], PATTERNS[place % len(PATTERNS)]
        looks[source] = {"marker_color": colour, "marker_pattern_shape": pattern}
    for source in sources:
        looks.setdefault(source, {"marker_color": HALF, "marker_pattern_shape": "\\"})
    return looks


def _range_bars(one: Answer) -> dict[str, Any]:
    """Error bars from the lowest to the highest of several random sets."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [100 * (high - mean) for high, mean in zip(one.high, one.probabilities, strict=True)],
        "arrayminus": [100 * (mean - low) for low, mean in zip(one.low, one.probabilities, strict=True)],
        "color": NEUTRAL,
        "thickness": 1.5,
        "width": 4,
    }


def _answers_in_words(answers: Sequence[Answer], names: Mapping[str, str], correct: int, labels: Sequence[str]) -> str:
    words = [f"Bars of the probabilities of the four options; {labels[correct]} is correct."]
    for one in answers:
        who = BEFORE_NAME if one.direction is None else f"{names[one.source]}, {one.direction}"
        words.append(f"{who}: {', '.join(percent(value) for value in one.probabilities)}.")
    return " ".join(words)
