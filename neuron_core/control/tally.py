"""Counts correct answers for each example, and draws bootstrap resamples as weights of the examples. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_core.control.interventions import Direction
from neuron_core.control.measures import Interval
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.control.results import Verdict
from neuron_core.qatt.proxies import comprehension

SIGN: dict[Direction, float] = {"enhancer": 1.0, "degrader": -1.0}
PERCENTILES = (2.5, 97.5)


@dataclass(frozen=True, eq=False)
class Tally:
    """Counts of correct answers for every example and column. Column 0 is the unmodified model."""

    right: NDArray[np.float64]
    "number of questions answered correctly, shape (E, 1 + interventions)"
    comprehended: NDArray[np.float64]
    "1 if two of the example's three questions (three of four) are correct, else 0, shape (E, 1 + interventions)"
    n_questions: NDArray[np.float64]
    "number of questions of each example, shape (E,)"


def tally(p: OptionProbabilities) -> Tally:
    """Counts the answers of each example, in ascending order of the examples' numbers."""
    _, row, n_questions = np.unique(p.examples, return_inverse=True, return_counts=True)
    right = np.zeros((len(n_questions), p.values.shape[1]))
    np.add.at(right, row, p.correct)
    comprehended = right >= comprehension(n_questions)[:, None]
    return Tally(right, comprehended.astype(np.float64), n_questions.astype(np.float64))


def resample_weights(strata: NDArray[np.int64], resamples: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """How often each example is drawn in each resample, (resamples, E). strata: (E,), within which examples are
    drawn.
    """
    weights = np.zeros((resamples, len(strata)))
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        share = np.full(len(members), 1 / len(members))
        weights[:, members] = generator.multinomial(len(members), share, size=resamples)
    return weights


def relative_change(
    counts: NDArray[np.float64], baseline: NDArray[np.float64], sign: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """RAC or RCC in percent: 100 · sign · (counts − baseline) / baseline. NaN where the baseline is 0."""
    change = np.asarray(sign * (counts - baseline) * 100)
    whole = np.broadcast_to(baseline, change.shape)
    # Adding 0 turns the -0 of an unchanged degrader into 0.
    return np.divide(change, whole, out=np.full(change.shape, np.nan), where=whole > 0) + 0.0


def intervals(samples: NDArray[np.float64]) -> list[Interval | None]:
    """The 95% interval of each column of (B, C) samples. NaN rows are left out; None if fewer than half are left."""
    defined = ~np.isnan(samples).any(axis=1)
    if not defined.any() or 2 * defined.sum() < len(samples):
        return [None] * samples.shape[1]
    low, high = np.percentile(samples[defined], PERCENTILES, axis=0)
    return [(float(a), float(b)) for a, b in zip(low, high, strict=True)]


def number_or_none(value: float) -> float | None:
    """The value as a number, or None for NaN, which marks an undefined change."""
    return None if np.isnan(value) else float(value)


def verdict(rac: float | None, rcc: float | None) -> Verdict:
    """`undefined` if either change is None, `fail` if either is negative (zero is not), else `ok`."""
    if rac is None or rcc is None:
        return "undefined"
    return "fail" if rac < 0 or rcc < 0 else "ok"


def mean_and_range(rows: Sequence[object], names: Sequence[str]) -> dict[str, Any]:
    """NAME, NAME_low and NAME_high: mean and range over the rows with a value; None if no row has one."""
    found: dict[str, Any] = {}
    for name in names:
        values = [getattr(row, name) for row in rows if getattr(row, name) is not None]
        found[name] = float(np.mean(values)) if values else None
        found[f"{name}_low"], found[f"{name}_high"] = min(values, default=None), max(values, default=None)
    return found
