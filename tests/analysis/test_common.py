"""Common neurons, with four tasks small enough to go through by hand."""

import numpy as np
import pytest

from neuron_core.analysis.common import common_neurons, role_order
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.errors import ConfigError
from tests.analysis.rankings import flat, ranking

# Depth 2 has only neuron 1 twice; depth 3 has 1 in A, B, C (ranks 2, 2, 2) and 7 in A, B (ranks 3, 1).
# Bad, depth 2: 10 in A, B (1, 1); 11 in A, C, D (2, 2, 1); 7 in C, D (1, 2).
TASKS = {
    "a": ranking(good=[0, 1, 7, 3], bad=[10, 11]),
    "b": ranking(good=[7, 1, 4, 0], bad=[10, 12]),
    "c": ranking(good=[6, 1, 2], bad=[7, 11]),
    "d": ranking(good=[8, 9], bad=[11, 7]),
}


def test_the_pool_is_taken_at_the_smallest_depth_that_holds_k_shared_neurons():
    common = common_neurons(TASKS, 2)
    assert (common.good.depth, common.good.n_pool) == (3, 2)
    assert (common.bad.depth, common.bad.n_pool) == (2, 3)


def test_the_depth_is_never_below_k():
    common = common_neurons({"a": ranking([0, 1, 2]), "b": ranking([0, 1, 2])}, 3)
    assert common.good.depth == 3
    assert common_neurons({"a": ranking([0, 1, 2]), "b": ranking([0, 1, 2])}, 1).good.depth == 1


def test_a_neuron_common_good_and_common_bad_at_once_is_dropped_from_both_and_not_replaced():
    common = common_neurons(TASKS, 2)
    assert common.n_dropped == 1
    assert flat(common.good.neurons) == [1]
    assert flat(common.bad.neurons) == [11, 10]


def test_more_tasks_come_first_then_the_better_worst_rank_then_the_lower_place():
    tasks = {
        "a": ranking([0, 1, 2, 3, 25]),
        "b": ranking([3, 4, 1, 2, 25]),
        "c": ranking([5, 6, 1, 7, 8]),
    }
    # Depth 5: 1 in three tasks (worst 3); 3 (4, 1), 2 (3, 4): worst rank 4 both; 25: worst rank 5.
    common = common_neurons(tasks, 4)
    assert flat(common.good.neurons) == [1, 2, 3, 25]
    assert common.good.n_tasks.tolist() == [3, 2, 2, 2]
    assert common.good.worst_rank.tolist() == [3, 4, 4, 5]
    assert common.good.depth == 5


def test_rankings_that_share_fewer_than_k_give_what_there_is_at_their_full_depth():
    common = common_neurons({"a": ranking([0, 1, 2, 3, 4]), "b": ranking([5, 6, 2])}, 2)
    assert flat(common.good.neurons) == [2]
    assert common.good.depth == 5
    assert len(common.bad.neurons) == 0
    assert common.bad.depth == 2


def test_the_ranking_of_common_neurons_cuts_in_their_order():
    tasks = {"a": ranking([0, 1, 2, 3, 25], [40, 41]), "b": ranking([3, 2, 1, 0, 25], [41, 40])}
    common = common_neurons(tasks, 4)
    made = common.ranking()
    # All good ones are in two tasks; worst ranks: 1 and 2 have 3, 0 and 3 have 4.
    assert flat(made.cut(4).good) == [1, 2, 0, 3]
    assert flat(made.cut(4).bad) == [40, 41]
    assert made.scores.tolist() == pytest.approx([2 - 3 / 5, 2 - 3 / 5, 2 - 4 / 5, 2 - 4 / 5, -1.6, -1.6])
    assert np.all(np.diff(made.scores) <= 0)


def test_one_task_shares_nothing_and_another_model_is_refused():
    with pytest.raises(ConfigError, match="fewer than two tasks"):
        common_neurons({"a": ranking([0])}, 1)
    with pytest.raises(ConfigError, match=r"\[\(4, 20\), \(5, 20\)\]"):
        common_neurons({"a": ranking([0]), "b": ranking([0], n_layers=5)}, 1)
    with pytest.raises(ConfigError, match="K is 0"):
        common_neurons(TASKS, 0)


def test_bad_neurons_are_ordered_from_the_worst_ties_to_the_lower_place():
    tied = NeuronRanking(
        neurons=np.array([[0, 3], [0, 5], [0, 9], [0, 2]], dtype=np.int32),
        scores=np.array([1.0, -0.5, -0.5, -0.75], dtype=np.float32),
        n_ambiguous=0,
        n_layers=1,
        n_neurons=20,
        z=2,
    )
    assert role_order(tied, "bad").tolist() == [2, 5, 9]
    assert role_order(tied, "good").tolist() == [3]
