"""How far the neurons and their effects depend on which examples were drawn, and on the steps m. No torch."""

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
    """One ranking for each draw of `per_draw` examples, in their order; draws share no example.

    examples: the top and bottom z of each example. ConfigError when they are no whole number of draws.
    """
    if per_draw < 1 or len(examples) % per_draw:
        raise ConfigError(f"{len(examples)} examples in draws of {per_draw}", accepted="a whole number of draws")
    starts = range(0, len(examples), per_draw)
    return [select_extremes(examples[start : start + per_draw], n_layers, n_neurons, z) for start in starts]


def agreement(rankings: Mapping[str, NeuronRanking], k: int) -> pd.DataFrame:
    """Jaccard of the top K sets over all pairs of rankings, by role.

    Columns: role, k, n_sets, jaccard (mean), jaccard_low, jaccard_high, n_in_all, n_in_any. ConfigError for fewer than
    two rankings.
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
    """Mean, standard deviation and range over draws of every entry; tables: one table of entries a draw.

    Columns: task, direction, k, n_draws, and NAME, NAME_sd, NAME_low, NAME_high for each measure. What is undefined in
    a draw is left out of that entry; n_fail counts draws whose verdict is fail. ConfigError without a table.
    """
    if not tables:
        raise ConfigError("a spread over no draws", accepted="one table a draw")
    rows = []
    for (task, direction, k), group in pd.concat(tables).groupby(["task", "direction", "k"], sort=False):
        row: dict[str, object] = {"task": task, "direction": direction, "k": k, "n_draws": len(group)}
        for name in MEASURES:
            values = group[name].dropna().to_numpy(dtype=float)
            row[name] = values.mean() if len(values) else np.nan
            # Of a sample: these draws stand for all that could have been.
            row[f"{name}_sd"] = values.std(ddof=1) if len(values) > 1 else np.nan
            row[f"{name}_low"], row[f"{name}_high"] = (values.min(), values.max()) if len(values) else (np.nan, np.nan)
        row["n_fail"] = int((group["verdict"] == "fail").sum())
        rows.append(row)
    return pd.DataFrame(rows)
