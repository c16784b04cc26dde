"""One neuron in saved results, with numbers known by hand."""

import numpy as np
import pytest

from neuron_core.analysis.neuron import (
    Standing,
    effect_rows,
    parse_neuron,
    single_plan,
    standing,
    steering_of,
    summary,
)
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.control.findings import NeuronEffect, Steering
from neuron_core.errors import ConfigError

RANKING = NeuronRanking(
    neurons=np.array([(0, 1), (2, 3), (1, 0), (0, 5)], dtype=np.int32),
    scores=np.array([9, 4, -1, -6], dtype=np.float32),
    n_ambiguous=0,
    n_layers=3,
    n_neurons=8,
    z=6,
)
# Two questions of one example and one of another; the correct letters are A, B and C.
EFFECT = NeuronEffect(
    source="evaluation",
    question_ids=("x#1", "x#2", "y#1"),
    examples=("x", "x", "y"),
    targets=(0, 1, 2),
    unmodified=((0.6, 0.2, 0.1, 0.1), (0.5, 0.3, 0.1, 0.1), (0.4, 0.3, 0.2, 0.1)),
    silenced=((0.3, 0.5, 0.1, 0.1), (0.2, 0.6, 0.1, 0.1), (0.3, 0.4, 0.2, 0.1)),
    doubled=((0.7, 0.1, 0.1, 0.1), (0.5, 0.3, 0.1, 0.1), (0.2, 0.1, 0.6, 0.1)),
)


@pytest.mark.parametrize(
    ("neuron", "expected"),
    [
        ((2, 3), Standing("ace", "good", 2, 2, 4.0)),
        ((0, 5), Standing("ace", "bad", 1, 2, -6.0)),
        ((1, 0), Standing("ace", "bad", 2, 2, -1.0)),
        ((1, 1), Standing("ace", None, None, 0, 0.0)),
    ],
)
def test_a_neurons_place_counts_from_the_strong_end_of_its_role(neuron, expected):
    assert standing(RANKING, "ace", *neuron) == expected


def test_a_neuron_is_read_from_its_name():
    assert parse_neuron(" 2.7 ", 3, 8) == (2, 7)


@pytest.mark.parametrize("name", ["", "2", "2.", ".7", "-1.2", "2.7.1", "3.0", "2.8", "a.b", "2,7", "9" * 30 + ".1"])
def test_what_names_no_neuron_of_the_model_is_refused(name):
    with pytest.raises(ConfigError):
        parse_neuron(name, 3, 8)


def test_the_effect_of_silencing_and_doubling_question_by_question():
    silenced, doubled = effect_rows(EFFECT)
    assert [row.flip for row in silenced] == ["lost", "gained", "changed"]
    assert [row.p_correct_after for row in silenced] == pytest.approx([0.3, 0.6, 0.2])
    assert [row.flip for row in doubled] == ["same", "same", "gained"]
    assert [row.new_letter for row in doubled] == ["A", "A", "C"]


def test_the_effect_in_total():
    silenced, doubled = (summary(rows) for rows in effect_rows(EFFECT))
    # Changes of P(correct): -0.3, +0.3, 0 and +0.1, 0, +0.4.
    assert silenced.mean_change == pytest.approx(0.0, abs=1e-6)
    assert (silenced.accuracy_before, silenced.accuracy_after) == pytest.approx((1 / 3, 1 / 3))
    assert (silenced.gained, silenced.lost, silenced.changed) == (1, 1, 1)
    assert doubled.mean_change == pytest.approx(0.5 / 3)
    assert doubled.largest_change == pytest.approx(0.4)
    assert (doubled.accuracy_before, doubled.accuracy_after) == pytest.approx((1 / 3, 2 / 3))
    assert (doubled.gained, doubled.lost, doubled.changed) == (1, 0, 0)
    with pytest.raises(ConfigError):
        summary([])


def test_one_neuron_is_first_silenced_then_doubled():
    silenced, doubled = single_plan(2, 3)
    assert (silenced.silenced.tolist(), silenced.excited.tolist()) == ([[2, 3]], [])
    assert (doubled.silenced.tolist(), doubled.excited.tolist()) == ([], [[2, 3]])
    assert steering_of(doubled) == Steering(((2, 3),), ())
