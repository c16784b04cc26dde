"""A neuron in sentences: made from its measurements, with answers known by hand."""

from dataclasses import replace

import pytest

from neuron_core.analysis.neuron import QuestionScore, Standing
from neuron_core.analysis.neuron_story import fires_on, headline, moves, standing_said, writes
from neuron_core.control.findings import Context, NeuronContexts, NeuronEffect, NeuronTokens, TokenLogit

GOOD = Standing("ace", "good", 3, 1204, 0.5)
CHANGE = 0.02


def tokens(promoted, suppressed):
    up, down = (tuple(TokenLogit(i, one, 1.0 - i) for i, one in enumerate(names)) for names in (promoted, suppressed))
    return NeuronTokens(up, down, 1.0, 1.0)


def contexts(highest, lowest=(), position=7):
    high, low = (tuple(Context("e", position, "", one, "", value) for one, value in ones) for ones in (highest, lowest))
    return NeuronContexts(high, low, 10, 100, 0.0, 0.5)


def effect(letter=None, correct=0.0, n=8):
    """Doubled: P(letter) rises by CHANGE in every question, and P(correct) by `correct`."""
    rows = [[0.25] * 4 for _ in range(n)]
    doubled = [list(row) for row in rows]
    for number, row in enumerate(doubled):
        row[number % 4] += correct
        if letter is not None:
            row["ABCD".index(letter)] += CHANGE
    return NeuronEffect(
        "evaluation",
        tuple(f"q{i}" for i in range(n)),
        tuple(f"e{i // 4}" for i in range(n)),
        tuple(i % 4 for i in range(n)),
        tuple(map(tuple, rows)),
        tuple(map(tuple, rows)),
        tuple(map(tuple, doubled)),
    )


def test_its_place_and_the_questions_it_speaks_for():
    scores = [QuestionScore(f"q{i}", "ace", ig, 1.0) for i, ig in enumerate((0.1, -0.2, 0.3))]
    said = standing_said(GOOD, scores, 3)
    assert (
        said
        == "Number 3 of 1,204 good neurons. It raises the score of the correct answer in 2 of 3 attribution questions."
    )
    assert "neither good nor bad" in standing_said(replace(GOOD, role=None, rank=None), scores, 3)
    assert standing_said(GOOD, scores, 99_999).endswith("in 2 of the first 3 of 99,999 attribution questions.")


def test_a_letter_at_an_end_of_the_vocabulary_is_what_it_writes_or_suppresses():
    letter = tokens([" B", "B", "b"], ["cat", "dog"])
    assert "writes the letter B" in writes(letter, [0.5, 0.7, 0.2])
    # A negative value turns the write vector round.
    turned = writes(letter, [-0.5, -0.7, -0.2])
    assert "suppresses the letter B" in turned
    assert "−0.467" in turned
    assert "suppresses the letter D" in writes(tokens(["cat"], ["D", " D"]), [1.0])


def test_where_the_sign_differs_both_ends_are_said_and_without_values_the_condition():
    words = tokens([" great", " good"], [" bad", " poor"])
    both = writes(words, [1.0, -1.0, 1.0, -1.0])
    assert "Where positive it writes “great”, “good”; where negative it writes “bad”, “poor”." in both
    assert writes(words, []) == "Where its value is positive it writes “great”, “good”."
    assert writes(tokens([], []), [1.0]) is None


def test_an_effect_is_said_as_the_letters_or_the_right_answers():
    assert "P(C) by +2 points and P(correct) by +0.5 points" in moves(effect("C"))
    content = moves(effect(correct=0.03))
    assert "moves a letter" not in content
    assert "P(correct) by +3 points" in content
    assert "moves little" in moves(effect(correct=0.0001))
    # No exponents: 7.98e-05 is nothing to read out.
    assert "P(correct) by less than 0.001 points" in moves(effect(correct=0.0000008))
    assert "is 1,230 on average" in writes(tokens([" B"], ["cat"]), [1234.0])


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([(" 7", 3.0), ("1990", 2.0), (" cat", 1.0)], "numbers: 2 of its 3 highest values, up to 3"),
        ([(",", 3.0), (".", 2.0), (" !", 1.0)], "punctuation: 3 of its 3"),
        ([("\n", 3.0), (" ", 2.0)], "spaces and line ends"),
        ([(" Rome", 3.0), (" Paris", 2.0)], "capital letters"),
        ([(" good", 3.0), (" good", 2.5), (" bad", 2.0)], "“good”: 2 of its 3"),
        ([(" good", 3.0), (" bad", 2.0), (" ugly", 1.0), (" nice", 1.0)], "highest values are at “good”, “bad”"),
    ],
    ids=["numbers", "punctuation", "ends", "capitals", "word", "words"],
)
def test_what_the_tokens_where_it_fires_have_in_common_is_said(found, said):
    assert said in fires_on(contexts(found))


def test_the_lowest_values_are_told_where_they_are_the_larger_ones():
    said = fires_on(contexts([(" cat", 0.1)], [(" 3", -5.0), (" 4", -4.0)]))
    assert "numbers: 2 of its 2 lowest values, down to −5" in said
    assert "the beginning of a text" in fires_on(contexts([(" a", 2.0), (" b", 1.0), (" c", 1.0)], position=0))
    assert fires_on(contexts([])) is None


def test_the_headline_is_what_it_writes_and_where_it_fires():
    letter, digits = tokens([" B", "B"], ["cat", "dog"]), contexts([(" 7", 3.0), ("1990", 2.0)])
    assert headline(letter, [1.0, 2.0], digits) == "Writes the letter B; fires on numbers"
    assert headline(letter, [-1.0, -2.0], None) == "Suppresses the letter B"
    assert headline(letter, [], contexts([(" a", 1.0), (" b", 1.0)])) is None
