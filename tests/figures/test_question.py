"""The bars of one question."""

import pytest

from neuron_core.analysis.answers import Answer
from neuron_core.errors import ConfigError
from neuron_core.figures.question import answer_bars, option_bars
from neuron_core.figures.theme import describe

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


def test_the_correct_option_has_a_band_and_is_named_below():
    figure = option_bars((0.1, 0.5, 0.2, 0.2), (0.1, 0.5, 0.2, 0.2), 1, LABELS)
    assert list(figure.layout.xaxis.ticktext) == [
        "A. positive",
        "B. neutral<br><b>correct</b>",
        "C. negative",
        "D. not sure",
    ]
    (band,) = figure.layout.shapes
    assert (band.x0, band.x1, band.layer) == (0.5, 1.5, "below")
    # The legend takes the look of the first bar: all bars of a trace look the same.
    assert [trace.marker.line.width for trace in figure.data] == [0, 0]


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
    assert figure.layout.xaxis.ticktext[1] == "B. [NP the<br>quick fox]<br>[VP jumps<br>over] [NP …"
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


def answer(source, direction, values, n_sets=1):
    low, high = (tuple(value + step for value in values) for step in ((-0.05, 0.05) if n_sets > 1 else (0, 0)))
    best = values.index(max(values))
    return Answer(source, direction, 0.5, values, low, high, best, best == 2, 1.0, n_sets)


BEFORE = answer("", None, (0.1, 0.4, 0.3, 0.2))
OURS = answer("ace", "enhancer", (0.1, 0.2, 0.6, 0.1))
OTHER = answer("ace", "degrader", (0.2, 0.6, 0.1, 0.1))
RANDOM = answer("random", "enhancer", (0.1, 0.4, 0.3, 0.2), n_sets=3)


def test_every_method_has_bars_in_a_panel_a_direction_beside_the_unmodified_model():
    figure = answer_bars((BEFORE, OURS, OTHER, RANDOM), 2, LABELS, {"ace": "ACE"})
    assert [(trace.name, trace.yaxis) for trace in figure.data] == [
        ("before", "y"),
        ("ACE", "y"),
        ("random", "y"),
        ("before", "y2"),
        ("ACE", "y2"),
    ]
    assert list(figure.data[1].y) == [10.0, 20.0, 60.0, 10.0]
    assert list(figure.data[4].y) == [20.0, 60.0, 10.0, 10.0]
    assert [trace.showlegend for trace in figure.data] == [True, True, True, False, False]
    assert figure.data[1].customdata[3] == {"option": 3, "source": "ace"}
    assert figure.layout.xaxis2.ticktext[2] == "C. negative<br><b>correct</b>"


def test_random_sets_carry_their_range_and_a_pattern():
    *_, random = answer_bars((BEFORE, RANDOM), 2, LABELS).data
    assert list(random.error_y.array) == pytest.approx([5.0] * 4)
    assert list(random.error_y.arrayminus) == pytest.approx([5.0] * 4)
    assert random.marker.pattern.shape == "\\"


def test_methods_differ_by_more_than_colour():
    methods = [answer(name, "enhancer", (0.1, 0.2, 0.6, 0.1)) for name in ("ace", "tn", "kn")]
    bars = answer_bars((BEFORE, *methods), 2, LABELS).data[1:]
    assert len({bar.marker.pattern.shape for bar in bars}) == 3
    assert len({bar.marker.color for bar in bars}) == 3


def test_the_answers_in_words_name_method_and_direction():
    assert describe(answer_bars((BEFORE, OURS), 2, LABELS)) == (
        "Bars of the probabilities of the four options; C. negative is correct. before: 10%, 40%, 30%, 20%. "
        "ace, enhancer: 10%, 20%, 60%, 10%."
    )


def test_answers_without_the_unmodified_model_are_refused():
    with pytest.raises(ConfigError, match="do not fit together"):
        answer_bars((OURS,), 2, LABELS)
