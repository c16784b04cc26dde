"""Layers of neurons, with sets and rankings small enough to count by hand."""

import numpy as np
import pytest

from neuron_core.analysis.layers import NeuronRow, layer_counts, layer_gaps, layer_scores, neuron_rows
from neuron_core.cni.neurons import NeuronRanking, NeuronSet
from neuron_core.errors import ConfigError

NONE = np.zeros((0, 2), dtype=np.int32)


def neuron_set(good: list[list[int]], bad: list[list[int]], k: int = 4) -> NeuronSet:
    return NeuronSet(
        k=k,
        good=np.array(good, dtype=np.int32).reshape(-1, 2),
        bad=np.array(bad, dtype=np.int32).reshape(-1, 2),
        good_scores=np.array([0.5, 0.25, 0.125, 0.0625], dtype=np.float32)[: len(good)],
        bad_scores=np.array([-0.5, -0.25, -0.125, -0.0625], dtype=np.float32)[: len(bad)],
    )


def test_neurons_are_counted_by_layer_and_as_shares_of_their_role():
    counts = layer_counts(neuron_set([[2, 7], [0, 1], [2, 3], [2, 0]], [[1, 5], [1, 6]]), n_layers=4)
    assert counts.good.tolist() == [1, 0, 3, 0]
    assert counts.bad.tolist() == [0, 2, 0, 0]
    assert counts.good_share.tolist() == [0.25, 0.0, 0.75, 0.0]
    assert counts.bad_share.tolist() == [0.0, 1.0, 0.0, 0.0]


def test_fewer_neurons_than_asked_for_are_shares_of_those_there_are():
    counts = layer_counts(neuron_set([[0, 1], [1, 1]], [], k=10), n_layers=2)
    assert counts.good_share.tolist() == [0.5, 0.5]
    assert counts.bad.tolist() == [0, 0]
    assert counts.bad_share.tolist() == [0.0, 0.0]


def test_a_neuron_of_a_layer_that_the_model_has_not_is_refused():
    with pytest.raises(ConfigError, match="layer 4 in a model of 4 layers"):
        layer_counts(neuron_set([[4, 0]], []), n_layers=4)


def test_scores_are_summed_by_layer_and_by_sign_over_the_whole_ranking():
    ranking = NeuronRanking(
        neurons=np.array([[1, 0], [0, 2], [1, 3], [2, 1], [1, 1]], dtype=np.int32),
        scores=np.array([4.0, 2.0, 1.0, -0.5, -3.0], dtype=np.float32),
        n_ambiguous=0,
        n_layers=4,
        n_neurons=8,
        z=2,
    )
    sums = layer_scores(ranking)
    assert sums.positive.tolist() == [2.0, 5.0, 0.0, 0.0]
    assert sums.negative.tolist() == [0.0, -3.0, -0.5, 0.0]
    assert sums.n_positive.tolist() == [1, 2, 0, 0]
    assert sums.n_negative.tolist() == [0, 1, 1, 0]


def test_an_empty_ranking_sums_to_zero_in_every_layer():
    ranking = NeuronRanking(NONE, np.zeros(0, dtype=np.float32), 3, n_layers=2, n_neurons=8, z=2)
    sums = layer_scores(ranking)
    assert sums.positive.tolist() == [0.0, 0.0]
    assert sums.negative.tolist() == [0.0, 0.0]
    assert sums.positive.dtype == np.float64


def test_the_gap_is_averaged_over_questions_with_its_standard_deviation():
    gaps = layer_gaps(np.array([[0.5, -0.25], [0.0, -0.25]], dtype=np.float32))
    assert gaps.mean.tolist() == [0.25, -0.25]
    assert gaps.spread.tolist() == [0.25, 0.0]
    assert gaps.n_questions == 2


def test_a_gap_over_no_questions_is_refused():
    with pytest.raises(ConfigError, match="no questions"):
        layer_gaps(np.zeros((0, 2), dtype=np.float32))


def test_the_table_lists_good_neurons_from_the_best_and_bad_ones_from_the_worst():
    assert neuron_rows(neuron_set([[2, 7], [0, 11]], [[1, 5]])) == [
        NeuronRow(rank=1, role="good", layer=2, index=7, score=0.5, id="2.7"),
        NeuronRow(rank=2, role="good", layer=0, index=11, score=0.25, id="0.11"),
        NeuronRow(rank=1, role="bad", layer=1, index=5, score=-0.5, id="1.5"),
    ]


def test_a_set_without_neurons_is_an_empty_table():
    assert neuron_rows(neuron_set([], [])) == []
