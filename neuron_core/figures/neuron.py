"""Figures of one neuron: the tokens it promotes, its effect on questions, its score in each. No torch."""

from collections.abc import Sequence
from typing import Literal

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from neuron_core.analysis.layers import NeuronRow, Role
from neuron_core.analysis.neuron import QuestionScore
from neuron_core.control.findings import NeuronTokens
from neuron_core.control.results import QuestionRow
from neuron_core.errors import ConfigError
from neuron_core.figures.theme import (
    BAD,
    GOOD,
    MARK,
    NEUTRAL,
    TASK,
    TITLE_SIZE,
    apply_theme,
    around,
    counted,
    plain,
    signed,
    significant,
    zero_line,
)

End = Literal["promoted", "suppressed"]
SIGNS = {" ": "␣", "\n": "⏎", "\r": "␍", "\t": "⇥"}
BAR = 21
FLIPS = (("gained", "triangle-up", "wrong to right"), ("lost", "triangle-down", "right to wrong"))


def visible(token: str) -> str:
    """A token with its white space made visible; ∅ for an empty token."""
    return (
        "".join(SIGNS.get(sign, sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}") for sign in token) or "∅"
    )


def token_bars(tokens: NeuronTokens, end: End, most: int = 20) -> go.Figure:
    """The `most` tokens that a neuron promotes or suppresses most, as horizontal bars with the strongest at the top."""
    chosen = (tokens.promoted if end == "promoted" else tokens.suppressed)[:most]
    places = list(range(len(chosen)))
    names = [visible(one.token) for one in chosen]
    figure = go.Figure(
        go.Bar(
            x=[one.value for one in chosen],
            y=places,
            orientation="h",
            name=plain(end),
            marker={"color": TASK if end == "promoted" else NEUTRAL, "line": {"width": 0}},
            customdata=[{"token": one.token_id} for one in chosen],
            hovertext=[
                f"<b>{plain(name)}</b> (token {one.token_id})<br>{signed(one.value, 2)}"
                for name, one in zip(names, chosen, strict=True)
            ],
            hoverinfo="text",
        )
    )
    words = ", ".join(f"{name} {signed(one.value, 1)}" for name, one in zip(names, chosen, strict=True))
    apply_theme(figure, f"Bars of the {counted(len(chosen), f'{end} token')}: {words}.", height=96 + BAR * len(chosen))
    figure.update_layout(margin={"t": 8})
    figure.update_yaxes(
        tickvals=places,
        ticktext=[plain(name if len(name) <= 18 else f"{name[:17]}…") for name in names],
        range=[len(chosen) - 0.5, -0.5],
        showgrid=False,
    )
    figure.update_xaxes(
        title_text="Logit of the write vector alone", showgrid=True, zeroline=True, zerolinecolor=NEUTRAL, nticks=5
    )
    return figure


def neuron_bars(rows: Sequence[NeuronRow], role: Role) -> go.Figure:
    """The strongest neurons of a role as horizontal bars, strongest first.

    customdata {"neuron": "3.17", "layer", "role"}.
    """
    places = list(range(len(rows)))
    figure = go.Figure(
        go.Bar(
            x=[row.score for row in rows],
            y=places,
            orientation="h",
            name=plain(role),
            marker={
                "color": GOOD if role == "good" else BAD,
                "pattern": {"shape": "" if role == "good" else "/"},
                "line": {"width": 0},
            },
            customdata=[{"neuron": row.id, "layer": row.layer, "role": row.role} for row in rows],
            hovertext=[
                f"<b>neuron {plain(row.id)}</b>, layer {row.layer}<br>rank {row.rank} of the {plain(role)} "
                f"neurons<br>score {significant(row.score)}"
                for row in rows
            ],
            hoverinfo="text",
        )
    )
    words = ", ".join(f"{row.id} {significant(row.score)}" for row in rows)
    apply_theme(
        figure, f"Bars of the strongest {role} neurons by score: {words or 'none'}.", height=96 + BAR * len(rows)
    )
    figure.update_layout(margin={"t": 8}, hovermode="closest", hoverdistance=-1)
    figure.update_yaxes(
        tickvals=places,
        ticktext=[plain(row.id) for row in rows],
        range=[len(rows) - 0.5, -0.5],
        showgrid=False,
        side="left" if role == "good" else "right",
    )
    figure.update_xaxes(title_text="Score", showgrid=True, zeroline=True, zerolinecolor=NEUTRAL, nticks=5)
    return figure


def effect_bars(silenced: Sequence[QuestionRow], doubled: Sequence[QuestionRow]) -> go.Figure:
    """The change of P(correct) in every question with the neuron silenced (above) and doubled (below).

    Triangles mark questions whose answer becomes correct or wrong.

    customdata {"question": id}. Raises ConfigError if the two are not of the same questions.
    """
    if [row.question_id for row in silenced] != [row.question_id for row in doubled]:
        raise ConfigError("effects on different questions", accepted="the same questions silenced and doubled")
    titles = ["<b>Silenced</b>: value × 0", "<b>Doubled</b>: value × 2"]
    figure = make_subplots(2, 1, shared_xaxes=True, vertical_spacing=0.14, subplot_titles=titles)
    for line, rows in enumerate((silenced, doubled), start=1):
        changes = [100 * (row.p_correct_after - row.p_correct_before) for row in rows]
        numbers = list(range(1, len(rows) + 1))
        figure.add_trace(
            go.Bar(
                x=numbers,
                y=changes,
                name="change of P(correct)",
                showlegend=False,
                marker={"color": TASK, "line": {"width": 0}},
                customdata=[{"question": row.question_id} for row in rows],
                hovertext=[_row_in_words(row, change) for row, change in zip(rows, changes, strict=True)],
                hoverinfo="text",
            ),
            row=line,
            col=1,
        )
        for flip, symbol, meaning in FLIPS:
            found = [(n, c, row) for n, c, row in zip(numbers, changes, rows, strict=True) if row.flip == flip]
            figure.add_trace(
                go.Scatter(
                    x=[n for n, _, _ in found],
                    y=[c for _, c, _ in found],
                    mode="markers",
                    name=f"{flip}: {meaning}",
                    legendgroup=flip,
                    # One entry in the legend for both panels, even if the first panel has no such question.
                    showlegend=line == 1,
                    marker={"symbol": symbol, "size": 12, "color": MARK, "line": {"width": 1, "color": NEUTRAL}},
                    customdata=[{"question": row.question_id} for _, _, row in found],
                    hovertext=[_row_in_words(row, c) for _, c, row in found],
                    hoverinfo="text",
                ),
                row=line,
                col=1,
            )
    apply_theme(figure, _effect_in_words(silenced, doubled), height=480)
    figure.update_annotations(font={"size": TITLE_SIZE})
    # Without a distance limit the nearest bar answers, even if it is low and narrow.
    figure.update_layout(margin={"t": 84}, legend={"y": 1.1}, bargap=0.1, hovermode="closest", hoverdistance=-1)
    # Both panels get one scale from the data: a shared axis could take its range from an empty trace.
    heights = [100 * (row.p_correct_after - row.p_correct_before) for row in (*silenced, *doubled)]
    figure.update_yaxes(title_text="Change (points)", nticks=5, range=around(heights))
    figure.update_xaxes(range=[0.4, len(silenced) + 0.6])
    figure.update_xaxes(title_text="Question of the run", row=2, col=1)
    zero_line(figure)
    return figure


def score_bars(scores: Sequence[QuestionScore], unit: str = "probability") -> go.Figure:
    """The neuron's attribution in every question. Positive bars are plain, negative ones hatched.

    customdata {"question": id}.
    """
    values = [score.ig for score in scores]
    good = [value >= 0 for value in values]
    figure = go.Figure(
        go.Bar(
            x=list(range(1, len(scores) + 1)),
            y=values,
            name="attribution",
            marker={
                "color": [GOOD if up else BAD for up in good],
                "line": {"width": 0},
                "pattern": {"shape": ["" if up else "/" for up in good]},
            },
            customdata=[{"question": score.question_id} for score in scores],
            hovertext=[
                f"<b>question {plain(score.question_id)}</b><br>IG {significant(score.ig, sign=True)}<br>value at the "
                f"last token {significant(score.value)}"
                for score in scores
            ],
            hoverinfo="text",
        )
    )
    n_up = sum(value > 0 for value in values)
    alt = (
        f"Bars of the neuron's attribution in {counted(len(scores), 'question')}: positive in {n_up}, "
        f"negative in {sum(value < 0 for value in values)}, from {significant(min(values, default=0.0))} to "
        f"{significant(max(values, default=0.0))}."
    )
    apply_theme(figure, alt, height=320)
    figure.update_xaxes(title_text="Attribution question", range=[0.4, len(scores) + 0.6], tickformat="d")
    figure.update_yaxes(title_text=f"IG ({unit})", exponentformat="power")
    zero_line(figure)
    return figure


def _row_in_words(row: QuestionRow, change: float) -> str:
    return (
        f"<b>question {plain(row.question_id)}</b><br>P({plain(row.correct_letter)}, correct) "
        f"{100 * row.p_correct_before:.1f}% → {100 * row.p_correct_after:.1f}% ({signed(change, 2)} points)"
        f"<br>answer {plain(row.baseline_letter)} → {plain(row.new_letter)}"
    )


def _effect_in_words(silenced: Sequence[QuestionRow], doubled: Sequence[QuestionRow]) -> str:
    words = []
    for name, rows in (("silenced", silenced), ("doubled", doubled)):
        changes = [100 * (row.p_correct_after - row.p_correct_before) for row in rows]
        mean = sum(changes) / max(1, len(changes))
        flips = ", ".join(f"{sum(row.flip == flip for row in rows)} {flip}" for flip, _, _ in FLIPS)
        words.append(f"{name}: mean {signed(mean, 2)} points, {flips}")
    return f"Bars of the change of P(correct) in {counted(len(silenced), 'question')}. {'; '.join(words)}."
