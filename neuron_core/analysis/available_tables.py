"""Which of the paper's tables can be made from some evaluations, and the tables themselves. No torch."""

from collections.abc import Mapping, Sequence

import pandas as pd

from neuron_core.analysis.table_side_effects import Effects
from neuron_core.analysis.tables import (
    ABLATED,
    NO_EFFECTS,
    ORIGINAL_AND_ENABLED,
    OURS,
    RANDOM,
    RANDOM_BOTH,
    ablation_table,
    budget_table,
    enabled_table,
    methods_table,
    parts_table,
)
from neuron_core.cni.methods import METHODS, PAPER_METHODS
from neuron_core.control.results import Evaluation
from neuron_core.errors import ConfigError

ENTRY_TABLES: dict[str, tuple[str, ...]] = {
    "Table 1": ("method",),
    "Table 2": ("method",),
    "Table 3": ("part",),
    "Table 6": ("method", "part"),
    "Table 7": ("method", "k"),
}
"table → the columns that identify one of its rows"
WANTED: dict[str, tuple[str, ...]] = {
    "Table 1": (*PAPER_METHODS, RANDOM, RANDOM_BOTH),
    "Table 2": tuple(method for pair in ORIGINAL_AND_ENABLED for method in pair),
    "Table 3": (OURS,),
    "Table 6": ABLATED,
    "Table 7": (OURS,),
}
"table → the methods of the complete table"
PARTIAL = ("Table 1", "Table 7")
"tables that can be made from any methods"


def common_budgets(evaluations: Mapping[str, Evaluation]) -> list[int]:
    """The budgets that all evaluations have, in ascending order."""
    found = [{row.k for row in one.grid} for one in evaluations.values()]
    return sorted(set.intersection(*found)) if found else []


def in_all(evaluations: Mapping[str, Evaluation], k: int | None = None) -> list[str]:
    """The methods, controls included, that were evaluated on every task, in the order of METHODS.

    k: counts only what was evaluated at this budget.
    """
    there = [_cells(evaluation) for evaluation in evaluations.values()]
    found = [{source for source, budget in cells if k is None or budget == k} for cells in there]
    return [name for name in METHODS if all(name in sources for sources in found)]


def methods_of(name: str, evaluations: Mapping[str, Evaluation], k: int) -> list[str]:
    """The methods of a table that were evaluated on every task."""
    if name == "Table 7":
        return in_all(evaluations)
    there = in_all(evaluations, k)
    return [method for method in ABLATED if method in there] if name == "Table 6" else there


def lacking(name: str, evaluations: Mapping[str, Evaluation], k: int) -> list[str]:
    """The methods of the complete table that at least one task lacks."""
    there = in_all(evaluations, k)
    return [method for method in WANTED.get(name, ()) if method not in there]


def can_be_made(name: str, evaluations: Mapping[str, Evaluation], k: int) -> bool:
    """Whether the table can be made, if need be with fewer methods than the paper's."""
    if name in PARTIAL or (name == "Table 6" and OURS in in_all(evaluations, k)):
        return True
    return not lacking(name, evaluations, k)


def entry_table(
    name: str, evaluations: Mapping[str, Evaluation], k: int, ks: Sequence[int], effects: Effects = NO_EFFECTS
) -> pd.DataFrame:
    """One of ENTRY_TABLES. Raises ConfigError for another name, and when something was not evaluated. ks: of Table
    7.
    """
    methods = methods_of(name, evaluations, k)
    if name == "Table 1":
        return methods_table(evaluations, k, methods, effects)
    if name == "Table 2":
        return enabled_table(evaluations, k, effects)
    if name == "Table 3":
        return parts_table(evaluations, k, effects)
    if name == "Table 6":
        return ablation_table(evaluations, k, methods, effects)
    if name == "Table 7":
        return budget_table(evaluations, ks, methods, effects)
    raise ConfigError(f"no table of entries is called {name!r}", accepted=", ".join(ENTRY_TABLES))


def _cells(evaluation: Evaluation) -> set[tuple[str, int]]:
    """Every (source, budget) that was evaluated."""
    return {(row.source, row.k) for row in evaluation.best} | {(row.source, row.k) for row in evaluation.random}
