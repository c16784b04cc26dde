"""How the neurons of several tasks spread over the layers (paper, Figures 5, 6 and 7). No torch."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from neuron_core.analysis.layers import ROLES, layer_counts
from neuron_core.cni.neurons import NeuronRanking, NeuronSet
from neuron_core.errors import ConfigError

MEAN = "mean"


def layers_table(sets: Mapping[str, NeuronSet], n_layers: int) -> pd.DataFrame:
    """Figure 5: columns task, role, layer, n, share; after the tasks their mean, as the task "mean".

    share: of all neurons of that task and role; zeros for a set that has none. ConfigError without a task.
    """
    if not sets:
        raise ConfigError("layers of no tasks", accepted="at least one task's set")
    rows = []
    for task, cut in sets.items():
        counts = layer_counts(cut, n_layers)
        for role in ROLES:
            n, share = getattr(counts, role), getattr(counts, f"{role}_share")
            rows += [(task, role, layer, float(n[layer]), float(share[layer])) for layer in range(n_layers)]
    table = pd.DataFrame(rows, columns=["task", "role", "layer", "n", "share"])
    mean = table.groupby(["role", "layer"], sort=False)[["n", "share"]].mean().reset_index()
    mean.insert(0, "task", MEAN)
    return pd.concat([table, mean], ignore_index=True)


def layer_change_table(
    rankings: Mapping[str, NeuronRanking], specific: Mapping[str, NeuronSet], k: int
) -> pd.DataFrame:
    """Figure 7: what removing common neurons and refilling changes, as `layers_table` of the difference.

    rankings: each task's own ranking; specific: each task's specific set of the same budget K.
    n and share are those of the specific set minus those of the task's top K. ConfigError for other tasks.
    """
    if set(rankings) != set(specific):
        raise ConfigError(
            f"rankings of {', '.join(rankings)} and specific sets of {', '.join(specific)}", accepted="the same tasks"
        )
    n_layers = next(iter(rankings.values())).n_layers
    before = layers_table({task: ranking.cut(k) for task, ranking in rankings.items()}, n_layers)
    after = layers_table({task: specific[task] for task in rankings}, n_layers)
    after[["n", "share"]] -= before[["n", "share"]]
    return after


def layer_matrix(table: pd.DataFrame, role: str, value: str = "n") -> pd.DataFrame:
    """Tasks down, layers across: one role of `layers_table` or `layer_change_table` as a heatmap takes it."""
    own = table[table["role"] == role]
    matrix = own.pivot(index="task", columns="layer", values=value)
    return matrix.loc[list(dict.fromkeys(own["task"]))].astype(np.float64)
