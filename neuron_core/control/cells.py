"""The rows of a grid: each intervention compared with the baseline, and the random control sets. No torch."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from neuron_core.control.competence import LETTERS, by_letter, letter_free_fields, letter_shares, preference_fields
from neuron_core.control.interventions import Direction, Intervention, control_family
from neuron_core.control.letter_free import LetterSamples, is_rotated, letter_samples, letter_use
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.control.results import GridRow, RandomRow
from neuron_core.control.tally import (
    SIGN,
    Tally,
    intervals,
    mean_and_range,
    number_or_none,
    relative_change,
    verdict,
)

COLUMNS_AT_ONCE = 256
RANGED = ("content_acc", "content_margin", "acc_letters_removed", "rac_content", "rac_letters", "acc_beyond_content")
"measures of random sets whose interval is the range over the seeds"


def grid_rows(
    p: OptionProbabilities,
    plan: Sequence[Intervention],
    chosen: Sequence[int],
    position: str,
    counts: Tally,
    weights: NDArray[np.float64],
) -> list[GridRow]:
    """One row for each of the chosen places in the plan. Without weights, the intervals are None."""
    rows: list[GridRow] = []
    for start in range(0, len(chosen), COLUMNS_AT_ONCE):
        part = chosen[start : start + COLUMNS_AT_ONCE]
        columns = [0, *(1 + i for i in part)]
        sign = np.array([SIGN[plan[i].direction] for i in part])
        n_right, n_comprehended = counts.right[:, columns], counts.comprehended[:, columns]
        right, comprehended = n_right.sum(axis=0), n_comprehended.sum(axis=0)
        rac, rcc = (relative_change(sums[1:], sums[:1], sign) for sums in (right, comprehended))
        rac_intervals, rcc_intervals = (
            intervals(relative_change(sums[:, 1:], sums[:, :1], sign))
            for sums in (weights @ n_right, weights @ n_comprehended)
        )
        every = np.concatenate([np.ones((1, weights.shape[1])), weights])
        samples = letter_samples(p, columns, every)
        own_acc = (every @ n_right) / (every @ counts.n_questions)[:, None]
        use = letter_use(p, columns)
        removed = relative_change(samples.removed[:, 1:], samples.removed[:, :1], sign)
        own = relative_change(own_acc[:, 1:], own_acc[:, :1], sign)
        content_intervals, letters_intervals = intervals(removed[1:]), intervals((own - removed)[1:])
        beyond = _beyond_content(p, own_acc, samples, sign)
        beyond_intervals = [None] * len(part) if beyond is None else intervals(beyond[1:])
        values = p.values[:, columns[1:]]
        p_correct = np.take_along_axis(values, p.targets[:, None, None].astype(np.intp), axis=2)[..., 0]
        mean_p, letters = p_correct.mean(axis=0, dtype=np.float64), letter_shares(values)
        for i, place in enumerate(part):
            one = plan[place]
            rac_i, rcc_i = number_or_none(rac[i]), number_or_none(rcc[i])
            rows.append(
                GridRow(
                    k=one.k,
                    ratio=one.ratio,
                    direction=one.direction,
                    position=position,
                    source=one.source,
                    n_good=len(one.good),
                    n_bad=len(one.bad),
                    acc=float(right[1 + i] / len(p.values)),
                    com=float(comprehended[1 + i] / len(counts.right)),
                    rac=rac_i,
                    rcc=rcc_i,
                    rac_interval=rac_intervals[i],
                    rcc_interval=rcc_intervals[i],
                    mean_p_correct=float(mean_p[i]),
                    letters=by_letter(letters[i]),
                    verdict=verdict(rac_i, rcc_i),
                    excite=one.excite,
                    silence=one.silence,
                    **letter_free_fields(samples, 1 + i),
                    **preference_fields(use, 1 + i),
                    rac_content=number_or_none(removed[0, i]),
                    rac_content_interval=content_intervals[i],
                    rac_letters=number_or_none(own[0, i] - removed[0, i]),
                    rac_letters_interval=letters_intervals[i],
                    acc_beyond_content=None if beyond is None else number_or_none(beyond[0, i]),
                    acc_beyond_content_interval=beyond_intervals[i],
                )
            )
    return rows


def _beyond_content(
    p: OptionProbabilities, acc: NDArray[np.float64], samples: LetterSamples, sign: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """EffectParts.acc_beyond_content in the sample and in each resample, (1 + B, C), without the baseline.

    acc: accuracy, (1 + B, 1 + C). None without rotations, because only with rotations is content accuracy independent
    of the preference for letters.
    """
    if samples.content_acc is None or not is_rotated(p):
        return None
    rest = acc - samples.content_acc
    found: NDArray[np.float64] = sign * (rest[:, 1:] - rest[:, :1])
    return found


def random_rows(rows: Sequence[GridRow]) -> tuple[RandomRow, ...]:
    """The random control sets: one row for each (family, K, ratio, direction), with means over the seeds."""
    cells: dict[tuple[str | None, int, float, Direction], list[GridRow]] = {}
    for row in rows:
        cells.setdefault((control_family(row.source), row.k, row.ratio, row.direction), []).append(row)
    band = []
    for (family, *_), seeds in cells.items():
        spread = mean_and_range(seeds, ("acc", "com", "rac", "rcc"))
        for name in ("rac", "rcc"):
            low, high = spread[f"{name}_low"], spread[f"{name}_high"]
            spread[f"{name}_interval"] = None if low is None else (low, high)
        letter_free = mean_and_range(seeds, RANGED)
        for name in RANGED:
            low, high = letter_free[f"{name}_low"], letter_free[f"{name}_high"]
            spread |= {name: letter_free[name], f"{name}_interval": None if low is None else (low, high)}
        spread["letter_spread"] = float(np.mean([row.letter_spread or 0.0 for row in seeds]))
        for name in ("letter_preference", "variance_shares"):
            spread[name] = _mean_of([getattr(row, name) for row in seeds])
        spread["mean_p_correct"] = float(np.mean([row.mean_p_correct for row in seeds]))
        spread["letters"] = {letter: float(np.mean([row.letters[letter] for row in seeds])) for letter in LETTERS}
        spread["verdict"] = verdict(spread["rac"], spread["rcc"])
        band.append(RandomRow(**asdict(seeds[0]) | spread | {"source": family, "n_seeds": len(seeds)}))
    return tuple(band)


def _mean_of(parts: Sequence[dict[str, float] | None]) -> dict[str, float] | None:
    """Name → the mean over `parts`; None if one of them is None."""
    there = [part for part in parts if part is not None]
    if len(there) < len(parts):
        return None
    return {name: float(np.mean([part[name] for part in there])) for name in there[0]}
