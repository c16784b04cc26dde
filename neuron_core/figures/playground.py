"""The most probable next tokens after a prompt, unmodified and steered. No torch."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from neuron_core.control.findings import Generation, Written
from neuron_core.figures.neuron import visible
from neuron_core.figures.theme import NEUTRAL, TASK, TITLE_SIZE, apply_theme, percent, plain


def next_token_bars(texts: Generation) -> go.Figure:
    """The most probable next tokens of the unmodified and of the steered model, side by side with one scale."""
    sides = (("Plain", texts.plain, NEUTRAL), ("Steered", texts.steered, TASK))
    titles = [f"<b>{name}</b>" for name, _, _ in sides]
    figure = make_subplots(1, 2, horizontal_spacing=0.24, subplot_titles=titles)
    for column, (name, written, colour) in enumerate(sides, start=1):
        places = list(range(len(written.next_tokens)))
        names = [visible(one.token) for one in written.next_tokens]
        figure.add_trace(
            go.Bar(
                x=[100 * one.value for one in written.next_tokens],
                y=places,
                orientation="h",
                name=name,
                showlegend=False,
                marker={"color": colour, "line": {"width": 0}},
                text=[percent(one.value, 1) for one in written.next_tokens],
                textposition="outside",
                cliponaxis=False,
                hovertext=[
                    f"<b>{plain(shown)}</b> (token {one.token_id})<br>{percent(one.value, 2)}"
                    for shown, one in zip(names, written.next_tokens, strict=True)
                ],
                hoverinfo="text",
            ),
            row=1,
            col=column,
        )
        ticks = [plain(shown if len(shown) <= 16 else f"{shown[:15]}…") for shown in names]
        figure.update_yaxes(
            tickvals=places, ticktext=ticks, range=[len(places) - 0.5, -0.5], showgrid=False, row=1, col=column
        )
    apply_theme(
        figure, f"Most probable next tokens. Plain: {_said(texts.plain)}. Steered: {_said(texts.steered)}.", height=360
    )
    highest = max((one.value for written in (texts.plain, texts.steered) for one in written.next_tokens), default=1.0)
    figure.update_annotations(font={"size": TITLE_SIZE})
    figure.update_layout(margin={"t": 48})
    figure.update_yaxes(showgrid=False)
    figure.update_xaxes(title_text="Probability (%)", range=[0, 118 * highest], showgrid=True)
    return figure


def _said(written: Written) -> str:
    return ", ".join(f"{visible(one.token)} {percent(one.value, 1)}" for one in written.next_tokens)
