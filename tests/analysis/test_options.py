"""One question under every method, from probabilities typed out."""

import math

import numpy as np
import pytest

from neuron_core.analysis.options import option_table, question_answers, question_to_show
from neuron_core.control.interventions import Intervention
from neuron_core.control.metrics import evaluate
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.errors import ConfigError

NONE = np.empty((0, 2), dtype=np.int32)
PLAN = [Intervention(4, ratio, "enhancer", NONE, NONE, "ace") for ratio in (0.0, 0.5, 1.0)]
PLAN.append(Intervention(4, 1.0, "enhancer", NONE, NONE, "tn"))
# Question 0 is right and stays so; question 1 (correct B) is wrong before, and right with both kinds only.
ROW = [
    [0.5, 0.25, 0.125, 0.125],
    [0.5, 0.25, 0.125, 0.125],
    [0.25, 0.5, 0.125, 0.125],
    [0.5, 0.375, 0.0625, 0.0625],
    [0.625, 0.125, 0.125, 0.125],
]
P = OptionProbabilities(
    values=np.array([[[0.7, 0.1, 0.1, 0.1]] * 5, ROW], dtype=np.float32),
    targets=np.array([0, 1], dtype=np.int8),
    examples=np.array([0, 1], dtype=np.int32),
    question_ids=("a#1", "b#1"),
)
EVALUATION = evaluate(P, PLAN, resamples=5)


def test_the_question_shown_is_one_that_the_direction_could_change():
    assert question_to_show(P, "enhancer") == 1
    assert question_to_show(P, "degrader") == 0


def test_rivals_come_first_then_our_good_bad_and_both_neurons():
    table = option_table(question_answers(P, PLAN, EVALUATION, 1, 4, "enhancer", ["tn"]), correct=1)
    assert table["method"].tolist() == ["original", "tn", "ace, good", "ace, bad", "ace, both"]
    assert table["ratio"].tolist()[1:] == [1.0, 1.0, 0.0, 0.5]
    assert table[["A", "B", "C", "D"]].to_numpy().tolist() == [ROW[0], ROW[4], ROW[3], ROW[1], ROW[2]]
    expected = [-math.log(value) for value in (0.25, 0.125, 0.375, 0.25, 0.5)]
    assert table["cross_entropy"].tolist() == pytest.approx(expected)
    assert table["letter"].tolist() == ["A", "A", "A", "A", "B"]
    assert table["success"].tolist() == [None, False, False, False, True]
    assert set(table["correct_letter"]) == {"B"}


def test_a_method_that_was_not_evaluated_is_refused():
    with pytest.raises(ConfigError, match="kn with K = 4, enhancer"):
        question_answers(P, PLAN, EVALUATION, 1, 4, "enhancer", ["tn", "kn"])
