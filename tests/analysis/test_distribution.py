"""Layers of several tasks and what removing common neurons changes, counted by hand."""

import pytest

from neuron_core.analysis.distribution import layer_change_table, layers_table
from neuron_core.analysis.specific import specific_neurons
from neuron_core.errors import ConfigError
from tests.analysis.rankings import ranking

# Twenty neurons a layer: 0 to 19 in layer 0, 20 to 39 in layer 1, 40 to 59 in layer 2.
TASKS = {
    "a": ranking(good=[0, 20, 40, 41], bad=[59], n_layers=3),
    "b": ranking(good=[0, 21, 42, 43], bad=[1, 22], n_layers=3),
}


def layer_matrix(table, role, value="n"):
    """Tasks by layers."""
    return table[table["role"] == role].pivot(index="task", columns="layer", values=value).astype(float)


def cuts(k):
    return {task: one.cut(k) for task, one in TASKS.items()}


def test_neurons_are_counted_by_task_role_and_layer_and_averaged_over_tasks():
    table = layers_table(cuts(2), 3)
    assert layer_matrix(table, "good").to_dict("index") == {
        "a": {0: 1.0, 1: 1.0, 2: 0.0},
        "b": {0: 1.0, 1: 1.0, 2: 0.0},
        "mean": {0: 1.0, 1: 1.0, 2: 0.0},
    }
    assert layer_matrix(table, "bad").loc["mean"].tolist() == [0.5, 0.5, 0.5]
    assert layer_matrix(table, "bad", "share").to_dict("index") == {
        "a": {0: 0.0, 1: 0.0, 2: 1.0},
        "b": {0: 0.5, 1: 0.5, 2: 0.0},
        "mean": {0: 0.25, 1: 0.25, 2: 0.5},
    }
    assert len(table) == 3 * 2 * 3


def test_removing_common_neurons_moves_counts_to_the_layers_that_refill():
    specific = specific_neurons(TASKS, 2).sets()
    # Neuron 0 of layer 0 is common: a takes 40, b takes 42, both in layer 2.
    change = layer_change_table(TASKS, specific, 2)
    assert layer_matrix(change, "good").to_dict("index") == {
        "a": {0: -1.0, 1: 0.0, 2: 1.0},
        "b": {0: -1.0, 1: 0.0, 2: 1.0},
        "mean": {0: -1.0, 1: 0.0, 2: 1.0},
    }
    assert layer_matrix(change, "good", "share").loc["a"].tolist() == [-0.5, 0.0, 0.5]
    assert layer_matrix(change, "bad").abs().to_numpy().sum() == 0


def test_no_task_and_other_tasks_are_refused():
    with pytest.raises(ConfigError, match="no tasks"):
        layers_table({}, 3)
    with pytest.raises(ConfigError, match="the same tasks"):
        layer_change_table(TASKS, {"a": TASKS["a"].cut(2)}, 2)
