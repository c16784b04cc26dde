"""The paper's tables, made from the evaluations of several tasks, with one row per entry. No torch."""

from collections.abc import Mapping, Sequence
from math import isclose

import pandas as pd

from neuron_core.analysis.entries import (
    BOTH,
    Entry,
    best_entry,
    cell_entry,
    change_text,
    frame,
    random_best_entry,
    random_cell_entry,
    with_averages,
)
from neuron_core.analysis.table_side_effects import Effects, spread_out, with_side_effects
from neuron_core.control.interventions import DIRECTIONS, Direction
from neuron_core.control.metrics import Baseline, Best, Evaluation, GridRow
from neuron_core.errors import ConfigError

Evaluations = Mapping[str, Evaluation]
"task → its evaluation"
NO_EFFECTS: Effects = {}
OURS = "ace"
RANDOM, RANDOM_BOTH, RANDOM_LOUD = "random", "random+", "random-loud"
GOOD_ONLY = ("tn", "qrnca", "kn", "act")
PARTS = {"good": 1.0, "bad": 0.0}
"role → the ratio at which only neurons of this role are used"
ORIGINAL_AND_ENABLED = (("tn", "tn+"), ("qrnca", "qrnca+"))
ABLATED = ("ace", "tn+", "qrnca+")


def methods_table(
    evaluations: Evaluations, k: int, methods: Sequence[str], effects: Effects = NO_EFFECTS
) -> pd.DataFrame:
    """Table 1: every method on every task at its best ratio, and the averages over tasks.

    Methods that find only good neurons have the single ratio 1. effects, here and in the other tables of this module:
    task → side effects, for the tasks whose runs measured them. Raises ConfigError for a missing evaluation.
    """
    entries = [_method_entry(task, one, k, method, d) for method in methods for task, one, d in _each(evaluations)]
    return frame(with_averages(with_side_effects(entries, effects)))


def enabled_table(evaluations: Evaluations, k: int, effects: Effects = NO_EFFECTS) -> pd.DataFrame:
    """Table 2: averages of rivals that find only good neurons, as published and with bad neurons added."""
    return methods_table(evaluations, k, [method for pair in ORIGINAL_AND_ENABLED for method in pair], effects)


def ablation_table(
    evaluations: Evaluations, k: int, methods: Sequence[str] = ABLATED, effects: Effects = NO_EFFECTS
) -> pd.DataFrame:
    """Table 6: for each task, only good neurons (ratio 1), only bad neurons (ratio 0), and the best of all ratios."""
    entries = []
    for method in methods:
        for part in (*PARTS, BOTH):
            for task, evaluation, direction in _each(evaluations):
                if part == BOTH:
                    entries.append(best_entry(task, _best(task, evaluation, k, method, direction)))
                else:
                    row = _cell(task, evaluation, k, PARTS[part], method, direction)
                    entries.append(cell_entry(task, row, part))
    return frame(with_averages(with_side_effects(entries, effects)))


def parts_table(evaluations: Evaluations, k: int, effects: Effects = NO_EFFECTS) -> pd.DataFrame:
    """Table 3: averages of our method with only good, only bad, and both kinds of neurons."""
    return ablation_table(evaluations, k, (OURS,), effects)


def budget_table(
    evaluations: Evaluations, ks: Sequence[int], methods: Sequence[str], effects: Effects = NO_EFFECTS
) -> pd.DataFrame:
    """Table 7: every method at every budget, for each task and on average."""
    tables = [methods_table(evaluations, k, methods, effects) for k in ks]
    return pd.concat(tables, ignore_index=True)


def set_table(evaluations: Evaluations, k: int, name: str, effects: Effects = NO_EFFECTS) -> pd.DataFrame:
    """Table 5: one neuron set, such as the common neurons, on every task, at the best ratio of each task."""
    entries = [best_entry(t, _best(t, one, k, name, d)) for t, one, d in _each(evaluations)]
    return frame(with_averages(with_side_effects(entries, effects)))


def run_table(task: str, evaluation: Evaluation, effects: Effects = NO_EFFECTS) -> pd.DataFrame:
    """Every source of one run (methods, neuron sets and controls) at every budget, without averages."""
    entries = [best_entry(task, one, part="good" if one.source in GOOD_ONLY else BOTH) for one in evaluation.best]
    entries += [random_best_entry(task, one, one.source) for one in evaluation.random_best if one.source != RANDOM]
    entries += [random_cell_entry(task, one, RANDOM) for one in evaluation.random if one.source == RANDOM]
    return frame(with_side_effects(entries, effects))


def baseline_table(baselines: Mapping[str, Baseline], effects: Effects = NO_EFFECTS) -> pd.DataFrame:
    """Table 4: the unmodified model in percent, with 95% intervals over the examples.

    letter_mass is a probability. It and the perplexity of the neutral text are NaN if they were not measured.
    """
    rows = []
    for task, baseline in baselines.items():
        acc, com = baseline.acc_interval, baseline.com_interval
        row = {
            "task": task,
            "acc": 100 * baseline.acc,
            "acc_low": 100 * acc[0],
            "acc_high": 100 * acc[1],
            "com": 100 * baseline.com,
            "com_low": 100 * com[0],
            "com_high": 100 * com[1],
            "n_examples": baseline.n_examples,
            "n_questions": baseline.n_questions,
            "letter_mass": effects[task].letter_mass if task in effects else None,
            "perplexity": effects[task].perplexity if task in effects else None,
            "competent": baseline.competent,
            "complaint": baseline.complaint or "",
        }
        rows.append(row)
    return pd.DataFrame(rows).astype({"letter_mass": float, "perplexity": float})


def as_printed(table: pd.DataFrame, rows: Sequence[str] = ("method",), *, heldout: bool = False) -> pd.DataFrame:
    """A table of entries as the paper prints it: `RAC/RCC` or Fail, one column per task and direction.

    rows: the columns that identify a line, such as ("method",) or ("method", "part"). heldout: takes the held-out
    values instead.
    """
    names = ["heldout_rac", "heldout_rcc"] if heldout else ["rac", "rcc"]
    return spread_out(table, [change_text(rac, rcc) for rac, rcc in table[names].itertuples(index=False)], rows)


def _each(evaluations: Evaluations) -> list[tuple[str, Evaluation, Direction]]:
    """Yields (task, evaluation, direction), grouped by direction, so that entries to be averaged are neighbours."""
    return [(task, one, direction) for direction in DIRECTIONS for task, one in evaluations.items()]


def _method_entry(task: str, evaluation: Evaluation, k: int, method: str, direction: str) -> Entry:
    if method == RANDOM:
        for row in evaluation.random:
            if (row.source, row.k, row.direction) == (RANDOM, k, direction):
                return random_cell_entry(task, row, RANDOM)
        raise _missing(task, RANDOM, k, direction)
    if method in (RANDOM_BOTH, RANDOM_LOUD):
        for best in evaluation.random_best:
            if (best.source, best.k, best.direction) == (method, k, direction):
                return random_best_entry(task, best, method)
        raise _missing(task, method, k, direction)
    part = "good" if method in GOOD_ONLY else BOTH
    return best_entry(task, _best(task, evaluation, k, method, direction), part=part)


def _best(task: str, evaluation: Evaluation, k: int, source: str, direction: str) -> Best:
    for best in evaluation.best:
        if (best.source, best.k, best.direction) == (source, k, direction):
            return best
    raise _missing(task, source, k, direction)


def _cell(task: str, evaluation: Evaluation, k: int, ratio: float, source: str, direction: str) -> GridRow:
    for row in evaluation.grid:
        if (row.source, row.k, row.direction) == (source, k, direction) and isclose(row.ratio, ratio, abs_tol=1e-9):
            return row
    raise _missing(task, source, k, direction, f", ratio {ratio:g}")


def _missing(task: str, source: str, k: int, direction: str, more: str = "") -> ConfigError:
    return ConfigError(
        f"{source} with K = {k}{more}, {direction}, was not evaluated on {task}",
        accepted="evaluations of every task with this method and budget",
    )
