"""Adds side effects to a table's entries: letter mass, and perplexity of a neutral text. No torch."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import isclose

import pandas as pd

from neuron_core.analysis.entries import AVERAGE, Entry
from neuron_core.control.results import SideEffect, SideEffects

Effects = Mapping[str, SideEffects]
"task → the side effects that its run measured; tasks without them are left out"
ONE_RANDOM = {"random+": "random+-0"}
"control → its only measured set, at the ratio that is best for the run's first method"
UNMODIFIED = "unmodified"


def with_side_effects(entries: Iterable[Entry], effects: Effects) -> list[Entry]:
    """The entries with the side effects of their interventions; None if these were not measured."""
    return [_with_effects(entry, effects[entry.task]) if entry.task in effects else entry for entry in entries]


def has_side_effects(table: pd.DataFrame) -> bool:
    """Whether side effects were measured for any entry of the table."""
    return bool(table["unmodified_perplexity"].notna().any())


def side_effects_printed(table: pd.DataFrame, rows: Sequence[str] = ("method",)) -> pd.DataFrame:
    """A table like that of `as_printed` with `P(A-D) / perplexity` in its cells, beginning with the unmodified model.

    A cell is empty if the intervention was not measured. Averages are over the tasks that were measured.
    """
    printed = spread_out(table, _words(table["letter_mass"], table["perplexity"]), rows)
    before = spread_out(table, _words(table["unmodified_letter_mass"], table["unmodified_perplexity"]), rows).iloc[:1]
    called = "method" if "method" in rows else rows[0]
    names = {name: UNMODIFIED if name == called else "" for name in rows}
    # The column of budgets also holds words here.
    return pd.concat([before.assign(**names), printed.astype(dict.fromkeys(rows, str))], ignore_index=True)


def with_mean_effects(printed: pd.DataFrame, table: pd.DataFrame, rows: Sequence[str] = ("method",)) -> pd.DataFrame:
    """Adds to a printed table, for each direction, the mean letter mass and the mean perplexity over the tasks."""
    means = table[table["task"] == AVERAGE]
    found = printed
    for name, title, show in (("letter_mass", "P(A-D)", _percent), ("perplexity", "perplexity", _number)):
        shown = spread_out(means, [show(value) for value in means[name]], rows)
        for direction in ("Deg", "Enh"):
            if f"{AVERAGE} {direction}" in shown:
                found = found.assign(**{f"{title} {direction}": shown[f"{AVERAGE} {direction}"].to_numpy()})
    return found


def spread_out(table: pd.DataFrame, entries: Sequence[str], rows: Sequence[str]) -> pd.DataFrame:
    """Pivots `table`: one line for each value of `rows`, one column for each task and direction."""
    printed = table.assign(entry=entries).pivot(index=list(rows), columns=["task", "direction"], values="entry")
    lines = list(dict.fromkeys(table[list(rows)].itertuples(index=False, name=None)))
    columns = [(task, d) for task in dict.fromkeys(table["task"]) for d in ("degrader", "enhancer")]
    printed = printed.reindex(columns=[c for c in columns if c in printed.columns])
    printed = printed.loc[[line[0] if len(rows) == 1 else line for line in lines]]
    printed.columns = [f"{task} {direction[:3].capitalize()}" for task, direction in printed.columns]
    return printed.reset_index()


def _with_effects(entry: Entry, effects: SideEffects) -> Entry:
    found = next((row for row in effects.rows if _is_of(row, entry)), None)
    return replace(
        entry,
        letter_mass=found.letter_mass if found else None,
        perplexity=found.perplexity if found else None,
        unmodified_letter_mass=effects.letter_mass,
        unmodified_perplexity=effects.perplexity,
    )


def _is_of(row: SideEffect, entry: Entry) -> bool:
    source = ONE_RANDOM.get(entry.method, entry.method)
    if (row.source, row.k, row.direction) != (source, entry.k, entry.direction):
        return False
    # Random sets are measured at the ratio of the first method.
    return entry.method in ONE_RANDOM or (entry.ratio is not None and isclose(row.ratio, entry.ratio, abs_tol=1e-9))


def _words(mass: Iterable[float], perplexity: Iterable[float]) -> list[str]:
    pairs = [(_percent(one), _number(two)) for one, two in zip(mass, perplexity, strict=True)]
    return [f"{one or '-'} / {two}" if two else "" for one, two in pairs]


def _percent(value: float) -> str:
    return "" if math.isnan(value) else f"{100 * value:.1f}%"


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4g}"
