"""The best ratio of a budget, chosen as in the paper and chosen on held-out examples. No torch."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neuron_core.control.competence import letter_free_fields
from neuron_core.control.interventions import Direction, Intervention, control_family
from neuron_core.control.letter_free import letter_samples
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.control.results import Best, RandomBest
from neuron_core.control.tally import (
    SIGN,
    Tally,
    intervals,
    mean_and_range,
    number_or_none,
    relative_change,
    resample_weights,
    verdict,
)


def halves_of(n_examples: int, seed: int) -> NDArray[np.int64]:
    """Splits the examples at random into two halves: 0 or 1 for each, shape (E,). Sizes differ by at most one."""
    halves = np.zeros(n_examples, dtype=np.int64)
    halves[np.random.default_rng([seed, 1]).permutation(n_examples)[n_examples // 2 :]] = 1
    return halves


def best_ratios(
    p: OptionProbabilities,
    counts: Tally,
    plan: Sequence[Intervention],
    columns: Sequence[int],
    seed: int,
    resamples: int,
    strata: Sequence[int] | None = None,
) -> tuple[Best, ...]:
    """The best ratio for each (source, K, direction) among `columns` of the plan, in the order of the plan.

    With resamples=0, all intervals are None.
    """
    halves = halves_of(len(counts.right), seed)
    # Resamples keep the size of both halves and, within each, of every stratum.
    parts = halves if strata is None else halves + 2 * np.asarray(strata, dtype=np.int64)
    drawn = resample_weights(parts, resamples, np.random.default_rng([seed, 2]))
    # Row 0 is the sample itself. The ratio is chosen for it and for every resample in the same way.
    weights = np.concatenate([np.ones((1, len(halves))), drawn])
    groups: dict[tuple[str, int, Direction], list[int]] = {}
    for column in columns:
        one = plan[column]
        groups.setdefault((one.source, one.k, one.direction), []).append(column)
    found = []
    for (source, k, direction), group in groups.items():
        group.sort(key=lambda column: (round(abs(plan[column].ratio - 0.5), 6), plan[column].ratio))
        first, second = (_Sums(counts, group, SIGN[direction], weights * (halves == half)) for half in (0, 1))
        whole = _Sums(counts, group, SIGN[direction], weights)
        chosen, first_chosen, second_chosen = whole.choose(), first.choose(), second.choose()
        rac, rcc = whole.changes(chosen)
        heldout_rac, heldout_rcc = (
            (a + b) / 2 for a, b in zip(second.changes(first_chosen), first.changes(second_chosen), strict=True)
        )
        samples = letter_samples(p, [0, *(1 + column for column in group)], weights)
        removed = samples.removed
        rac_content = relative_change(removed[np.arange(len(removed)), 1 + chosen], removed[:, 0], SIGN[direction])
        point = [number_or_none(values[0]) for values in (rac, rcc, heldout_rac, heldout_rcc)]
        spread = [intervals(values[1:, None])[0] for values in (rac, rcc, heldout_rac, heldout_rcc)]
        found.append(
            Best(
                k=k,
                direction=direction,
                source=source,
                ratio=plan[group[chosen[0]]].ratio,
                rac=point[0],
                rcc=point[1],
                verdict=verdict(point[0], point[1]),
                heldout_rac=point[2],
                heldout_rcc=point[3],
                heldout_ratios=(plan[group[first_chosen[0]]].ratio, plan[group[second_chosen[0]]].ratio),
                rac_interval=spread[0],
                rcc_interval=spread[1],
                heldout_rac_interval=spread[2],
                heldout_rcc_interval=spread[3],
                **letter_free_fields(samples, 0, 1 + chosen),
                rac_content=number_or_none(rac_content[0]),
                rac_content_interval=intervals(rac_content[1:, None])[0],
                rac_letters=number_or_none((rac - rac_content)[0]),
                rac_letters_interval=intervals((rac - rac_content)[1:, None])[0],
            )
        )
    return tuple(found)


class _Sums:
    """Weighted counts of correct answers and comprehended examples for a group's columns, one row per resample."""

    def __init__(self, counts: Tally, group: Sequence[int], sign: float, weights: NDArray[np.float64]) -> None:
        columns = [0, *(1 + column for column in group)]
        self.sign = sign
        self.right = weights @ counts.right[:, columns]
        self.comprehended = weights @ counts.comprehended[:, columns]

    def choose(self) -> NDArray[np.intp]:
        """The place in the group of the highest RAC + RCC, or the first of equal ones, shape (B,)."""
        acc, com = self.right[:, :1], self.comprehended[:, :1]
        # RAC + RCC times both baselines. These are whole numbers, so that ties are exact.
        gain_acc = (self.right[:, 1:] - acc) * np.where(acc > 0, np.maximum(com, 1), 0)
        gain_com = (self.comprehended[:, 1:] - com) * np.where(com > 0, np.maximum(acc, 1), 0)
        return np.argmax(self.sign * (gain_acc + gain_com), axis=1)

    def changes(self, chosen: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """RAC and RCC of the chosen columns in percent, each of shape (B,); NaN where undefined."""
        rows = np.arange(len(chosen))
        rac, rcc = (
            relative_change(sums[rows, 1 + chosen], sums[:, 0], self.sign) for sums in (self.right, self.comprehended)
        )
        return rac, rcc


def random_best(best: Sequence[Best]) -> tuple[RandomBest, ...]:
    """Means and ranges over the seeds of the best ratios of random control sets."""
    cells: dict[tuple[str, int, Direction], list[Best]] = {}
    for one in best:
        family = control_family(one.source)
        assert family is not None
        cells.setdefault((family, one.k, one.direction), []).append(one)
    return tuple(
        RandomBest(
            source=source,
            k=k,
            direction=direction,
            n_seeds=len(seeds),
            **mean_and_range(seeds, ("rac", "rcc", "heldout_rac", "heldout_rcc")),
        )
        for (source, k, direction), seeds in cells.items()
    )
