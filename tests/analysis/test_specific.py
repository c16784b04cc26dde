"""Specific neurons and overlaps, gone through by hand."""

import math

import pytest

from neuron_core.analysis.specific import opposed_neurons, overlap, specific_neurons
from neuron_core.errors import ConfigError
from tests.analysis.rankings import flat, ranking


def test_what_is_refilled_is_banned_too_when_it_meets_again():
    # {0, 1} and {1, 2} meet in 1; refilled, {0, 2} and {2, 4} meet in 2; then {0, 3} and {4, 5} do not meet.
    found = specific_neurons({"a": ranking([0, 1, 2, 3]), "b": ranking([1, 2, 4, 5])}, 2)
    assert {task: flat(cut.good) for task, cut in found.sets().items()} == {"a": [0, 3], "b": [4, 5]}
    assert flat(found.banned) == [1, 2]
    assert found.rounds == 2


def test_a_banned_neuron_is_banned_for_tasks_that_reach_it_later():
    # 1 is shared by a and b at once; c would take it when 0, shared with a, is banned.
    tasks = {"a": ranking([0, 1, 5, 6]), "b": ranking([1, 7, 8]), "c": ranking([0, 2, 1, 9])}
    found = specific_neurons(tasks, 2)
    assert {task: flat(cut.good) for task, cut in found.sets().items()} == {"a": [5, 6], "b": [7, 8], "c": [2, 9]}
    assert found.rounds == 1


def test_a_neuron_good_for_one_task_and_bad_for_another_is_banned_unless_roles_are_compared_apart():
    tasks = {"a": ranking([0, 1], [10, 11]), "b": ranking([5, 6], [0, 12])}
    found = specific_neurons(tasks, 1)
    assert flat(found.sets()["a"].good) == [1]
    assert flat(found.sets()["b"].bad) == [12]
    apart = specific_neurons(tasks, 1, by_role=True)
    assert flat(apart.sets()["a"].good) == [0]
    assert flat(apart.sets()["b"].bad) == [0]
    assert apart.rounds == 0


def test_apart_a_ban_of_one_role_leaves_the_other_role():
    tasks = {"a": ranking([0, 1]), "b": ranking([0, 2]), "c": ranking([3], [0, 9])}
    apart = specific_neurons(tasks, 1, by_role=True)
    assert {task: flat(cut.good) for task, cut in apart.sets().items()} == {"a": [1], "b": [2], "c": [3]}
    assert flat(apart.sets()["c"].bad) == [0]


def test_sets_that_run_out_are_smaller_and_never_padded():
    found = specific_neurons({"a": ranking([0, 1]), "b": ranking([0, 1])}, 2)
    assert [len(cut.good) for cut in found.sets().values()] == [0, 0]
    assert flat(found.banned) == [0, 1]


def test_the_scores_of_what_is_left_stay_with_their_neurons():
    found = specific_neurons({"a": ranking([0, 1, 2, 3]), "b": ranking([1, 2, 4, 5])}, 2)
    assert found.rankings["a"].scores.tolist() == [1.0, 1 - 3 / 16]
    assert found.rankings["b"].scores.tolist() == [1 - 2 / 16, 1 - 3 / 16]


def test_overlap_is_shared_over_all_for_each_pair_of_tasks():
    tasks = {"a": ranking([0, 1, 2], [10, 11]), "b": ranking([2, 3, 1], [0, 10])}
    assert overlap(tasks, 2, "good", "good").to_dict("index") == {
        "a": {"a": 1.0, "b": 0.0},
        "b": {"a": 0.0, "b": 1.0},
    }
    three = overlap(tasks, 3, "good", "good")
    assert three.loc["a", "b"] == 0.5
    assert three.loc["b", "a"] == 0.5
    assert overlap(tasks, 2, "bad", "bad").loc["a", "b"] == pytest.approx(1 / 3)
    crossed = overlap(tasks, 2, "good", "bad")
    # Good for a {0, 1}, bad for b {0, 10}; good for b {2, 3}, bad for a {10, 11}.
    assert crossed.loc["a", "b"] == pytest.approx(1 / 3)
    assert crossed.loc["b", "a"] == 0.0
    assert (crossed.index.name, crossed.columns.name) == ("good", "bad")


def test_the_overlap_of_two_empty_sets_is_undefined():
    assert math.isnan(overlap({"a": ranking([0]), "b": ranking([1])}, 2, "bad", "bad").loc["a", "b"])


def test_neurons_good_for_one_task_and_bad_for_another_are_listed_with_ranks_and_scores():
    tasks = {"a": ranking([0, 27], [10]), "b": ranking([10, 6], [5, 27])}
    rows = opposed_neurons(tasks, 2).to_dict("records")
    assert [(r["id"], r["good_for"], r["bad_for"], r["good_rank"], r["bad_rank"]) for r in rows] == [
        ("1.7", "a", "b", 2, 2),
        ("0.10", "b", "a", 1, 1),
    ]
    assert [(r["good_score"], r["bad_score"]) for r in rows] == [(1 - 1 / 16, 1 / 16 - 1), (1.0, -1.0)]
    assert opposed_neurons(tasks, 1)["id"].tolist() == ["0.10"]


def test_specific_neurons_of_one_task_or_of_no_budget_are_refused():
    with pytest.raises(ConfigError, match="two tasks or more"):
        specific_neurons({"a": ranking([0])}, 1)
    with pytest.raises(ConfigError, match="K is 0"):
        specific_neurons({"a": ranking([0]), "b": ranking([1])}, 0)
