"""Layers of several tasks, with every count typed out."""

import numpy as np
import pytest

from neuron_core.analysis.task_layers import score_map, task_layers
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.errors import ConfigError


def ranking(scores, n_layers=3, n_neurons=5):
    """scores: {(layer, index): score}."""
    order = sorted(scores, key=lambda neuron: -scores[neuron])
    return NeuronRanking(
        np.array(order, dtype=np.int32).reshape(-1, 2),
        np.array([scores[neuron] for neuron in order], dtype=np.float32),
        0,
        n_layers,
        n_neurons,
        1,
    )


ONE = ranking({(0, 0): 4.0, (2, 1): 3.0, (2, 4): 2.0, (1, 1): -1.0})
TWO = ranking({(2, 0): 4.0, (1, 3): -1.0, (1, 1): -2.0})


def test_each_task_has_its_own_counts_by_layer():
    found = task_layers({"one": ONE.cut(3), "two": TWO.cut(3)}, 3)
    assert found.tasks == ("one", "two")
    assert found.good.tolist() == [[1, 0, 2], [0, 0, 1]]
    assert found.bad.tolist() == [[0, 1, 0], [0, 2, 0]]


def test_shares_are_of_each_task_and_their_mean_weighs_tasks_alike():
    found = task_layers({"one": ONE.cut(3), "two": TWO.cut(3)}, 3)
    assert found.shares("good")[0] == pytest.approx([1 / 3, 0, 2 / 3])
    assert found.mean_shares("good") == pytest.approx([1 / 6, 0, 5 / 6])
    assert found.mean_shares("bad") == pytest.approx([0, 1, 0])


def test_a_task_without_bad_neurons_has_zero_shares():
    found = task_layers({"good only": ranking({(0, 0): 1.0}).cut(3)}, 3)
    assert found.shares("bad").tolist() == [[0, 0, 0]]


def test_no_task_is_refused():
    with pytest.raises(ConfigError, match="no task"):
        task_layers({}, 3)


def test_a_bin_of_the_score_map_shows_its_strongest_neuron_whatever_its_sign():
    whole = score_map(ONE, 3)
    assert (whole.width, whole.n_neurons) == (2, 5)
    assert whole.scores.tolist() == [[4, 0, 0], [-1, 0, 0], [3, 0, 2]]
    assert whole.index.tolist() == [[0, 2, 4], [1, 2, 4], [1, 2, 4]]
    assert whole.n_scored.tolist() == [[1, 0, 0], [1, 0, 0], [1, 0, 1]]


def test_a_small_model_has_one_neuron_a_cell():
    whole = score_map(TWO, 128)
    assert (whole.width, whole.scores.shape) == (1, (3, 5))
    assert whole.scores[1].tolist() == [0, -2, 0, -1, 0]
    with pytest.raises(ConfigError, match="0 bins"):
        score_map(TWO, 0)
