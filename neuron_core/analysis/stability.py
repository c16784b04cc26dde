"""Stability: how much neurons and effects depend on the examples drawn and on the steps m. No torch."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from neuron_core.analysis.common import role_order
from neuron_core.analysis.entries import MEASURES
from neuron_core.analysis.layers import ROLES
from neuron_core.analysis.specific import jaccard
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.selection import Extremes, select_extremes
from neuron_core.errors import ConfigError


def draw_rankings(
    examples: Sequence[Extremes], n_layers: int, n_neurons: int, z: int, per_draw: int
) -> list[NeuronRanking]:
    """One ranking for each draw of `per_draw` consecutive examples.

    examples: the top and bottom z of each example. Raises ConfigError if their number is not a multiple of `per_draw`.
    """
    if per_draw < 1 or len(examples) % per_draw:
        raise ConfigError(f"{len(examples)} examples in draws of {per_draw}", accepted="a whole number of draws")
    starts = range(0, len(examples), per_draw)
    return [select_extremes(examples[start : start + per_draw], n_layers, n_neurons, z) for start in starts]


def agreement(rankings: Mapping[str, NeuronRanking], k: int) -> pd.DataFrame:
    """Jaccard index of the top K sets, over all pairs of rankings, for each role.

    Columns: role, k, n_sets, jaccard (mean), jaccard_low, jaccard_high, n_in_all, n_in_any. Raises ConfigError for
    fewer than two rankings.
    """
    if len(rankings) < 2:
        raise ConfigError(f"{len(rankings)} rankings agree with nothing", accepted="two or more")
    rows = []
    for role in ROLES:
        sets = [set(role_order(ranking, role)[:k].tolist()) for ranking in rankings.values()]
        found = np.array([jaccard(one, two) for one, two in combinations(sets, 2)])
        defined = found[~np.isnan(found)]
        rows.append(
            {
                "role": role,
                "k": k,
                "n_sets": len(sets),
                "jaccard": float(defined.mean()) if len(defined) else float("nan"),
                "jaccard_low": float(defined.min(initial=1.0)) if len(defined) else float("nan"),
                "jaccard_high": float(defined.max(initial=0.0)) if len(defined) else float("nan"),
                "n_in_all": len(set.intersection(*sets)),
                "n_in_any": len(set.union(*sets)),
            }
        )
    return pd.DataFrame(rows)


def spread(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Mean, standard deviation and range of every entry over several draws. tables: one table of entries per draw.

    Columns: task, direction, k, n_draws, n_fail, and NAME, NAME_sd, NAME_low, NAME_high for each measure. Draws in
    which a measure is undefined are left out of it. n_fail counts the draws whose verdict is fail. ConfigError without
    a table.
    """
    if not tables:
        raise ConfigError("a spread over no draws", accepted="one table per draw")
    rows = []
    for (task, direction, k), group in pd.concat(tables).groupby(["task", "direction", "k"], sort=False):
        row: dict[str, object] = {"task": task, "direction": direction, "k": k, "n_draws": len(group)}
        for name in MEASURES:
            values = group[name].dropna().to_numpy(dtype=float)
            row[name] = values.mean() if len(values) else np.nan
            # The standard deviation of a sample: the draws represent all possible draws.
            row[f"{name}_sd"] = values.std(ddof=1) if len(values) > 1 else np.nan
            row[f"{name}_low"], row[f"{name}_high"] = (values.min(), values.max()) if len(values) else (np.nan, np.nan)
        row["n_fail"] = int((group["verdict"] == "fail").sum())
        rows.append(row)
    return pd.DataFrame(rows)
