"""Budgets, ratios, the grid, and the random control sets."""

from collections import Counter

import numpy as np
import pytest

from neuron_core.cni.neurons import NeuronRanking
from neuron_core.control.interventions import (
    BUDGETS,
    RATIOS,
    Intervention,
    control_family,
    good_share,
    grid,
    random_like,
    random_loud,
)


def ranking_of(entries: list[tuple[int, int, float]], n_layers: int = 3, n_neurons: int = 8) -> NeuronRanking:
    return NeuronRanking(
        neurons=np.array([entry[:2] for entry in entries], dtype=np.int32),
        scores=np.array([entry[2] for entry in entries], dtype=np.float32),
        n_ambiguous=4,
        n_layers=n_layers,
        n_neurons=n_neurons,
        z=6,
    )


SIX = ranking_of([(0, 1, 9), (2, 3, 4), (0, 0, 2), (1, 0, -1), (0, 5, -6), (2, 2, -8)])
TIED = ranking_of(
    [(0, 1, 5), (0, 4, 5), (1, 0, 5), (2, 6, 5), (0, 2, -5), (0, 3, -5), (1, 7, -5), (2, 0, -5), (2, 1, -5)]
)


def layers(neurons: np.ndarray) -> list[int]:
    return sorted(neurons[:, 0].tolist())


@pytest.mark.parametrize(
    ("k", "ratio", "n_good"),
    [
        (10, 0.0, 0),
        (10, 0.3, 3),
        (10, 0.5, 5),
        (10, 1.0, 10),
        (13, 0.5, 7),  # 6.5
        (25, 0.1, 3),  # 2.5
        (25, 0.3, 8),  # 7.5
        (25, 0.5, 13),  # 12.5
        (25, 0.9, 23),  # 22.5
        (13, 0.3, 4),  # 3.9
        (13, 0.1, 1),  # 1.3
        (100, 0.7, 70),
        (500, 0.6, 300),
    ],
)
def test_the_share_of_good_neurons_rounds_halves_up(k: int, ratio: float, n_good: int):
    assert good_share(k, ratio) == n_good


def test_an_enhancer_excites_the_good_and_silences_the_bad_and_a_degrader_the_reverse():
    good, bad = np.array([[0, 1]], dtype=np.int32), np.array([[2, 2]], dtype=np.int32)
    enhancer = Intervention(2, 0.5, "enhancer", good, bad)
    degrader = Intervention(2, 0.5, "degrader", good, bad)
    assert (enhancer.excited.tolist(), enhancer.silenced.tolist()) == ([[0, 1]], [[2, 2]])
    assert (degrader.excited.tolist(), degrader.silenced.tolist()) == ([[2, 2]], [[0, 1]])


def test_the_grid_holds_every_budget_ratio_and_direction_once():
    plan = grid(SIX, BUDGETS)
    cells = [(one.k, one.ratio, one.direction) for one in plan]
    assert len(plan) == len(set(cells)) == 8 * 11 * 2
    assert {one.ratio for one in plan} == {0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0} == set(RATIOS)
    assert {one.source for one in plan} == {"ace"}


def test_a_budget_is_split_between_the_best_and_the_worst_neurons():
    at = {(one.ratio, one.direction): one for one in grid(SIX, [3], [0.0, 0.3, 0.5, 1.0])}
    assert at[0.0, "enhancer"].good.tolist() == []
    assert at[0.0, "enhancer"].bad.tolist() == [[2, 2], [0, 5], [1, 0]]
    assert at[0.3, "degrader"].good.tolist() == [[0, 1]]
    assert at[0.3, "degrader"].bad.tolist() == [[2, 2], [0, 5]]
    assert at[0.5, "enhancer"].good.tolist() == [[0, 1], [2, 3]]
    assert at[0.5, "enhancer"].bad.tolist() == [[2, 2]]
    assert at[1.0, "degrader"].good.tolist() == [[0, 1], [2, 3], [0, 0]]
    assert at[1.0, "degrader"].bad.tolist() == []


def test_a_ranking_shorter_than_the_budget_gives_what_it_has():
    (one,) = {len(i.good): i for i in grid(SIX, [10], [0.4])}.values()
    assert (one.k, len(one.good), len(one.bad)) == (10, 3, 3)


def test_a_random_set_has_the_same_numbers_a_layer_at_every_budget():
    for ranking in (SIX, TIED):
        control = random_like(ranking, 5, seed=1)
        for k in range(1, 6):
            ours, theirs = ranking.cut(k), control.cut(k)
            assert layers(theirs.good) == layers(ours.good)
            assert layers(theirs.bad) == layers(ours.bad)
            assert theirs.good_scores.tolist() == ours.good_scores.tolist()
            assert theirs.bad_scores.tolist() == ours.bad_scores.tolist()


def test_a_random_set_never_holds_a_neuron_twice_even_when_a_layer_is_used_up():
    full = ranking_of([(0, i, 8 - i) for i in range(4)] + [(0, i, -i) for i in range(4, 8)], n_layers=1)
    control = random_like(full, 4, seed=3)
    assert sorted(control.neurons[:, 1].tolist()) == [0, 1, 2, 3, 4, 5, 6, 7]


def test_random_good_and_bad_neurons_are_disjoint():
    for seed in range(20):
        control = random_like(TIED, 5, seed).cut(5)
        places = [tuple(place) for place in np.concatenate([control.good, control.bad]).tolist()]
        assert len(places) == len(set(places)) == 9


def test_a_seed_gives_the_same_random_set_again_and_another_seed_another_one():
    first, again, other = (random_like(SIX, 3, seed) for seed in (0, 0, 1))
    assert first.neurons.tolist() == again.neurons.tolist()
    assert first.neurons.tolist() != other.neurons.tolist()


def test_a_random_ranking_is_in_order_of_score_then_layer_then_index():
    for seed in range(10):
        control = random_like(TIED, 5, seed)
        entries = list(zip((-control.scores).tolist(), control.neurons.tolist(), strict=True))
        assert entries == sorted(entries)
    assert (control.n_layers, control.n_neurons, control.z) == (3, 8, 6)


def test_every_neuron_of_a_layer_is_drawn_about_equally_often():
    one = ranking_of([(1, 5, 2.0)])
    drawn = Counter(int(random_like(one, 1, seed).neurons[0, 1]) for seed in range(800))
    assert set(drawn) == set(range(8))
    # 800 draws of 8 neurons: 100 each, standard deviation 9.4.
    assert all(60 < count < 140 for count in drawn.values())


def test_stand_ins_that_are_as_loud_keep_layer_and_loudness_and_are_none_of_the_neurons():
    generator = np.random.default_rng(4)
    loudness = np.exp(generator.normal(0, 2, (3, 200))).astype(np.float32)
    places = generator.permutation(600)[:40]
    neurons = np.stack(np.divmod(places, 200), axis=1).astype(np.int32)
    ranking = NeuronRanking(neurons, np.linspace(2, -2, 40).astype(np.float32), 0, 3, 200, 20)
    cut = ranking.cut(10)
    own = {tuple(n) for n in (*cut.good.tolist(), *cut.bad.tolist())}
    drawn = [random_loud(ranking, 10, loudness, seed) for seed in range(3)]
    for one in drawn:
        made = one.cut(10)
        assert len(made.good) == len(made.bad) == 10
        stand_ins = {tuple(n) for n in (*made.good.tolist(), *made.bad.tolist())}
        assert len(stand_ins) == 20
        assert not stand_ins & own
        for ours, theirs in ((cut.good, made.good), (cut.bad, made.bad)):
            assert ours[:, 0].tolist() == theirs[:, 0].tolist()
            level, other = (np.log(loudness[tuple(one.T)]) for one in (ours, theirs))
            # Ten neighbours among 200 of a layer; the loudest of all has quieter ones only.
            assert np.median(np.abs(level - other)) < 0.25
    assert not np.array_equal(drawn[0].neurons, drawn[1].neurons)
    assert np.array_equal(drawn[0].neurons, random_loud(ranking, 10, loudness, 0).neurons)
    assert control_family("random-loud-12") == "random-loud"
