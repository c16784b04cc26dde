"""All questions of an evaluation in a row, and the content scores of one example's options. No torch."""

from collections.abc import Sequence

import plotly.graph_objects as go

from neuron_core.analysis.content import OptionContent
from neuron_core.control.interventions import Direction
from neuron_core.control.results import QuestionRow
from neuron_core.figures.question import correct_band
from neuron_core.figures.theme import (
    BAD,
    GOOD,
    MARK,
    NEUTRAL,
    TASK,
    TICK_SIZE,
    apply_theme,
    around,
    counted,
    plain,
    signed,
    wrapped,
    zero_line,
)

FLIPS = {"gained": "triangle-up", "lost": "triangle-down", "changed": "diamond", "same": "circle"}
STRIP, TEXT_WIDTH = 150, 12


def question_strip(rows: Sequence[QuestionRow], direction: Direction, shown: int) -> go.Figure:
    """One mark per question. Height and colour show the change of P(correct), the shape what happened to the answer.

    shown: the place of the open question, which has a ring. customdata {"question": id}.
    """
    changes = [100 * (row.p_correct_after - row.p_correct_before) for row in rows]
    sign = 1 if direction == "enhancer" else -1
    figure = go.Figure()
    for flip, symbol in FLIPS.items():
        places = [i for i, row in enumerate(rows) if row.flip == flip]
        if not places:
            continue
        figure.add_trace(
            go.Scatter(
                x=[i + 1 for i in places],
                y=[changes[i] for i in places],
                mode="markers",
                name=flip,
                legendgroup=flip,
                showlegend=False,
                marker={
                    "symbol": symbol,
                    "size": 10,
                    "color": [NEUTRAL if not changes[i] else GOOD if sign * changes[i] > 0 else BAD for i in places],
                    "line": {"width": 0},
                },
                # A click does not dim other marks; the ring shows which question is open.
                selected={"marker": {"opacity": 1}},
                unselected={"marker": {"opacity": 1}},
                customdata=[{"question": rows[i].question_id} for i in places],
                hovertext=[
                    f"<b>question {plain(rows[i].question_id)}</b>, {flip}<br>P(correct) "
                    f"{100 * rows[i].p_correct_before:.0f}% → {100 * rows[i].p_correct_after:.0f}%"
                    f" ({signed(changes[i])} points)<br>answer {plain(rows[i].baseline_letter)} → "
                    f"{plain(rows[i].new_letter)}"
                    for i in places
                ],
                hoverinfo="text",
            )
        )
        # The legend is about shapes: its marks have none of the two colours.
        figure.add_trace(
            go.Scatter(
                x=[None],
                y=[None],
                mode="markers",
                name=f"{flip} ({len(places)})",
                legendgroup=flip,
                marker={"symbol": symbol, "size": 10, "color": NEUTRAL},
                hoverinfo="skip",
            )
        )
    figure.add_trace(
        go.Scatter(
            x=[shown + 1],
            y=[changes[shown]],
            mode="markers",
            name="shown below",
            marker={"symbol": "circle-open", "size": 20, "color": MARK, "line": {"width": 3}},
            hoverinfo="skip",
        )
    )
    flips = ", ".join(f"{sum(row.flip == flip for row in rows)} {flip}" for flip in FLIPS)
    alt = (
        f"Marks of {counted(len(rows), 'question')} by their change of P(correct) in points, from "
        f"{signed(min(changes))} to {signed(max(changes))}; answers: {flips}."
    )
    apply_theme(figure, alt, height=STRIP + 60)
    figure.update_layout(margin={"t": 36, "b": 44}, hovermode="closest", hoverdistance=-1)
    figure.update_xaxes(title_text="Question", range=[0, len(rows) + 1])
    figure.update_yaxes(title_text="Change of P", nticks=5, range=around(changes, 0.2))
    zero_line(figure)
    return figure


def content_bars(found: OptionContent) -> go.Figure:
    """Content scores of the four options without and with the intervention. The correct option comes first."""
    places = list(range(len(found.texts)))
    figure = go.Figure()
    for name, colour, values in (("before", NEUTRAL, found.before), ("under the intervention", TASK, found.after)):
        figure.add_trace(
            go.Bar(
                x=places,
                y=list(values),
                name=name,
                marker={"color": colour, "line": {"width": 0}},
                hovertext=[
                    f"<b>{plain(text)}</b>{'' if i else ' (correct)'}<br>{name}: {signed(value, 2)} nats"
                    for i, (text, value) in enumerate(zip(found.texts, values, strict=True))
                ],
                hoverinfo="text",
            )
        )
    bars = [
        f"{text}{'' if i else ' (correct)'}: {signed(found.before[i])} → {signed(found.after[i])}"
        for i, text in enumerate(found.texts)
    ]
    alt = f"Bars of the options' content scores in nats, before → under the intervention. {'; '.join(bars)}."
    correct_band(figure, 0)
    apply_theme(figure, alt, height=380)
    figure.update_layout(barmode="group", bargroupgap=0.06, margin={"t": 44})
    ticks = [
        wrapped(text, TEXT_WIDTH, lines=4) + ("" if i else "<br><b>correct</b>") for i, text in enumerate(found.texts)
    ]
    figure.update_xaxes(tickvals=places, ticktext=ticks, tickangle=0, tickfont={"size": TICK_SIZE - 2})
    figure.update_xaxes(range=[-0.5, len(places) - 0.5])
    figure.update_yaxes(title_text="Content score (nats)", range=around([*found.before, *found.after]))
    zero_line(figure)
    return figure
