"""Interventions as values: which neurons are excited and which are silenced (paper, section 3.5). No torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from neuron_core.cni.neurons import NeuronRanking
from neuron_core.errors import ConfigError

Direction = Literal["enhancer", "degrader"]
DIRECTIONS: tuple[Direction, ...] = ("enhancer", "degrader")
RATIOS = tuple(i / 10 for i in range(11))
BUDGETS = (10, 25, 50, 100, 150, 200, 250, 500)
EXCITE, MOST_EXCITE = 2.0, 10.0
Silence = Literal["zero", "mean"]
SILENCES: tuple[Silence, ...] = ("zero", "mean")
PEERS = 10
"number of neurons of similar loudness from which a replacement is drawn"


@dataclass(frozen=True, eq=False)
class Intervention:
    """One intervention: a budget, a ratio and a direction, with the neurons that they select."""

    k: int
    "budget: number of neurons asked for, good and bad together"
    ratio: float
    "share of good neurons in the budget, 0 to 1 in steps of 0.1"
    direction: Direction
    good: NDArray[np.int32]
    "(layer, index) of the good neurons used, shape (n, 2)"
    bad: NDArray[np.int32]
    "(layer, index) of the bad neurons used, shape (m, 2)"
    source: str = "ace"
    "name of the method or neuron set; `random+-SEED`, `random-SEED` or `random-loud-SEED` for a control"
    excite: float = EXCITE
    "factor of excited neurons"
    silence: Silence = "zero"
    "the value of silenced neurons: zero, or their mean over the evaluation prompts"

    @property
    def excited(self) -> NDArray[np.int32]:
        """The neurons whose value is multiplied by `excite`."""
        return self.good if self.direction == "enhancer" else self.bad

    @property
    def silenced(self) -> NDArray[np.int32]:
        """The neurons whose value is set to zero or to their mean."""
        return self.bad if self.direction == "enhancer" else self.good


def good_share(k: int, ratio: float) -> int:
    """Number of good neurons in a budget: K·ratio, with halves rounded up."""
    return (2 * round(ratio * 10) * k + 10) // 20


def grid(
    ranking: NeuronRanking,
    ks: Sequence[int],
    ratios: Sequence[float] = RATIOS,
    source: str = "ace",
    excite: float = EXCITE,
    silence: Silence = "zero",
) -> list[Intervention]:
    """Interventions on one ranking at every (K, ratio, direction), all with the same strength."""
    plan = []
    for k in ks:
        cut = ranking.cut(k)
        for ratio in ratios:
            n_good = good_share(k, ratio)
            good, bad = cut.good[:n_good], cut.bad[: k - n_good]
            plan += [Intervention(k, ratio, direction, good, bad, source, excite, silence) for direction in DIRECTIONS]
    return plan


def random_uniform(n_layers: int, n_neurons: int, k: int, seed: int) -> NeuronRanking:
    """K random neurons of the model, drawn uniformly, all as good ones. Raises ConfigError if the model has fewer."""
    n_total = n_layers * n_neurons
    if k > n_total:
        raise ConfigError(f"{k} random neurons of a model of {n_total}", accepted=f"at most {n_total}")
    drawn = np.random.default_rng([seed, k, 1]).choice(n_total, k, replace=False)
    neurons = np.stack(np.divmod(drawn, n_neurons), axis=1).astype(np.int32)
    # The ranking is the order of the draw, so that a smaller budget is a subset of a larger one.
    return NeuronRanking(neurons, np.arange(k, 0, -1, dtype=np.float32), 0, n_layers, n_neurons, k)


def control_family(source: str) -> str | None:
    """The family of a control set's source: `random+`, `random` or `random-loud`. None for any other source."""
    family, _, seed = source.rpartition("-")
    return family if family in ("random", "random+", "random-loud") and seed.isdigit() else None


def random_like(ranking: NeuronRanking, k: int, seed: int) -> NeuronRanking:
    """The null: replaces each of the top and bottom K by a random neuron of the same layer, without repeats.

    Replacements keep the ranks, so every budget has the same number of neurons in each layer as the ranking.
    """
    generator = np.random.default_rng([seed, k])
    pools = [generator.permutation(ranking.n_neurons) for _ in range(ranking.n_layers)]
    used = [0] * ranking.n_layers

    def stand_in(layer: int, _: int) -> int:
        used[layer] += 1
        return int(pools[layer][used[layer] - 1])

    return _replaced(ranking, k, stand_in)


def random_loud(ranking: NeuronRanking, k: int, loudness: NDArray[np.float32], seed: int) -> NeuronRanking:
    """The stronger null: replaces each of the top and bottom K by a similarly loud neuron of the same layer.

    The replacement is drawn from the PEERS neurons nearest in log loudness that are not in the sets and not drawn yet.
    loudness: mean |ŵ| times the length of the write vector, (L, I). Raises ConfigError if a layer has too few neurons.
    """
    cut = ranking.cut(k)
    generator = np.random.default_rng([seed, k, 2])
    level = np.log(np.maximum(loudness.astype(np.float64), np.finfo(np.float32).tiny))
    free = np.ones(loudness.shape, dtype=bool)
    for layer, index in (*cut.good.tolist(), *cut.bad.tolist()):
        free[layer, index] = False

    def stand_in(layer: int, index: int) -> int:
        others = np.flatnonzero(free[layer])
        if not len(others):
            raise ConfigError(f"layer {layer} has no neuron left as a replacement", accepted="a smaller K")
        nearest = others[np.argsort(np.abs(level[layer, others] - level[layer, index]), kind="stable")[:PEERS]]
        chosen = int(generator.choice(nearest))
        free[layer, chosen] = False
        return chosen

    return _replaced(ranking, k, stand_in)


def _replaced(ranking: NeuronRanking, k: int, stand_in: Callable[[int, int], int]) -> NeuronRanking:
    """The top and bottom K with every neuron's index replaced, good ones first. Ranks keep their scores."""
    cut = ranking.cut(k)
    good, bad = (
        np.array([(layer, stand_in(layer, index)) for layer, index in part.tolist()], dtype=np.int32).reshape(-1, 2)
        for part in (cut.good, cut.bad)
    )
    scores = np.concatenate([cut.good_scores, cut.bad_scores[::-1]])
    neurons = np.concatenate([good, bad[::-1]])
    order = np.lexsort((neurons[:, 1], neurons[:, 0], -scores))
    return NeuronRanking(neurons[order], scores[order], 0, ranking.n_layers, ranking.n_neurons, ranking.z)
