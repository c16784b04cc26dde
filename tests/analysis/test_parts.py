"""The common and the own part of content scores by hand-made rankings, and matrices of what sets do."""

import numpy as np
import pytest

from neuron_core.analysis.parts import (
    dense_scores,
    find_row,
    matrix_table,
    part_matrix,
    task_parts,
)
from neuron_core.cni.selection import dense_ranking
from neuron_core.control.interventions import DIRECTIONS, Intervention
from neuron_core.control.metrics import evaluate
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.errors import ConfigError

NONE = np.empty((0, 2), dtype=np.int32)
SHARED = np.array([[8.0, -6, 0, 0], [0, 0, 0, 0]])
SCORES = {
    "one": np.add(SHARED, [[0, 0, 3, 0], [0, 0, 0, -1]]),
    "two": 10 * np.add(SHARED, [[0, 0, 0, 2], [-1, 0, 0, 0]]),
}
RANKINGS = {task: dense_ranking(scores, 1) for task, scores in SCORES.items()}


def neurons(ranking):
    return {
        (layer, index): round(float(s), 4)
        for (layer, index), s in zip(ranking.neurons.tolist(), ranking.scores, strict=True)
    }


def test_a_ranking_gives_its_scores_back():
    assert np.array_equal(dense_scores(RANKINGS["two"]), SCORES["two"])


def test_banning_the_common_neurons_leaves_each_task_its_own():
    found = task_parts(RANKINGS, 2)
    assert found.banned.tolist() == [[0, 0], [0, 1]]
    assert neurons(found.own["one"]) == {(0, 2): 3, (1, 3): -1}
    assert neurons(found.own["two"]) == {(0, 3): 20, (1, 0): -10}
    # A task counts by its direction, not by its size.
    lengths = {task: np.linalg.norm(scores) for task, scores in SCORES.items()}
    common = SCORES["one"] / lengths["one"] + SCORES["two"] / lengths["two"]
    np.testing.assert_allclose(dense_scores(found.answering), common, rtol=1e-6)
    assert found.correlations.loc["one", "two"] == pytest.approx(
        (SCORES["one"] * SCORES["two"]).sum() / (lengths["one"] * lengths["two"])
    )
    assert found.correlations.loc["one", "one"] == pytest.approx(1)


def test_subtracting_the_common_part_leaves_parts_that_add_up_to_nothing():
    found = task_parts(RANKINGS, 2, "subtract")
    left = {task: dense_scores(ranking) for task, ranking in found.own.items()}
    np.testing.assert_allclose(left["one"] + left["two"], 0, atol=1e-7)
    assert left["one"][0, 2] > 0.05 > -0.05 > left["one"][0, 3]


def test_parts_need_two_tasks_a_fitting_depth_and_neurons():
    with pytest.raises(ConfigError, match="two tasks or more"):
        task_parts({"one": RANKINGS["one"]}, 2)
    with pytest.raises(ConfigError, match=r"5 common neurons.*1 to 4"):
        task_parts(RANKINGS, 5)
    with pytest.raises(ConfigError, match=r"ranking of two has no neuron"):
        task_parts({**RANKINGS, "two": dense_ranking(np.zeros((2, 4)), 1)}, 2)
    with pytest.raises(ConfigError, match=r"'keep'.*ban, subtract"):
        task_parts(RANKINGS, 2, "keep")


def evaluated(**margins: float):
    """Correct options that lead by 4 nats; each source's degrader takes them to its margin, its enhancer doubles it."""
    places = np.array([[(letter - turn) % 4 for letter in range(4)] for turn in range(4)])
    options = np.tile(places, (6, 1)).astype(np.int8)
    plan = [Intervention(8, 0.5, d, NONE, NONE, source) for source in margins for d in DIRECTIONS]
    leads = [4.0, *(m * (2 if one.direction == "enhancer" else 1) for one in plan for m in [margins[one.source]])]
    logits = np.stack([np.where(options == 0, lead, 0.0) for lead in leads], axis=1)
    values = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    p = OptionProbabilities(
        values.astype(np.float32),
        (options == 0).argmax(axis=1).astype(np.int8),
        np.repeat(np.arange(6), 4).astype(np.int32),
        tuple(f"q{i}" for i in range(24)),
        options,
    )
    return evaluate(p, plan, resamples=20)


EVALUATIONS = {"one": evaluated(own1=1.0, own2=3.0), "two": evaluated(own1=2.0, own2=2.5)}
SETS = {"one": "own1", "two": "own2"}


def test_a_matrix_has_sources_down_and_tasks_across_as_shares_of_the_unmodified_model():
    found = part_matrix(EVALUATIONS, SETS, 8, "degrader")
    np.testing.assert_allclose(found.values(), [[1, 2], [3, 2.5]], atol=1e-5)
    np.testing.assert_allclose(found.values(share=True), [[0.25, 0.5], [0.75, 0.625]], atol=1e-5)
    assert found.own_is_strongest() == {"one": True, "two": False}
    up = part_matrix(EVALUATIONS, SETS, 8, "enhancer")
    np.testing.assert_allclose(up.values(share=True), [[0.5, 1], [1.5, 1.25]], atol=1e-5)
    assert up.own_is_strongest() == {"one": False, "two": True}
    table = matrix_table(found, "own")
    assert table["own"].tolist() == [True, False, False, True]
    assert table["margin_share"].tolist() == pytest.approx([0.25, 0.75, 0.5, 0.625], abs=1e-5)


def test_cells_that_were_not_run_are_unknown_and_no_cell_at_all_is_refused():
    found = part_matrix({**EVALUATIONS, "two": evaluated(own2=2.5)}, SETS, 8, "degrader")
    assert np.isnan(found.values()[0, 1])
    assert found.own_is_strongest()["two"]
    with pytest.raises(ConfigError, match=r"none of own1, own2 with K = 9"):
        part_matrix(EVALUATIONS, SETS, 9, "degrader")
    with pytest.raises(ConfigError, match=r"unknown measure 'loss'.*content_margin"):
        found.values("loss")


def test_a_row_is_found_by_its_budget_and_ratio():
    row = find_row(EVALUATIONS["one"], "own1", 8, "degrader", 0.5)
    assert (row.source, row.content_margin) == ("own1", pytest.approx(1, abs=1e-5))
    assert find_row(EVALUATIONS["one"], "own1", 8, "degrader", 0.4) is None
