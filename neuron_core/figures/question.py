"""One question: the probabilities of its four options before and under an intervention."""

from collections.abc import Sequence

import plotly.graph_objects as go

from neuron_core.errors import ConfigError
from neuron_core.figures.theme import CLEAR, MARK, NEUTRAL, TASK, dress, percent, wrapped

BEFORE_NAME, AFTER_NAME = "before", "under the intervention"


def option_bars(
    before: Sequence[float], after: Sequence[float] | None, correct: int, labels: Sequence[str]
) -> go.Figure:
    """Bars of the options before and, unless None, under an intervention; the correct one is outlined.

    before, after: probabilities among the options, shape (4,). labels: as shown to the model, "A. positive".
    ConfigError when the numbers of options differ or `correct` is no place among them.
    """
    sizes = {len(before), len(labels), len(before if after is None else after)}
    if len(sizes) > 1 or not 0 <= correct < len(labels):
        raise ConfigError(
            f"{len(labels)} labels for {len(before)} probabilities, correct place {correct}",
            accepted="one probability and one label an option, and the place of one of them",
        )
    figure = go.Figure()
    for name, colour, values in ((BEFORE_NAME, NEUTRAL, before), (AFTER_NAME, TASK, after)):
        if values is not None:
            figure.add_trace(_bars(name, colour, [float(value) for value in values], correct, labels))
    dress(figure, _in_words(before, after, correct, labels), height=380)
    figure.update_layout(barmode="group", bargroupgap=0.06, margin={"t": 44})
    ticks = [
        wrapped(label, width=18, lines=3) + ("<br><b>correct</b>" if place == correct else "")
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
        marker={
            "color": colour,
            "line": {
                "color": [MARK if place == correct else CLEAR for place in places],
                "width": [4 if place == correct else 0 for place in places],
            },
        },
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
    said = []
    for place, label in enumerate(labels):
        change = percent(before[place]) if after is None else f"{percent(before[place])} → {percent(after[place])}"
        said.append(f"{label}{' (correct)' if place == correct else ''}: {change}")
    when = "" if after is None else ", before → under the intervention"
    return f"Bars of the probabilities of the four options{when}. {'; '.join(said)}."
