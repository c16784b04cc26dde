"""Specific neurons of each task (paper, section C.2), and the overlap between the tasks' sets. No torch."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_core.analysis.common import role_order, same_model
from neuron_core.analysis.layers import ROLES, Role, neuron_rows
from neuron_core.cni.neurons import NeuronRanking, NeuronSet
from neuron_core.errors import ConfigError

PAIRS: tuple[tuple[Role, Role], ...] = (("good", "good"), ("bad", "bad"), ("good", "bad"))
"pairs of roles whose sets are compared"


@dataclass(frozen=True, eq=False)
class SpecificNeurons:
    """For each task, a set of neurons that no other task's set contains."""

    k: int
    "number of neurons asked for, of each role; a set may have fewer and is never padded"
    rankings: dict[str, NeuronRanking]
    "task → its ranking without the banned neurons; cut(K) is its specific set"
    banned: NDArray[np.int32]
    "(layer, index) of the banned neurons, which two or more tasks had in some round, shape (n, 2)"
    rounds: int
    "number of rounds until no two sets shared a neuron"

    def sets(self) -> dict[str, NeuronSet]:
        """Task → its specific set."""
        return {task: ranking.cut(self.k) for task, ranking in self.rankings.items()}


def specific_neurons(rankings: Mapping[str, NeuronRanking], k: int, *, by_role: bool = False) -> SpecificNeurons:
    """Bans neurons that are in the sets of two or more tasks and refills the sets, until no two sets share a neuron.

    A task's set is its top K good and its top K bad neurons, refilled from the next ranks. by_role: good sets are only
    compared with good sets and bad sets with bad sets, so that a neuron may be good for one task and bad for another.
    Raises ConfigError for fewer than two tasks, for K < 1, or for rankings of different models.
    """
    if k < 1:
        raise ConfigError(f"K is {k}", accepted="1 or more")
    _, n_neurons = same_model(rankings)
    orders = {(task, role): role_order(ranking, role) for task, ranking in rankings.items() for role in ROLES}
    # Neurons are banned for a group of roles: for both roles together, or for each one separately.
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
    """The sets of all tasks, one after the other: columns task, rank (from 1), role, layer, index, score, id."""
    rows = [{"task": task, **asdict(row)} for task, cut in found.sets().items() for row in neuron_rows(cut)]
    return pd.DataFrame(rows, columns=["task", "rank", "role", "layer", "index", "score", "id"])


def overlap(rankings: Mapping[str, NeuronRanking], k: int, role: Role, other: Role) -> pd.DataFrame:
    """Jaccard index of the tasks' sets of one role (rows) with the tasks' sets of another role (columns).

    good/good and bad/bad are symmetric with 1 on the diagonal. good/bad compares neurons that are good for the row's
    task with those that are bad for the column's. NaN if both sets are empty. ConfigError as `common_neurons`.
    """
    same_model(rankings)
    rows = {task: set(role_order(ranking, role)[:k].tolist()) for task, ranking in rankings.items()}
    columns = {task: set(role_order(ranking, other)[:k].tolist()) for task, ranking in rankings.items()}
    values = [[jaccard(one, two) for two in columns.values()] for one in rows.values()]
    return pd.DataFrame(values, index=pd.Index(list(rows), name=role), columns=pd.Index(list(columns), name=other))


def overlap_table(rankings: Mapping[str, NeuronRanking], k: int) -> pd.DataFrame:
    """The overlaps good/good, bad/bad and good/bad: columns row_task, column_task, jaccard, row_role, column_role."""
    tables = []
    for role, other in PAIRS:
        matrix = overlap(rankings, k, role, other).rename_axis("row_task").reset_index()
        long = matrix.melt("row_task", var_name="column_task", value_name="jaccard")
        tables.append(long.assign(row_role=role, column_role=other))
    return pd.concat(tables, ignore_index=True)


def opposed_neurons(rankings: Mapping[str, NeuronRanking], k: int) -> pd.DataFrame:
    """Neurons in the good set of one task and the bad set of another; one row for each neuron and pair of tasks.

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
    """Size of the intersection divided by that of the union; NaN if both are empty."""
    return len(one & two) / len(one | two) if one or two else float("nan")


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
