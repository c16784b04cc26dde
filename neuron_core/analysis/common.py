"""Common neurons: neurons that several tasks share (paper, section C.1). No torch."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_core.analysis.layers import Role
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.errors import ConfigError, first_of


@dataclass(frozen=True, eq=False)
class CommonRole:
    """The common neurons of one role, ordered by the number of tasks, then by the worst rank among these tasks."""

    neurons: NDArray[np.int32]
    "(layer, index), shape (n ≤ K, 2)"
    n_tasks: NDArray[np.int64]
    "number of tasks that have the neuron in their top D, shape (n,)"
    worst_rank: NDArray[np.int64]
    "the neuron's worst rank among these tasks, counted from 1, shape (n,)"
    depth: int
    "D: the smallest depth, K or more, at which K neurons lie in the top D of at least two tasks"
    n_pool: int
    "number of neurons in the pool at this depth, before any are dropped"


@dataclass(frozen=True, eq=False)
class CommonNeurons:
    """Common good and common bad neurons of several tasks."""

    k: int
    "number of neurons asked for, of each role; a set may have fewer and is never padded"
    tasks: tuple[str, ...]
    good: CommonRole
    bad: CommonRole
    n_dropped: int
    "number of neurons that are in both pools and therefore dropped from both"
    n_layers: int
    n_neurons: int
    "neurons per layer, I"

    def ranking(self) -> NeuronRanking:
        """The common neurons as a ranking for interventions. The score is n_tasks − worst rank / (D + 1).

        Bad neurons have the negative of it. The score only encodes the order; it is not an attribution.
        """
        good, bad = _order_scores(self.good), -_order_scores(self.bad)[::-1]
        return NeuronRanking(
            neurons=np.concatenate([self.good.neurons, self.bad.neurons[::-1]]),
            scores=np.concatenate([good, bad]).astype(np.float32),
            n_ambiguous=self.n_dropped,
            n_layers=self.n_layers,
            n_neurons=self.n_neurons,
            z=self.k,
        )


def common_neurons(rankings: Mapping[str, NeuronRanking], k: int) -> CommonNeurons:
    """The K common good and the K common bad neurons of several tasks.

    The pool of a role holds the neurons in the top D of at least two tasks. D is the smallest depth, K or more, at
    which there are K of them; without such a depth it is the length of the rankings. A neuron that is in both pools is
    dropped from both. The order is by number of tasks, then worst rank, then (layer, index).
    Raises ConfigError for fewer than two tasks, for K < 1, or for rankings of different models.
    """
    if k < 1:
        raise ConfigError(f"K is {k}", accepted="1 or more")
    n_layers, n_neurons = same_model(rankings)
    pools: dict[Role, dict[int, tuple[int, int]]] = {}
    depths: dict[Role, int] = {}
    for role in ("good", "bad"):
        ranks = {task: _ranks(ranking, role) for task, ranking in rankings.items()}
        depths[role], pools[role] = _pool(ranks, k)
    both = pools["good"].keys() & pools["bad"].keys()
    chosen = {role: _chosen(pools[role], both, k, depths[role], n_neurons) for role in pools}
    return CommonNeurons(k, tuple(rankings), chosen["good"], chosen["bad"], len(both), n_layers, n_neurons)


def common_table(common: CommonNeurons) -> pd.DataFrame:
    """One row per neuron, good ones first: role, rank (from 1), neuron (layer.index), layer, n_tasks, worst_rank."""
    rows = [
        (role, rank, f"{layer}.{index}", layer, n_tasks, worst)
        for role, one in (("good", common.good), ("bad", common.bad))
        for rank, ((layer, index), n_tasks, worst) in enumerate(
            zip(one.neurons.tolist(), one.n_tasks.tolist(), one.worst_rank.tolist(), strict=True), start=1
        )
    ]
    return pd.DataFrame(rows, columns=["role", "rank", "neuron", "layer", "n_tasks", "worst_rank"])


def role_order(ranking: NeuronRanking, role: Role) -> NDArray[np.int64]:
    """All neurons of a role as layer·I + index, the strongest first, shape (n,)."""
    cut = ranking.cut(len(ranking.scores))
    neurons = (cut.good if role == "good" else cut.bad).reshape(-1, 2).astype(np.int64)
    return neurons[:, 0] * ranking.n_neurons + neurons[:, 1]


def same_model(rankings: Mapping[str, NeuronRanking]) -> tuple[int, int]:
    """The (L, I) that all rankings share. Raises ConfigError for fewer than two rankings, or if their sizes differ."""
    if len(rankings) < 2:
        raise ConfigError("the neurons of fewer than two tasks can't be compared", accepted="two tasks or more")
    sizes = {(ranking.n_layers, ranking.n_neurons) for ranking in rankings.values()}
    if len(sizes) > 1:
        raise ConfigError(
            f"rankings of models with [{first_of(sorted(sizes))}] layers and neurons per layer",
            accepted="one model",
        )
    return sizes.pop()


def _ranks(ranking: NeuronRanking, role: Role) -> dict[int, int]:
    return {neuron: rank for rank, neuron in enumerate(role_order(ranking, role).tolist(), start=1)}


def _pool(ranks: Mapping[str, Mapping[int, int]], k: int) -> tuple[int, dict[int, tuple[int, int]]]:
    """D, and neuron → (number of tasks, worst rank) for the neurons in the top D of at least two tasks."""
    found: dict[int, list[int]] = {}
    for of_task in ranks.values():
        for neuron, rank in of_task.items():
            found.setdefault(neuron, []).append(rank)
    # A neuron joins the pool at its second best rank.
    joins = sorted(sorted(places)[1] for places in found.values() if len(places) > 1)
    deepest = max(map(len, ranks.values()))
    depth = max(k, joins[k - 1] if len(joins) >= k else deepest)
    pool = {}
    for neuron, places in found.items():
        within = [rank for rank in places if rank <= depth]
        if len(within) > 1:
            pool[neuron] = (len(within), max(within))
    return depth, pool


def _chosen(pool: Mapping[int, tuple[int, int]], dropped: set[int], k: int, depth: int, n_neurons: int) -> CommonRole:
    kept = [(-n_tasks, worst, neuron) for neuron, (n_tasks, worst) in pool.items() if neuron not in dropped]
    rows = np.array(sorted(kept)[:k], dtype=np.int64).reshape(-1, 3)
    return CommonRole(
        neurons=np.stack(np.divmod(rows[:, 2], n_neurons), axis=1).astype(np.int32),
        n_tasks=-rows[:, 0],
        worst_rank=rows[:, 1],
        depth=depth,
        n_pool=len(pool),
    )


def _order_scores(role: CommonRole) -> NDArray[np.float64]:
    return role.n_tasks - role.worst_rank / (role.depth + 1)
