"""The sentence of a result says what the numbers say, by hand-made probabilities."""

import re

import numpy as np

from neuron_core.control.interventions import Intervention
from neuron_core.control.metrics import evaluate
from neuron_core.reports.verdict import Verdict, verdict_of
from neuron_core.runs.results import Cell
from tests.control.test_letter_free import BIAS, CONTENT, NONE, asked


def said_of(content: np.ndarray, bias: np.ndarray, turns: int = 4) -> Verdict:
    found = evaluate(
        asked((CONTENT, 0 * BIAS), (content, bias), turns=turns),
        [Intervention(10, 0.5, "degrader", NONE, NONE)],
        resamples=200,
    )
    return verdict_of(Cell(found.grid[0], None, None), found.baseline, "colours")


def test_a_bias_of_letters_is_said_to_be_one_with_the_accuracy_that_stays():
    verdict = said_of(CONTENT, 5 * BIAS)
    assert verdict.mostly_letters
    assert verdict.parts.startswith("Most of this change is an effect on letters, not on the content of the answers.")
    assert "With each option averaged over the letters it stood on, accuracy stays at" in verdict.parts


def test_a_change_of_content_is_not_said_to_be_letters():
    verdict = said_of(CONTENT * [-1, 1, 1, 1], 0 * BIAS)
    assert not verdict.mostly_letters
    said = r"Its two parts: letters \S+% \(95% interval .*%\) and content \S+% \(95% interval .*%\)\."
    assert re.fullmatch(said, verdict.parts)
    assert re.search(r"\(RAC \S+%, 95% interval \S+ to \S+%\)", verdict.sentence)
    assert "averaged" not in verdict.parts


def test_answers_that_move_by_letters_of_their_own_are_not_content_either():
    # In each example another letter is preferred: no mean preference, and yet the content stays what it was.
    found = asked((CONTENT, 0 * BIAS), (0.05 * CONTENT, 0 * BIAS))
    x = np.log(found.values[:, 1])
    x[np.arange(len(x)), found.examples % 4] += 2.0
    moved = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    found.values[:, 1] = moved
    row = evaluate(found, [Intervention(10, 0.5, "degrader", NONE, NONE)], resamples=200)
    verdict = verdict_of(Cell(row.grid[0], None, None), row.baseline, "colours")
    assert row.grid[0].rac_letters < row.grid[0].rac / 2
    assert verdict.mostly_letters
    assert "accuracy stays at" in verdict.parts


def test_three_orders_say_nothing_of_content_accuracy():
    assert "averaged" not in said_of(CONTENT, 5 * BIAS, turns=3).parts
