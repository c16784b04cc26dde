"""Rankings of every method from hand-made scores."""

import numpy as np
import pytest

from neuron_core.cni.methods import CONTROLS, METHODS, RANKED, rank, targets_of
from neuron_core.cni.score_sums import add_example, no_sums
from neuron_core.cni.scores import AttributionScores
from neuron_core.cni.selection import example_scores, select
from neuron_core.errors import AttributionError, ConfigError

TARGETS = ("ace", "tn", "qrnca")


def question(ace, tn=None, qrnca=None, neurons=None) -> AttributionScores:
    """One layer of eight neurons."""
    ig = np.array([[row] for row in (ace, tn or ace, qrnca or ace)], dtype=np.float32)
    return AttributionScores(
        question_id="q",
        targets=TARGETS,
        ig=ig,
        neurons=np.array([neurons or [0.0] * 8], dtype=np.float32),
        baseline=np.zeros(3, dtype=np.float32),
        zeroed=np.zeros((3, 1), dtype=np.float32),
        letter_probabilities=np.full(4, 0.25, dtype=np.float32),
        guard=0.0,
    )


def kept(*examples, z=2):
    """Sums and extremes of examples, each a list of questions."""
    sums, found = no_sums(TARGETS, 1, 8), []
    for questions in examples:
        sums, one = add_example(sums, questions, z)
        found.append(one)
    return sums, found


def ranked(name, *examples, z=2, k=2):
    sums, found = kept(*examples, z=z)
    ranking = rank(name, sums, found, z, k)
    pairs = zip(ranking.neurons[:, 1].tolist(), ranking.scores.tolist(), strict=True)
    return [(index, round(score, 4)) for index, score in pairs], ranking


def test_ace_and_its_rivals_select_over_their_own_target():
    # Top and bottom 2 of the example's sums; the second question doubles the first.
    first = question([4, 3, 1, 0, 0, 0, -2, -5], tn=[0, 1, 2, 0, 0, 0, -3, -1], qrnca=[9, 0, 0, 0, 0, 8, -1, -7])
    assert ranked("ace", [first, first])[0] == [(0, 8), (1, 6), (6, -4), (7, -10)]
    assert ranked("tn", [first, first])[0] == ranked("tn+", [first, first])[0] == [(2, 4), (1, 2), (7, -2), (6, -6)]
    assert ranked("qrnca+", [first, first])[0] == [(0, 18), (5, 16), (6, -2), (7, -14)]


def test_what_is_kept_of_examples_gives_the_ranking_of_their_whole_scores():
    values = np.random.default_rng(3)
    questions = [question(*values.standard_normal((3, 8)).tolist()) for _ in range(6)]
    whole = np.stack([one.of("tn") for one in questions])
    expected = select(example_scores(whole, [0, 0, 1, 1, 2, 2]), 2)
    sums, found = kept(questions[:2], questions[2:4], questions[4:])
    made = rank("tn", sums, found, 2, 2)
    assert np.array_equal(made.neurons, expected.neurons)
    assert np.array_equal(made.scores, expected.scores)
    assert made.n_ambiguous == expected.n_ambiguous


def test_kn_counts_the_questions_in_which_a_neuron_reaches_a_fifth_of_the_highest():
    # Threshold 2 in the first question, 0.2 in the second: neuron 1 counts twice, 0 and 2 once.
    one = question([0] * 8, qrnca=[10, 2, 1.9, 0, 0, 0, 0, -9])
    two = question([0] * 8, qrnca=[0.1, 1, 0.2, 0, 0, 0, 0, 0])
    found, ranking = ranked("kn", [one], [two], k=3)
    # Counts 2, 1, 1 and summed scores 3, 10, 0.2, whose share of 1 + 10 orders equal counts.
    assert found == [(1, round(2 + 3 / 11, 4)), (0, round(1 + 10 / 11, 4)), (2, round(1 + 0.2 / 11, 4))]
    assert ranking.note == "threshold 0.2"


def test_kn_lowers_its_threshold_until_the_budget_is_met_and_says_so():
    one = question([0] * 8, qrnca=[10, 1.6, 1.1, 0.6, 0, 0, 0, 0])
    assert [ranked("kn", [one], k=k)[1].note for k in (1, 2, 3, 4, 5)] == [
        "threshold 0.2",
        "threshold 0.15",
        "threshold 0.1",
        "threshold 0.05",
        "threshold 0.05",
    ]
    assert len(ranked("kn", [one], k=5)[0]) == 4


def test_a_question_without_a_positive_score_counts_for_nobody():
    one = question([0] * 8, qrnca=[0, 0, 0, 0, 0, 0, -1, -2])
    assert ranked("kn", [one])[0] == []


def test_act_ranks_the_mean_value_over_questions():
    one = question([0] * 8, neurons=[1, -9, 3, 0, 0, 0, 0, 0])
    two = question([0] * 8, neurons=[2, -9, 3, 0, 0, 0, 0, 1])
    assert ranked("act", [one, two], [one])[0] == [(2, 3.0), (0, round(4 / 3, 4)), (7, round(1 / 3, 4))]


def test_dense_sums_are_those_of_all_questions():
    one, two = question([1, 2, 3, 4, 5, 6, 7, -8], neurons=[-1.0] * 8), question([1.0] * 8, neurons=[1.0] * 8)
    sums, _ = kept([one], [two])
    assert (sums.n_examples, sums.n_questions) == (2, 2)
    assert sums.scores[0].tolist() == [[2, 3, 4, 5, 6, 7, 8, -7]]
    assert sums.values.tolist() == [[0.0] * 8]
    assert sums.magnitudes.tolist() == [[2.0] * 8]


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(AttributionError, match=r"not finite.*question q"):
        kept([question([float("nan")] * 8)])


def test_every_method_says_what_it_is_and_a_control_has_no_ranking():
    assert RANKED == ("ace", "tn", "qrnca", "tn+", "qrnca+", "kn", "content", "act")
    assert CONTROLS == ("random", "random+", "random-loud")
    for name, method in METHODS.items():
        assert name == method.name
        assert method.title
        assert method.description.endswith(".")
        assert method.source
    with pytest.raises(ConfigError, match=r"'random' has no ranking.*ace, tn"):
        rank("random", *kept([question([1.0] * 8)]), 2, 2)
    with pytest.raises(ConfigError, match=r"unknown method 'kn2'.*ace, tn, qrnca"):
        targets_of(("kn2",))


def test_targets_are_those_that_the_methods_rank():
    assert targets_of(("ace",)) == ("ace",)
    assert targets_of(("kn", "tn+")) == ("tn", "qrnca")
    assert targets_of(("act",)) == ("ace",)
