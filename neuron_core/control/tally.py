"""Right answers counted by example, and bootstrap resamples as weights of those counts. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_core.control.interventions import Direction
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.control.results import Interval, Verdict
from neuron_core.qatt.proxies import comprehension

SIGN: dict[Direction, float] = {"enhancer": 1.0, "degrader": -1.0}
PERCENTILES = (2.5, 97.5)


@dataclass(frozen=True, eq=False)
class Tally:
    """Answers of every example in every column; column 0 is the unmodified model."""

    right: NDArray[np.float64]
    "questions answered right, shape (E, 1 + interventions)"
    comprehended: NDArray[np.float64]
    "1 where two of the example's three questions are right, or three of four, shape (E, 1 + interventions)"
    n_questions: NDArray[np.float64]
    "questions of each example, shape (E,)"


def tally(p: OptionProbabilities) -> Tally:
    """Counts by example, in ascending order of the examples' numbers."""
    _, row, n_questions = np.unique(p.examples, return_inverse=True, return_counts=True)
    right = np.zeros((len(n_questions), p.values.shape[1]))
    np.add.at(right, row, p.correct)
    comprehended = right >= comprehension(n_questions)[:, None]
    return Tally(right, comprehended.astype(np.float64), n_questions.astype(np.float64))


def resample_weights(strata: NDArray[np.int64], resamples: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """How often each example is drawn, as many from each stratum as it has. strata: (E,) → (resamples, E)."""
    weights = np.zeros((resamples, len(strata)))
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        share = np.full(len(members), 1 / len(members))
        weights[:, members] = generator.multinomial(len(members), share, size=resamples)
    return weights


def relative_change(
    counts: NDArray[np.float64], baseline: NDArray[np.float64], sign: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """RAC or RCC in percent: sign · (counts − baseline) / baseline; NaN where the baseline is 0."""
    change = np.asarray(sign * (counts - baseline) * 100)
    whole = np.broadcast_to(baseline, change.shape)
    # The sum with 0 turns the -0 of an unchanged degrader into 0.
    return np.divide(change, whole, out=np.full(change.shape, np.nan), where=whole > 0) + 0.0


def intervals(samples: NDArray[np.float64]) -> list[Interval | None]:
    """95% interval of each column, NaN rows left out; None when fewer than half remain. (B, C) → C."""
    defined = ~np.isnan(samples).any(axis=1)
    if not defined.any() or 2 * defined.sum() < len(samples):
        return [None] * samples.shape[1]
    low, high = np.percentile(samples[defined], PERCENTILES, axis=0)
    return [(float(a), float(b)) for a, b in zip(low, high, strict=True)]


def number_or_none(value: float) -> float | None:
    """None for the NaN that stands for an undefined change inside an array."""
    return None if np.isnan(value) else float(value)


def verdict(rac: float | None, rcc: float | None) -> Verdict:
    """undefined without a baseline, fail when either is negative; zero is not."""
    if rac is None or rcc is None:
        return "undefined"
    return "fail" if rac < 0 or rcc < 0 else "ok"


def mean_and_range(rows: Sequence[object], names: Sequence[str]) -> dict[str, Any]:
    """Fields NAME, NAME_low and NAME_high over the rows that define them; None where none does."""
    found: dict[str, Any] = {}
    for name in names:
        values = [getattr(row, name) for row in rows if getattr(row, name) is not None]
        found[name] = float(np.mean(values)) if values else None
        found[f"{name}_low"], found[f"{name}_high"] = min(values, default=None), max(values, default=None)
    return found
