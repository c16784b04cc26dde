"""Interventions as values: which neurons are doubled, which are zeroed (paper, section 3.5). No torch."""

from collections.abc import Sequence
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
SILENCE, EXCITE = 0.0, 2.0


@dataclass(frozen=True, eq=False)
class Intervention:
    """One configuration of the grid."""

    k: int
    "budget: neurons asked for, good and bad together"
    ratio: float
    "share of good neurons in the budget, 0 to 1 in tenths"
    direction: Direction
    good: NDArray[np.int32]
    "(layer, index) of the good neurons used, shape (n, 2)"
    bad: NDArray[np.int32]
    "(layer, index) of the bad neurons used, shape (m, 2)"
    source: str = "ace"
    "name of the method or neuron set; `random+-SEED` or `random-SEED` for a control"

    @property
    def excited(self) -> NDArray[np.int32]:
        """Neurons whose value is doubled."""
        return self.good if self.direction == "enhancer" else self.bad

    @property
    def silenced(self) -> NDArray[np.int32]:
        """Neurons whose value is set to zero."""
        return self.bad if self.direction == "enhancer" else self.good


def good_share(k: int, ratio: float) -> int:
    """Good neurons in a budget: K·ratio, halves up."""
    return (2 * round(ratio * 10) * k + 10) // 20


def grid(
    ranking: NeuronRanking, ks: Sequence[int], ratios: Sequence[float] = RATIOS, source: str = "ace"
) -> list[Intervention]:
    """Every (K, ratio, direction) over one ranking."""
    plan = []
    for k in ks:
        cut = ranking.cut(k)
        for ratio in ratios:
            n_good = good_share(k, ratio)
            good, bad = cut.good[:n_good], cut.bad[: k - n_good]
            plan += [Intervention(k, ratio, direction, good, bad, source) for direction in DIRECTIONS]
    return plan


def random_uniform(n_layers: int, n_neurons: int, k: int, seed: int) -> NeuronRanking:
    """K neurons drawn uniformly from the whole model, as good ones. ConfigError when the model has fewer."""
    n_total = n_layers * n_neurons
    if k > n_total:
        raise ConfigError(f"{k} random neurons of a model of {n_total}", accepted=f"at most {n_total}")
    drawn = np.random.default_rng([seed, k, 1]).choice(n_total, k, replace=False)
    neurons = np.stack(np.divmod(drawn, n_neurons), axis=1).astype(np.int32)
    # The order of the draw is the ranking, so that a smaller budget is a part of a larger one.
    return NeuronRanking(neurons, np.arange(k, 0, -1, dtype=np.float32), 0, n_layers, n_neurons, k)


def control_family(source: str) -> str | None:
    """`random+` or `random` for the source of a control set, None for every other."""
    family, _, seed = source.rpartition("-")
    return family if family in ("random", "random+") and seed.isdigit() else None


def random_like(ranking: NeuronRanking, k: int, seed: int) -> NeuronRanking:
    """The null: as many random neurons a layer as the top and bottom K have, disjoint from each other.

    A random neuron stands in for each one, rank by rank, so every cut has the same numbers a layer.
    """
    cut = ranking.cut(k)
    generator = np.random.default_rng([seed, k])
    pools = [generator.permutation(ranking.n_neurons) for _ in range(ranking.n_layers)]
    used = [0] * ranking.n_layers

    def stand_in(neurons: NDArray[np.int32]) -> NDArray[np.int32]:
        drawn = np.empty_like(neurons)
        for i, (layer, _) in enumerate(neurons):
            drawn[i] = layer, pools[layer][used[layer]]
            used[layer] += 1
        return drawn

    good, bad = stand_in(cut.good), stand_in(cut.bad)
    scores = np.concatenate([cut.good_scores, cut.bad_scores[::-1]])
    neurons = np.concatenate([good, bad[::-1]])
    order = np.lexsort((neurons[:, 1], neurons[:, 0], -scores))
    return NeuronRanking(neurons[order], scores[order], 0, ranking.n_layers, ranking.n_neurons, ranking.z)
