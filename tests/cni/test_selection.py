"""Eq. 4 and 5 by hand-made scores, and the cut of a ranking."""

import numpy as np
import pytest

from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.selection import example_scores, preset, select
from neuron_core.errors import AttributionError, ConfigError


def scores(*examples: list[list[float]]) -> np.ndarray:
    return np.array(examples, dtype=np.float32)


def ranked(ranking: NeuronRanking) -> list[tuple[int, int, float]]:
    places = zip(ranking.neurons.tolist(), ranking.scores.tolist(), strict=True)
    return [(layer, index, score) for (layer, index), score in places]


def ranking_of(entries: list[tuple[int, int, float]]) -> NeuronRanking:
    return NeuronRanking(
        neurons=np.array([entry[:2] for entry in entries], dtype=np.int32).reshape(-1, 2),
        scores=np.array([entry[2] for entry in entries], dtype=np.float32),
        n_ambiguous=0,
        n_layers=4,
        n_neurons=8,
        z=8,
    )


def test_an_examples_score_is_the_sum_over_its_three_questions():
    questions = scores([[1, 2], [3, 4]], [[10, 20], [30, 40]], [[100, 200], [300, 400]])
    assert example_scores(questions, [0, 0, 0]).tolist() == [[[111, 222], [333, 444]]]


def test_examples_are_told_apart_by_number_and_come_in_ascending_order():
    questions = scores([[1.0]], [[2.0]], [[4.0]], [[8.0]], [[16.0]], [[32.0]])
    assert example_scores(questions, [7, 3, 7, 3, 3, 7]).tolist() == [[[26.0]], [[37.0]]]


def test_example_sums_keep_what_float32_would_lose():
    summed = example_scores(scores([[1e8]], [[1.0]], [[-1e8]]), [0, 0, 0])
    assert summed.tolist() == [[[1.0]]]
    assert summed.dtype == np.float32


def test_every_question_needs_the_number_of_its_example():
    with pytest.raises(ConfigError, match="2 example numbers for the scores of 3 questions"):
        example_scores(scores([[1.0]], [[1.0]], [[1.0]]), [0, 0])


def test_the_top_and_bottom_z_of_one_example_make_the_ranking():
    ranking = select(scores([[0.5, 4, -1, 0.25], [5, -0.5, -7, 0.125]]), 2)
    assert ranked(ranking) == [(1, 0, 5), (0, 1, 4), (0, 2, -1), (1, 2, -7)]
    assert (ranking.n_layers, ranking.n_neurons, ranking.z, ranking.n_ambiguous) == (2, 4, 2, 0)
    assert (ranking.neurons.dtype, ranking.scores.dtype) == (np.int32, np.float32)


def test_scores_add_up_only_over_the_examples_that_hold_the_neuron_at_an_end():
    # Neuron 1 is second in the first example (z = 1: not at an end), first in the second and third.
    ranking = select(scores([[6, 5, 1, -1]], [[2, 4, 1, -3]], [[1, 3, 2, -8]]), 1)
    assert ranked(ranking) == [(0, 1, 7), (0, 0, 6), (0, 3, -12)]


def test_a_neuron_good_here_and_bad_there_scores_zero():
    ranking = select(scores([[9, 1, 0.5, -2]], [[-1, 4, 0.5, 0.25]], [[8, 1, 0.5, -3]]), 1)
    assert ranked(ranking) == [(0, 1, 4), (0, 3, -5)]
    assert ranking.n_ambiguous == 1


def test_ties_at_the_edge_of_z_go_to_the_lower_layer_then_the_lower_index():
    high = select(scores([[1, 3, 3, 1], [3, 3, 1, -9]]), 2)
    assert ranked(high)[:2] == [(0, 1, 3), (0, 2, 3)]
    low = select(scores([[1, -3, 9, 1], [-3, -3, 1, 8]]), 2)
    assert ranked(low)[2:] == [(0, 1, -3), (1, 0, -3)]


def test_equal_task_scores_are_ordered_by_layer_then_index():
    ranking = select(scores([[-2, 3, 0.5, 3], [3, -2, -2, 0.25], [0.125, 0.125, 0.125, 0.125]]), 3)
    assert ranked(ranking) == [(0, 1, 3), (0, 3, 3), (1, 0, 3), (0, 0, -2), (1, 1, -2), (1, 2, -2)]


def test_a_neuron_that_scores_zero_is_at_neither_end():
    # Only one positive score: by its place neuron 1 would fill the top of the first, and be ambiguous.
    ranking = select(scores([[2, 0, 0, 0, 0, 0, -1, -3]], [[5, -4, 0, 0, 0, 0, 1, -2]]), 2)
    assert ranked(ranking) == [(0, 0, 7), (0, 1, -4), (0, 7, -5)]
    assert ranking.n_ambiguous == 1


def test_the_whole_ranking_is_kept_and_neurons_whose_sum_is_zero_are_not_in_it():
    ranking = select(scores([[5, 4, 1, 1, 1, 1, -4, -5]], [[-1, 2, 7, 1, 1, 1, -6, 0.5]]), 2)
    # Neuron 7 is in the bottom of the first example only; neuron 0 is good first and bad then.
    assert ranked(ranking) == [(0, 2, 7), (0, 1, 6), (0, 7, -5), (0, 6, -10)]
    assert ranking.n_ambiguous == 1


def test_examples_without_any_score_give_an_empty_ranking():
    ranking = select(np.zeros((2, 2, 4), dtype=np.float32), 2)
    assert ranked(ranking) == []
    assert ranking.neurons.shape == (0, 2)
    assert ranking.n_ambiguous == 0


@pytest.mark.parametrize("z", [0, -1, 4])
def test_z_is_from_one_to_a_quarter_of_the_neurons(z: int):
    with pytest.raises(ConfigError, match=f"z is {z} in a model of 12 neurons.*1 to 3"):
        select(np.ones((1, 2, 6), dtype=np.float32), z)


def test_a_quarter_of_the_neurons_is_accepted():
    assert len(select(scores([[1, 2, 3, 4], [-1, -2, -3, -4]]), 2).scores) == 4


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(AttributionError, match="not finite"):
        select(scores([[1, np.nan, 3, 4]]), 1)


@pytest.mark.parametrize("seed", range(8))
def test_selection_agrees_with_sorting_every_neuron_by_hand(seed: int):
    """Small whole numbers: many ties, many zeros, many ambiguous neurons."""
    given = np.random.default_rng(seed).integers(-3, 4, size=(3, 3, 8)).astype(np.float32)
    places = [(layer, index) for layer in range(3) for index in range(8)]
    good: set[tuple[int, int]] = set()
    bad: set[tuple[int, int]] = set()
    total = dict.fromkeys(places, 0.0)
    for example in given:
        top = sorted(places, key=lambda at: (-example[at], at))[:5]
        bottom = sorted(places, key=lambda at: (example[at], at))[:5]
        good |= {at for at in top if example[at] != 0}
        bad |= {at for at in bottom if example[at] != 0}
        for at in {*top, *bottom}:
            total[at] += float(example[at])
    kept = [at for at in places if total[at] != 0 and not (at in good and at in bad)]
    expected = [(*at, total[at]) for at in sorted(kept, key=lambda at: (-total[at], at))]

    ranking = select(given, 5)
    assert ranked(ranking) == expected
    assert ranking.n_ambiguous == len(good & bad) > 0


def test_a_cut_takes_the_best_and_the_worst():
    cut = ranking_of([(0, 1, 9), (2, 3, 4), (1, 1, 2), (3, 0, -1), (0, 5, -6), (2, 2, -8)]).cut(2)
    assert cut.good.tolist() == [[0, 1], [2, 3]]
    assert cut.good_scores.tolist() == [9, 4]
    assert cut.bad.tolist() == [[2, 2], [0, 5]]
    assert cut.bad_scores.tolist() == [-8, -6]
    assert cut.k == 2


def test_fewer_neurons_than_the_budget_are_not_padded_from_the_other_side():
    cut = ranking_of([(0, 1, 9), (3, 0, -1), (0, 5, -6), (2, 2, -8)]).cut(3)
    assert cut.good.tolist() == [[0, 1]]
    assert cut.bad.tolist() == [[2, 2], [0, 5], [3, 0]]
    assert ranking_of([(0, 1, -9)]).cut(3).good.shape == (0, 2)
    assert ranking_of([(0, 1, 9)]).cut(3).bad.shape == (0, 2)


def test_ties_of_a_cut_go_to_the_lower_place_at_both_ends():
    ranking = ranking_of([(0, 1, 5), (1, 0, 5), (0, 2, -5), (0, 3, -5), (3, 0, -5)])
    assert ranking.cut(1).good.tolist() == [[0, 1]]
    assert ranking.cut(1).bad.tolist() == [[0, 2]]
    assert ranking.cut(2).bad.tolist() == [[0, 2], [0, 3]]


def test_a_larger_budget_keeps_every_neuron_of_a_smaller_one():
    drawn = np.random.default_rng(0).integers(-2, 3, size=(3, 4, 8)).astype(np.float32)
    ranking = select(drawn, 8)
    large = ranking.cut(6)
    for k in range(1, 6):
        assert ranking.cut(k).good.tolist() == large.good[:k].tolist()
        assert ranking.cut(k).bad.tolist() == large.bad[:k].tolist()


def test_no_positive_score_makes_no_good_neuron():
    # The top of this example is negative: it may be bad, never good.
    ranking = select(scores([[-1, -2, -3, -4]]), 1)
    assert ranked(ranking) == [(0, 0, -1), (0, 3, -4)]
    assert ranking.cut(2).good.tolist() == []
    assert ranking.cut(2).bad.tolist() == [[0, 3], [0, 0]]


@pytest.mark.parametrize(
    ("n_total", "name", "z", "k"),
    [
        (32 * 11008, "paper", 5000, 100),  # LLaMA-2-7B
        (40 * 13824, "paper", 5000, 100),  # LLaMA-2-13B
        (250_000, "paper", 5000, 100),
        (249_999, "share", 3550, 71),
        (30 * 1536, "share", 654, 13),  # SmolLM2-135M
        (12 * 3072, "share", 523, 10),  # GPT-2
        (1000, "share", 14, 10),
        (16, "share", 1, 10),
    ],
)
def test_presets_are_the_papers_numbers_for_large_models_and_its_shares_for_small_ones(
    n_total: int, name: str, z: int, k: int
):
    found = preset(n_total)
    assert (found.name, found.z, found.k) == (name, z, k)


def test_ambiguous_neurons_keep_their_sum_where_that_is_asked_for():
    # Neuron 0 is the best of the first example and the worst of the second.
    both = scores([[4, 3, 0, -5]], [[-3, 2, 0, -1]])
    drop, keep = (select(both, 1, rule) for rule in ("drop", "keep"))
    assert ranked(drop) == [(0, 1, 2), (0, 3, -5)]
    assert ranked(keep) == [(0, 1, 2), (0, 0, 1), (0, 3, -5)]
    assert drop.n_ambiguous == keep.n_ambiguous == 1
    with pytest.raises(ConfigError, match=r"unknown rule 'forget'.*drop, keep"):
        select(both, 1, "forget")
