"""The bars of one question."""

import pytest

from neuron_core.errors import ConfigError
from neuron_core.figures.question import option_bars
from neuron_core.figures.theme import CLEAR, MARK, describe

LABELS = ("A. positive", "B. neutral", "C. negative", "D. not sure")


def test_options_have_a_bar_before_and_one_under_the_intervention():
    figure = option_bars((0.125, 0.5, 0.25, 0.125), (0.0, 0.25, 0.75, 0.0), 2, LABELS)
    before, after = figure.data
    assert (before.name, after.name) == ("before", "under the intervention")
    assert list(before.x) == list(after.x) == [0, 1, 2, 3]
    assert list(before.y) == [12.5, 50.0, 25.0, 12.5]
    assert list(after.y) == [0.0, 25.0, 75.0, 0.0]
    assert list(after.text) == ["0%", "25%", "75%", "0%"]
    assert figure.layout.barmode == "group"
    assert figure.layout.yaxis.title.text == "Probability among the four (%)"


def test_without_an_intervention_there_is_one_bar_an_option():
    figure = option_bars((0.25, 0.25, 0.25, 0.25), None, 0, LABELS)
    assert [trace.name for trace in figure.data] == ["before"]


def test_the_correct_option_is_outlined_and_named_below():
    figure = option_bars((0.1, 0.5, 0.2, 0.2), (0.1, 0.5, 0.2, 0.2), 1, LABELS)
    assert list(figure.layout.xaxis.ticktext) == [
        "A. positive",
        "B. neutral<br><b>correct</b>",
        "C. negative",
        "D. not sure",
    ]
    for trace in figure.data:
        assert list(trace.marker.line.width) == [0, 4, 0, 0]
        assert list(trace.marker.line.color) == [CLEAR, MARK, CLEAR, CLEAR]


def test_the_pointer_gets_option_and_probability():
    before, after = option_bars((0.125, 0.5, 0.25, 0.125), (0.0, 0.25, 0.75, 0.0), 2, LABELS).data
    assert before.hovertext[0] == "<b>A. positive</b><br>before: 12.5%"
    assert after.hovertext[2] == "<b>C. negative</b> (correct)<br>under the intervention: 75.0%"
    assert after.customdata[2] == {"option": 2}


def test_tags_in_an_option_are_shown_and_not_obeyed():
    labels = ("A. <b>x</b>", "B. a & b", "C. <a href='y'>z</a>", "D. no")
    figure = option_bars((0.25, 0.25, 0.25, 0.25), None, 3, labels)
    assert figure.layout.xaxis.ticktext[0] == "A. &lt;b&gt;x&lt;/b&gt;"
    assert figure.layout.xaxis.ticktext[1] == "B. a &amp; b"
    assert "<a" not in figure.layout.xaxis.ticktext[2] + figure.data[0].hovertext[2]


def test_long_options_are_wrapped_under_the_bars_and_longer_under_the_pointer():
    long = "B. [NP the quick fox] [VP jumps over] [NP the very lazy dog] [PP of] [NP mine]"
    figure = option_bars((0.25, 0.25, 0.25, 0.25), None, 0, ("A. x", long, "C. y", "D. z"))
    assert figure.layout.xaxis.ticktext[1] == "B. [NP the quick<br>fox] [VP jumps<br>over] [NP the …"
    assert figure.data[0].hovertext[1] == (
        "<b>B. [NP the quick fox] [VP jumps over] [NP the very lazy dog]<br>[PP of] [NP mine]</b><br>before: 25.0%"
    )


def test_the_bars_in_words_give_every_option():
    assert describe(option_bars((0.1, 0.5, 0.2, 0.2), (0.2, 0.4, 0.2, 0.2), 1, LABELS)) == (
        "Bars of the probabilities of the four options, before → under the intervention. "
        "A. positive: 10% → 20%; B. neutral (correct): 50% → 40%; "
        "C. negative: 20% → 20%; D. not sure: 20% → 20%."
    )
    assert describe(option_bars((0.1, 0.5, 0.2, 0.2), None, 1, LABELS)) == (
        "Bars of the probabilities of the four options. "
        "A. positive: 10%; B. neutral (correct): 50%; C. negative: 20%; D. not sure: 20%."
    )


@pytest.mark.parametrize(
    ("before", "after", "correct"),
    [((0.5, 0.5), None, 0), ((0.25,) * 4, (0.5, 0.5), 0), ((0.25,) * 4, None, 4), ((0.25,) * 4, None, -1)],
)
def test_options_that_do_not_fit_together_are_refused(before, after, correct):
    with pytest.raises(ConfigError, match="4 labels"):
        option_bars(before, after, correct, LABELS)
