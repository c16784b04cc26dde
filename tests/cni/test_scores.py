"""Attribution scores as values."""

import numpy as np
import pytest

from neuron_core.cni.scores import AttributionScores
from neuron_core.errors import AttributionError


def scores(ig: list, baseline: list[float], zeroed: list) -> AttributionScores:
    values = np.array(ig, dtype=np.float32)
    return AttributionScores(
        question_id="q",
        targets=("ace", "tn")[: len(ig)],
        ig=values,
        neurons=np.zeros(values.shape[1:], dtype=np.float32),
        baseline=np.array(baseline, dtype=np.float32),
        zeroed=np.array(zeroed, dtype=np.float32),
        letter_probabilities=np.full(4, 0.25, dtype=np.float32),
        guard=0.0,
    )


def test_the_completeness_gap_by_hand_for_each_target():
    # Layer 0: (2 - 1)/2 = 0.5; layer 1: (0 - 1)/4 = -0.25. Second target: (2 - 2)/2 = 0 and (0 - 1)/4.
    found = scores(
        [[[1.0, 1.0], [2.0, -2.0]], [[0.5, 1.5], [2.0, -2.0]]], [1.0, 2.0], [[0.0, 0.0], [0.0, 1.0]]
    ).completeness_gap
    assert found.tolist() == [[0.5, -0.25], [0.0, -0.25]]


def test_a_layer_without_attribution_has_no_gap():
    assert scores([[[0.0, 0.0]]], [0.5], [[0.1]]).completeness_gap.tolist() == [[0.0]]


def test_scores_of_a_target_are_found_by_name_and_an_unknown_one_is_refused():
    found = scores([[[1.0, 2.0]], [[3.0, 4.0]]], [0.5, 0.5], [[0.1], [0.1]])
    assert found.of("tn").tolist() == [[3.0, 4.0]]
    with pytest.raises(AttributionError, match=r"'qrnca' was not attributed.*ace, tn"):
        found.of("qrnca")
