"""Letter control with scores small enough to add up by hand."""

import math

import numpy as np
import pytest

from neuron_core.analysis.letters import letter_scores, without_letters
from neuron_core.cni.selection import example_scores, select
from neuron_core.errors import ConfigError


def scores(*questions):
    """One layer of eight neurons; each question: neuron → score."""
    values = np.zeros((len(questions), 1, 8), dtype=np.float32)
    for q, given in enumerate(questions):
        for neuron, score in given.items():
            values[q, 0, neuron] = score
    return values


# Neuron 0 serves the task; neuron 1 writes the letter A; neuron 7 hinders.
QUESTIONS = scores(
    {0: 0.5, 1: 2.0, 7: -1.0},  # correct A
    {0: 0.5, 1: -0.25, 7: -1.0},  # correct B
    {0: 0.25, 1: 1.0, 7: -0.5},  # correct A
    {0: 0.75, 1: -0.25, 7: -0.5},  # correct C
)
EXAMPLES, TARGETS = [0, 0, 1, 1], [0, 1, 0, 2]


def ranked(z=2):
    return select(example_scores(QUESTIONS, EXAMPLES), z)


def test_scores_of_the_sets_and_accuracy_are_averaged_by_correct_letter():
    table = letter_scores(QUESTIONS, TARGETS, [True, False, False, True], ranked(), 2)
    a, b, c, d = table.to_dict("records")
    assert (a["n_questions"], a["accuracy"], a["good"], a["bad"]) == (2, 0.5, (2.5 + 1.25) / 2, -0.75)
    assert (b["n_questions"], b["accuracy"], b["good"], b["bad"]) == (1, 0.0, 0.25, -1.0)
    assert (c["accuracy"], c["good"]) == (1.0, 0.5)
    assert d["n_questions"] == 0
    assert math.isnan(d["accuracy"])
    assert math.isnan(d["good"])


def test_a_letter_neuron_leaves_the_set_with_its_letter():
    # Full: neuron 1 scores 2.5, neuron 0 scores 2, neuron 7 -3. Without A neuron 1 scores -0.5.
    table = without_letters(QUESTIONS, EXAMPLES, TARGETS, z=2, k=1)
    found = {(row["letter"], row["role"]): (row["n_left"], row["jaccard"]) for row in table.to_dict("records")}
    assert found["A", "good"] == (0, 0.0)
    assert found["A", "bad"] == (1, 1.0)
    assert found["B", "good"] == (1, 1.0)
    assert found["D", "good"] == (1, 1.0)
    assert len(table) == 8


def test_lengths_that_differ_and_a_single_letter_are_refused():
    with pytest.raises(ConfigError, match="scores of 4 questions, 3 targets"):
        letter_scores(QUESTIONS, TARGETS[:3], [True] * 4, ranked(), 2)
    with pytest.raises(ConfigError, match="every question has the correct letter A"):
        without_letters(QUESTIONS, EXAMPLES, [0, 0, 0, 0], z=2, k=1)
