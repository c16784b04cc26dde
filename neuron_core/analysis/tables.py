"""The paper's tables from the evaluations of several tasks, one row an entry. No torch."""

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
from neuron_core.analysis.table_side_effects import Effects, beside, spread_out
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
"the ratio at which only one kind of neuron is used"
ORIGINAL_AND_ENABLED = (("tn", "tn+"), ("qrnca", "qrnca+"))
ABLATED = ("ace", "tn+", "qrnca+")


def methods_table(
    evaluations: Evaluations, k: int, methods: Sequence[str], effects: Effects = NO_EFFECTS
) -> pd.DataFrame:
    """Table 1: every method on every task, and their averages, each at its best ratio.

    Methods that find good neurons only have one ratio, 1: nothing is chosen. ConfigError for a missing evaluation.
    effects: task → side effects, of the tasks whose run has measured them; so in every table of this module.
    """
    entries = [_method_entry(task, one, k, method, d) for method in methods for task, one, d in _each(evaluations)]
    return frame(with_averages(beside(entries, effects)))


def enabled_table(evaluations: Evaluations, k: int, effects: Effects = NO_EFFECTS) -> pd.DataFrame:
    """Table 2: rivals that find good neurons only, beside themselves with bad neurons; averages are its entries."""
    return methods_table(evaluations, k, [method for pair in ORIGINAL_AND_ENABLED for method in pair], effects)


def ablation_table(
    evaluations: Evaluations, k: int, methods: Sequence[str] = ABLATED, effects: Effects = NO_EFFECTS
) -> pd.DataFrame:
    """Table 6: good neurons alone (ratio 1), bad ones alone (ratio 0), and the best of all ratios, by task."""
    entries = []
    for method in methods:
        for part in (*PARTS, BOTH):
            for task, evaluation, direction in _each(evaluations):
                if part == BOTH:
                    entries.append(best_entry(task, _best(task, evaluation, k, method, direction)))
                else:
                    row = _cell(task, evaluation, k, PARTS[part], method, direction)
                    entries.append(cell_entry(task, row, part))
    return frame(with_averages(beside(entries, effects)))


def parts_table(evaluations: Evaluations, k: int, effects: Effects = NO_EFFECTS) -> pd.DataFrame:
    """Table 3: good, bad and both neurons of our method; averages are its entries."""
    return ablation_table(evaluations, k, (OURS,), effects)


def budget_table(
    evaluations: Evaluations, ks: Sequence[int], methods: Sequence[str], effects: Effects = NO_EFFECTS
) -> pd.DataFrame:
    """Table 7: every method at every budget, by task and averaged."""
    tables = [methods_table(evaluations, k, methods, effects) for k in ks]
    return pd.concat(tables, ignore_index=True)


def set_table(evaluations: Evaluations, k: int, name: str, effects: Effects = NO_EFFECTS) -> pd.DataFrame:
    """Table 5: one neuron set, as the common neurons are, on every task, at the best ratio of each."""
    entries = [best_entry(t, _best(t, one, k, name, d)) for t, one, d in _each(evaluations)]
    return frame(with_averages(beside(entries, effects)))


def run_table(task: str, evaluation: Evaluation, effects: Effects = NO_EFFECTS) -> pd.DataFrame:
    """Every source of one run at every budget, methods, neuron sets and controls alike, without averages."""
    entries = [best_entry(task, one, part="good" if one.source in GOOD_ONLY else BOTH) for one in evaluation.best]
    entries += [random_best_entry(task, one, one.source) for one in evaluation.random_best if one.source != RANDOM]
    entries += [random_cell_entry(task, one, RANDOM) for one in evaluation.random if one.source == RANDOM]
    return frame(beside(entries, effects))


def baseline_table(baselines: Mapping[str, Baseline], effects: Effects = NO_EFFECTS) -> pd.DataFrame:
    """Table 4: the unmodified model, in percent, with 95% intervals over the examples.

    letter_mass is a probability; NaN, as the perplexity of the neutral text, where it was not measured.
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
    """A table of entries the way the paper prints it: `RAC/RCC` or Fail, a column a task and direction.

    rows: the columns that name a line, as ("method",) or ("method", "part"). heldout: the held-out values instead.
    """
    names = ["heldout_rac", "heldout_rcc"] if heldout else ["rac", "rcc"]
    return spread_out(table, [change_text(rac, rcc) for rac, rcc in table[names].itertuples(index=False)], rows)


def _each(evaluations: Evaluations) -> list[tuple[str, Evaluation, Direction]]:
    """(task, evaluation, direction), direction by direction: entries that are averaged stand together."""
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
