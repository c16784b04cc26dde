"""Neurons that one task has for itself (paper, section C.2), and what sets of tasks share. No torch."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_core.analysis.common import role_order, same_model
from neuron_core.analysis.layers import ROLES, Role, neuron_rows
from neuron_core.cni.neurons import NeuronRanking, NeuronSet
from neuron_core.errors import ConfigError

PAIRS: tuple[tuple[Role, Role], ...] = (("good", "good"), ("bad", "bad"), ("good", "bad"))
"roles whose sets are compared"


@dataclass(frozen=True, eq=False)
class SpecificNeurons:
    """For each task the neurons that no other task's set has."""

    k: int
    "neurons asked for of either role; fewer are said, never padded"
    rankings: dict[str, NeuronRanking]
    "each task's own ranking without the banned neurons; cut(K) gives its specific set"
    banned: NDArray[np.int32]
    "(layer, index) of the neurons that two or more tasks had at some point, shape (n, 2)"
    rounds: int
    "rounds of banning until no two sets met"

    def sets(self) -> dict[str, NeuronSet]:
        """task → its specific set."""
        return {task: ranking.cut(self.k) for task, ranking in self.rankings.items()}


def specific_neurons(rankings: Mapping[str, NeuronRanking], k: int, *, by_role: bool = False) -> SpecificNeurons:
    """Bans every neuron in two or more tasks' current sets, refills from the next ranks, until no two sets meet.

    A task's set is its top K good and its K bad neurons; by_role: good sets are compared with good sets and bad ones
    with bad ones only, so that a neuron may be good for one task and bad for another.
    ConfigError for fewer than two tasks, for K < 1, or for rankings of different models.
    """
    if k < 1:
        raise ConfigError(f"K is {k}", accepted="1 or more")
    _, n_neurons = same_model(rankings)
    orders = {(task, role): role_order(ranking, role) for task, ranking in rankings.items() for role in ROLES}
    # Banned for one group of roles: both at once, or each by itself.
    groups: list[tuple[Role, ...]] = [("good",), ("bad",)] if by_role else [ROLES]
    banned: dict[Role, set[int]] = {role: set() for role in ROLES}
    rounds = 0
    while True:
        met: dict[Role, set[int]] = {role: set() for role in ROLES}
        for group in groups:
            owners: Counter[int] = Counter()
            for task in rankings:
                owners.update({n for role in group for n in _current(orders[task, role], banned[role], k)})
            shared = {neuron for neuron, n_tasks in owners.items() if n_tasks > 1}
            for role in group:
                met[role] = shared
        if not any(met.values()):
            break
        rounds += 1
        for role in ROLES:
            banned[role] |= met[role]
    everywhere = np.array(sorted(banned["good"] | banned["bad"]), dtype=np.int64)
    return SpecificNeurons(
        k=k,
        rankings={task: _without(ranking, banned) for task, ranking in rankings.items()},
        banned=np.stack(np.divmod(everywhere, n_neurons), axis=1).astype(np.int32),
        rounds=rounds,
    )


def specific_table(found: SpecificNeurons) -> pd.DataFrame:
    """Columns task, rank (from 1), role, layer, index, score, id: the sets of all tasks, one after the other."""
    rows = [{"task": task, **asdict(row)} for task, cut in found.sets().items() for row in neuron_rows(cut)]
    return pd.DataFrame(rows, columns=["task", "rank", "role", "layer", "index", "score", "id"])


def overlap(rankings: Mapping[str, NeuronRanking], k: int, role: Role, other: Role) -> pd.DataFrame:
    """Jaccard of each task's set of one role (rows) with each task's set of the other role (columns).

    good/good and bad/bad are symmetric with 1 on the diagonal; good/bad counts neurons good for the row's task and
    bad for the column's. NaN where both sets are empty. ConfigError as `common_neurons`.
    """
    return _pairs(rankings, k, role, other, jaccard)


def overlap_table(rankings: Mapping[str, NeuronRanking], k: int) -> pd.DataFrame:
    """Columns row_task, column_task, jaccard, row_role, column_role: good with good, bad with bad, good with bad."""
    tables = []
    for role, other in PAIRS:
        matrix = overlap(rankings, k, role, other).rename_axis("row_task").reset_index()
        long = matrix.melt("row_task", var_name="column_task", value_name="jaccard")
        tables.append(long.assign(row_role=role, column_role=other))
    return pd.concat(tables, ignore_index=True)


def shared_count(rankings: Mapping[str, NeuronRanking], k: int, role: Role, other: Role) -> pd.DataFrame:
    """How many neurons the same two sets share; rows and columns as `overlap`."""
    return _pairs(rankings, k, role, other, lambda one, two: len(one & two)).astype(int)


def opposed_neurons(rankings: Mapping[str, NeuronRanking], k: int) -> pd.DataFrame:
    """Neurons in the good set of one task and in the bad set of another, a row for each such pair.

    Columns: id, layer, index, good_for, bad_for, good_rank, bad_rank (from 1), good_score, bad_score.
    """
    same_model(rankings)
    rows = []
    cuts = {task: ranking.cut(k) for task, ranking in rankings.items()}
    for good_for, one in cuts.items():
        for bad_for, two in cuts.items():
            places = {tuple(neuron): rank for rank, neuron in enumerate(two.bad.tolist())}
            for rank, neuron in enumerate(one.good.tolist()):
                place = places.get(tuple(neuron))
                if place is not None:
                    layer, index = neuron
                    ranks = (rank + 1, place + 1)
                    scores = (float(one.good_scores[rank]), float(two.bad_scores[place]))
                    rows.append((f"{layer}.{index}", layer, index, good_for, bad_for, *ranks, *scores))
    columns = ["id", "layer", "index", "good_for", "bad_for", "good_rank", "bad_rank", "good_score", "bad_score"]
    return pd.DataFrame(rows, columns=columns)


def jaccard(one: set[int], two: set[int]) -> float:
    """Shared over all; NaN when both are empty."""
    return len(one & two) / len(one | two) if one or two else float("nan")


def _pairs(
    rankings: Mapping[str, NeuronRanking],
    k: int,
    role: Role,
    other: Role,
    measure: Callable[[set[int], set[int]], float],
) -> pd.DataFrame:
    same_model(rankings)
    rows = {task: set(role_order(ranking, role)[:k].tolist()) for task, ranking in rankings.items()}
    columns = {task: set(role_order(ranking, other)[:k].tolist()) for task, ranking in rankings.items()}
    values = [[measure(one, two) for two in columns.values()] for one in rows.values()]
    return pd.DataFrame(values, index=pd.Index(list(rows), name=role), columns=pd.Index(list(columns), name=other))


def _current(order: NDArray[np.int64], banned: set[int], k: int) -> list[int]:
    found: list[int] = []
    for neuron in order.tolist():
        if len(found) == k:
            break
        if neuron not in banned:
            found.append(neuron)
    return found


def _without(ranking: NeuronRanking, banned: Mapping[Role, set[int]]) -> NeuronRanking:
    flat = ranking.neurons[:, 0].astype(np.int64) * ranking.n_neurons + ranking.neurons[:, 1]
    gone = {role: np.isin(flat, np.array(sorted(banned[role]), dtype=np.int64)) for role in ROLES}
    kept = ~np.where(ranking.scores > 0, gone["good"], gone["bad"])
    return NeuronRanking(
        neurons=ranking.neurons[kept],
        scores=ranking.scores[kept],
        n_ambiguous=ranking.n_ambiguous,
        n_layers=ranking.n_layers,
        n_neurons=ranking.n_neurons,
        z=ranking.z,
    )
