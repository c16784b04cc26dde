"""The bars of the letters that a model chooses."""

from dataclasses import replace

from neuron_core.figures.baseline import letter_bars
from neuron_core.figures.theme import MARK, NEUTRAL, describe
from tests.figures.rows import baseline


def test_letters_have_bars_of_their_share_in_percent():
    figure = letter_bars(baseline({"A": 0.125, "B": 0.375, "C": 0.5, "D": 0.0}))
    bars = figure.data[0]
    assert list(bars.x) == ["A", "B", "C", "D"]
    assert list(bars.y) == [12.5, 37.5, 50.0, 0.0]
    assert list(bars.customdata) == [{"letter": letter} for letter in "ABCD"]
    assert figure.layout.yaxis.title.text == "Share of 60 questions (%)"
    assert figure.layout.xaxis.ticktext[3] == "<b>D</b>  0%"


def test_a_letter_above_forty_percent_has_another_colour_but_not_one_at_forty():
    bars = letter_bars(baseline({"A": 0.4, "B": 0.41, "C": 0.1, "D": 0.09})).data[0]
    assert list(bars.marker.color) == [NEUTRAL, MARK, NEUTRAL, NEUTRAL]


def test_lines_stand_at_an_even_choice_and_at_too_many():
    layout = letter_bars(baseline()).layout
    assert [(line.y0, line.y1) for line in layout.shapes] == [(25.0, 25.0), (40.0, 40.0)]
    assert [note.text for note in layout.annotations] == ["25%: even choice", "40%: too many"]
    assert [note.y for note in layout.annotations] == [25.0, 40.0]


def test_the_axis_reaches_above_both_lines_and_the_highest_bar():
    assert letter_bars(baseline()).layout.yaxis.range == (0, 50.0)
    assert letter_bars(baseline({"A": 1.0, "B": 0.0, "C": 0.0, "D": 0.0})).layout.yaxis.range == (0, 104.0)


def test_the_pointer_gets_numbers_and_how_often_a_letter_is_right():
    texts = letter_bars(baseline({"A": 0.2, "B": 0.4, "C": 0.4, "D": 0.0})).data[0].hovertext
    assert texts[0] == ("<b>A</b> is the answer to 20% (12 of 60 questions)<br>where A is correct, 50% are right")
    assert texts[3] == "<b>D</b> is the answer to 0% (0 of 60 questions)<br>D is correct in no question"


def test_the_letters_in_words():
    assert describe(letter_bars(baseline({"A": 0.2, "B": 0.4, "C": 0.4, "D": 0.0}))) == (
        "How often the model answers each letter, of 60 questions: A 20%, B 40%, C 40%, D 0%. "
        "An even choice is 25%, more than 40% is too many."
    )


def test_with_neutral_options_each_letter_has_the_lines_of_its_real_options():
    even = {"A": 0.2, "B": 0.3, "C": 0.25, "D": 0.25}
    two = replace(baseline({"A": 0.36, "B": 0.44, "C": 0.1, "D": 0.1}), even_letters=even, chance=0.5)
    figure = letter_bars(two)
    assert [line.y0 for line in figure.layout.shapes] == [20.0, 30.0, 25.0, 25.0, 35.0, 45.0, 40.0, 40.0]
    # 36% is too many where blind picks take 20%, 44% is not where they take 30%.
    assert list(figure.data[0].marker.color) == [MARK, NEUTRAL, NEUTRAL, NEUTRAL]
    assert "Blind picks among the options that are not neutral ones are A 20%, B 30%" in describe(figure)
    assert "50% are right (chance 50%)" in figure.data[0].hovertext[0]
