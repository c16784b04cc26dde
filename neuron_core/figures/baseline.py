"""The answers of the unmodified model."""

import plotly.graph_objects as go

from neuron_core.control.competence import MOST_ABOVE_EVEN, too_many
from neuron_core.control.probabilities import EVEN
from neuron_core.control.results import Baseline
from neuron_core.figures.theme import MARK, NEUTRAL, TITLE_SIZE, apply_theme, percent, plain

SAME = 0.005
"shares closer to one another are one line"


def letter_bars(baseline: Baseline) -> go.Figure:
    """How often the model answers each letter. Lines mark an even choice, and the share above which a letter dominates.

    An even choice is that of blind picks among options that are not neutral: a quarter each where all are real; else
    each letter has lines of its own. Letters above the second line have another colour.
    """
    letters, shares = list(baseline.letters), list(baseline.letters.values())
    even = [baseline.even_letters[letter] for letter in letters]
    above = [share > too_many(one) for share, one in zip(shares, even, strict=True)]
    figure = go.Figure(
        go.Bar(
            x=letters,
            y=[100 * share for share in shares],
            name="answers",
            marker={"color": [MARK if one else NEUTRAL for one in above], "line": {"width": 0}},
            customdata=[{"letter": letter} for letter in letters],
            hovertext=[_letter_in_words(letter, baseline) for letter in letters],
            hoverinfo="text",
        )
    )
    one_line = _are_alike(even)
    for values, dash, name in ((even, "dash", "even choice"), ([too_many(one) for one in even], "dot", "too many")):
        places = (
            [(0.0, 1.0)] if one_line else [((at + 0.1) / len(letters), (at + 0.9) / len(letters)) for at in range(4)]
        )
        for (left, right), share in zip(places, values, strict=False):
            figure.add_shape(
                type="line",
                xref="x domain",
                x0=left,
                x1=right,
                y0=100 * share,
                y1=100 * share,
                line={"color": NEUTRAL, "width": 2, "dash": dash},
            )
        figure.add_annotation(
            text=f"{percent(values[-1])}: {name}" if one_line else name,
            xref="x domain",
            x=1,
            y=100 * values[-1],
            xanchor="left",
            yanchor="middle",
            showarrow=False,
        )
    listed = ", ".join(f"{letter} {percent(share)}" for letter, share in baseline.letters.items())
    alt = f"How often the model answers each letter, of {baseline.n_questions} questions: {listed}. "
    alt += _even_in_words(baseline)
    apply_theme(figure, alt, height=320)
    figure.update_layout(margin={"r": 140, "t": 24}, bargap=0.4)
    # Numbers above the bars would cover the lines.
    ticks = [f"<b>{plain(letter)}</b>  {percent(share)}" for letter, share in baseline.letters.items()]
    figure.update_xaxes(title_text="Letter", tickvals=letters, ticktext=ticks, tickfont={"size": TITLE_SIZE})
    figure.update_yaxes(
        title_text=f"Share of {baseline.n_questions} questions (%)",
        range=[0, max(50.0, 100 * max(shares, default=0.0) + 4)],
    )
    return figure


def _are_alike(even: list[float]) -> bool:
    return max(even) - min(even) < SAME


def _even_in_words(baseline: Baseline) -> str:
    even = list(baseline.even_letters.values())
    if _are_alike(even):
        return f"An even choice is {percent(even[0])}, more than {percent(too_many(even[0]))} is too many."
    listed = ", ".join(f"{letter} {percent(share)}" for letter, share in baseline.even_letters.items())
    return (
        f"Blind picks among the options that are not neutral ones are {listed}; more than {percent(MOST_ABOVE_EVEN)} "
        "above them is too many."
    )


def _letter_in_words(letter: str, baseline: Baseline) -> str:
    share, accuracy = baseline.letters[letter], baseline.letter_accuracy[letter]
    shown = plain(letter)
    chance = "" if baseline.chance == EVEN else f" (chance {percent(baseline.chance)})"
    right = (
        f"where {shown} is correct, {percent(accuracy)} are right{chance}"
        if accuracy is not None
        else f"{shown} is correct in no question"
    )
    of = f"{round(share * baseline.n_questions)} of {baseline.n_questions} questions"
    return f"<b>{shown}</b> is the answer to {percent(share)} ({of})<br>{right}"
