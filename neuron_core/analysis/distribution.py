"""How the neurons of several tasks are distributed over the layers (paper, Figures 5, 6 and 7). No torch."""

from collections.abc import Mapping

import pandas as pd

from neuron_core.analysis.layers import ROLES, layer_counts
from neuron_core.cni.neurons import NeuronRanking, NeuronSet
from neuron_core.errors import ConfigError, first_of

MEAN = "mean"


def layers_table(sets: Mapping[str, NeuronSet], n_layers: int) -> pd.DataFrame:
    """Figure 5: columns task, role, layer, n, share. The last task, "mean", is the mean of the others.

    share: n divided by the number of neurons of that task and role; 0 if there are none. Raises ConfigError
    without a task.
    """
    if not sets:
        raise ConfigError("layers of no tasks", accepted="the set of at least one task")
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


def zeros_last(table: pd.DataFrame) -> pd.DataFrame:
    """The same rows, with layers that have no neurons moved to the end."""
    return table.sort_values("n", key=lambda n: n == 0, kind="stable", ignore_index=True)


def layer_change_table(
    rankings: Mapping[str, NeuronRanking], specific: Mapping[str, NeuronSet], k: int
) -> pd.DataFrame:
    """Figure 7: how the layers change when common neurons are removed and replaced; columns as in `layers_table`.

    rankings: task → its ranking. specific: task → its specific set of the same budget K. n and share are those of the
    specific set minus those of the task's top K. Raises ConfigError for other tasks.
    """
    if set(rankings) != set(specific):
        raise ConfigError(
            f"rankings of {first_of(rankings)} and specific sets of {first_of(specific)}", accepted="the same tasks"
        )
    n_layers = next(iter(rankings.values())).n_layers
    before = layers_table({task: ranking.cut(k) for task, ranking in rankings.items()}, n_layers)
    after = layers_table({task: specific[task] for task in rankings}, n_layers)
    after[["n", "share"]] -= before[["n", "share"]]
    return after
