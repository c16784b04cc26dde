"""What the unmodified model answers."""

import plotly.graph_objects as go

from neuron_core.control.competence import EVEN_LETTERS, MOST_FOR_ONE_LETTER
from neuron_core.control.results import Baseline
from neuron_core.figures.theme import MARK, NEUTRAL, TITLE_SIZE, dress, percent


def letter_bars(baseline: Baseline) -> go.Figure:
    """How often each letter is the model's answer, with lines at an even choice and at one letter too many.

    Letters above the second line have another colour.
    """
    letters, shares = list(baseline.letters), list(baseline.letters.values())
    above = [share > MOST_FOR_ONE_LETTER for share in shares]
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
    lines = ((EVEN_LETTERS, "dash", "even choice"), (MOST_FOR_ONE_LETTER, "dot", "too many"))
    for share, dash, name in lines:
        figure.add_hline(
            y=100 * share,
            line={"color": NEUTRAL, "width": 2, "dash": dash},
            annotation={
                "text": f"{percent(share)}: {name}",
                "x": 1,
                "xanchor": "left",
                "yanchor": "middle",
                "showarrow": False,
            },
        )
    listed = ", ".join(f"{letter} {percent(share)}" for letter, share in baseline.letters.items())
    alt = (
        f"How often the model answers each letter, of {baseline.n_questions} questions: {listed}. "
        f"An even choice is {percent(EVEN_LETTERS)}, more than {percent(MOST_FOR_ONE_LETTER)} is too many."
    )
    dress(figure, alt, height=320)
    figure.update_layout(margin={"r": 140, "t": 24}, bargap=0.4)
    # Numbers above the bars would lie on the lines.
    ticks = [f"<b>{letter}</b>  {percent(share)}" for letter, share in baseline.letters.items()]
    figure.update_xaxes(title_text="Letter", tickvals=letters, ticktext=ticks, tickfont={"size": TITLE_SIZE})
    figure.update_yaxes(
        title_text=f"Share of {baseline.n_questions} questions (%)",
        range=[0, max(50.0, 100 * max(shares, default=0.0) + 4)],
    )
    return figure


def _letter_in_words(letter: str, baseline: Baseline) -> str:
    share, accuracy = baseline.letters[letter], baseline.letter_accuracy[letter]
    right = (
        f"where {letter} is correct, {percent(accuracy)} are right"
        if accuracy is not None
        else f"{letter} is correct in no question"
    )
    of = f"{round(share * baseline.n_questions)} of {baseline.n_questions} questions"
    return f"<b>{letter}</b> is the answer to {percent(share)} ({of})<br>{right}"
