"""The entries of the paper's tables: RAC and RCC of one method on one task in one direction. No torch."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields

import pandas as pd

from neuron_core.control.interventions import Direction
from neuron_core.control.measures import Interval
from neuron_core.control.results import Best, GridRow, RandomBest, RandomRow, Verdict
from neuron_core.control.tally import verdict

AVERAGE = "average"
BOTH = "both"


@dataclass(frozen=True)
class Entry:
    """One entry of a table. RAC and RCC are percent of the baseline, positive in the intended direction."""

    method: str
    "name of a method or of a neuron set"
    task: str
    'task that was evaluated, or "average"'
    direction: Direction
    k: int
    part: str
    "the role of the neurons that the budget is spent on: good, bad or both"
    ratio: float | None
    "share of good neurons; None for averages, and for random sets at their best ratios, which differ"
    rac: float | None
    "None where undefined"
    rcc: float | None
    rac_low: float | None
    "ends of the 95% interval; for random sets, of the range over seeds; None for an average"
    rac_high: float | None
    rcc_low: float | None
    rcc_high: float | None
    heldout_rac: float | None
    "RAC with the ratio chosen on one half of the examples and measured on the other; equals rac if nothing is chosen"
    heldout_rcc: float | None
    heldout_rac_low: float | None
    heldout_rac_high: float | None
    heldout_rcc_low: float | None
    heldout_rcc_high: float | None
    verdict: Verdict
    n_tasks: int = 1
    "number of tasks in an average"
    n_undefined: int = 0
    "number of tasks with an undefined RAC or RCC; each is left out of the average of that measure"
    letter_mass: float | None = None
    "P(A) + … + P(D) within the vocabulary under this intervention, mean over questions; None if not measured"
    perplexity: float | None = None
    "perplexity of the neutral text under this intervention; for random+, under one of its sets"
    unmodified_letter_mass: float | None = None
    unmodified_perplexity: float | None = None


COLUMNS = [field.name for field in fields(Entry)]
MEASURES = ("rac", "rcc", "heldout_rac", "heldout_rcc")
SIDE_EFFECTS = ("letter_mass", "perplexity", "unmodified_letter_mass", "unmodified_perplexity")


def best_entry(task: str, best: Best, method: str | None = None, part: str = BOTH) -> Entry:
    """The entry of a budget's best ratio, with its held-out value."""
    return _entry(method or best.source, task, part, best, best.ratio, heldout=best)


def cell_entry(task: str, row: GridRow, part: str, method: str | None = None) -> Entry:
    """The entry of one cell of the grid. Its ratio was not chosen by its effect, so held-out values are the same."""
    return _entry(method or row.source, task, part, row, row.ratio, heldout=None)


def random_cell_entry(task: str, row: RandomRow, method: str) -> Entry:
    """The entry of random sets at one ratio: means and ranges over the seeds."""
    return _entry(method, task, "good", row, row.ratio, heldout=None)


def random_best_entry(task: str, best: RandomBest, method: str) -> Entry:
    """The entry of random sets, each at its own best ratio: means and ranges over the seeds."""
    ranges = {f"{name}_{end}": getattr(best, f"{name}_{end}") for name in MEASURES for end in ("low", "high")}
    return Entry(
        method=method,
        task=task,
        direction=best.direction,
        k=best.k,
        part=BOTH,
        ratio=None,
        **{name: getattr(best, name) for name in MEASURES},
        **ranges,
        verdict=verdict(best.rac, best.rcc),
    )


def average_entry(entries: Sequence[Entry]) -> Entry:
    """The mean over tasks of the signed values. Undefined values are left out and counted.

    Side effects are averaged over the tasks for which they were measured.
    """
    means = {name: _mean([getattr(entry, name) for entry in entries]) for name in (*MEASURES, *SIDE_EFFECTS)}
    first = entries[0]
    return Entry(
        method=first.method,
        task=AVERAGE,
        direction=first.direction,
        k=first.k,
        part=first.part,
        ratio=None,
        **means,
        **{f"{name}_{end}": None for name in MEASURES for end in ("low", "high")},
        verdict=verdict(means["rac"], means["rcc"]),
        n_tasks=len(entries),
        n_undefined=sum(entry.verdict == "undefined" for entry in entries),
    )


def with_averages(entries: Iterable[Entry]) -> list[Entry]:
    """Adds the mean over tasks after the entries of each (method, K, part, direction)."""
    groups: dict[tuple[object, ...], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.method, entry.k, entry.part, entry.direction), []).append(entry)
    return [one for group in groups.values() for one in (*group, average_entry(group))]


def frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """One row per entry. Numbers are float64; undefined ones are NaN."""
    table = pd.DataFrame([asdict(entry) for entry in entries], columns=COLUMNS)
    numbers = ["ratio", *(f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high")), *SIDE_EFFECTS]
    return table.astype(dict.fromkeys(numbers, float))


def change_text(rac: float | None, rcc: float | None, digits: int = 1) -> str:
    """An entry as text: `53.3/64.0`, `Fail (−3.0/12.0)` or `undefined`."""
    if _undefined(rac) or _undefined(rcc):
        known = [f"{value:.{digits}f}" for value in (rac, rcc) if value is not None and not math.isnan(value)]
        return "undefined" if not known else f"undefined ({'RAC' if _undefined(rcc) else 'RCC'} {known[0]})"
    assert rac is not None
    assert rcc is not None
    # Adding 0 after rounding turns -0 into 0.
    pair = "/".join(f"{round(value, digits) + 0.0:.{digits}f}" for value in (rac, rcc))
    return f"Fail ({pair})" if verdict(rac, rcc) == "fail" else pair


def _undefined(value: float | None) -> bool:
    return value is None or math.isnan(value)


def _entry(
    method: str, task: str, part: str, row: Best | GridRow, ratio: float | None, *, heldout: Best | None
) -> Entry:
    rac_low, rac_high = _ends(row.rac_interval)
    rcc_low, rcc_high = _ends(row.rcc_interval)
    out_rac, out_rcc = (heldout.heldout_rac, heldout.heldout_rcc) if heldout else (row.rac, row.rcc)
    out_rac_low, out_rac_high = _ends(heldout.heldout_rac_interval if heldout else row.rac_interval)
    out_rcc_low, out_rcc_high = _ends(heldout.heldout_rcc_interval if heldout else row.rcc_interval)
    return Entry(
        method=method,
        task=task,
        direction=row.direction,
        k=row.k,
        part=part,
        ratio=ratio,
        rac=row.rac,
        rcc=row.rcc,
        rac_low=rac_low,
        rac_high=rac_high,
        rcc_low=rcc_low,
        rcc_high=rcc_high,
        heldout_rac=out_rac,
        heldout_rcc=out_rcc,
        heldout_rac_low=out_rac_low,
        heldout_rac_high=out_rac_high,
        heldout_rcc_low=out_rcc_low,
        heldout_rcc_high=out_rcc_high,
        verdict=row.verdict,
    )


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if interval is None else interval


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None
