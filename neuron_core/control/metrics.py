"""Acc, Com, RAC and RCC of a grid of interventions (paper, section 4). No torch."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neuron_core.control.cells import grid_rows, random_rows
from neuron_core.control.choice import best_ratios, random_best
from neuron_core.control.competence import LETTERS, measured_baseline
from neuron_core.control.interventions import Intervention, control_family
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.control.results import (
    Baseline,
    Best,
    Evaluation,
    Flip,
    GridRow,
    QuestionRow,
    RandomBest,
    RandomRow,
    evaluation_from_dict,
    evaluation_to_dict,
)
from neuron_core.control.tally import Tally, resample_weights, tally
from neuron_core.errors import ConfigError

__all__ = [
    "Baseline",
    "Best",
    "Evaluation",
    "GridRow",
    "QuestionRow",
    "RandomBest",
    "RandomRow",
    "baseline_of",
    "evaluate",
    "evaluation_from_dict",
    "evaluation_to_dict",
    "question_rows",
]


def evaluate(
    p: OptionProbabilities,
    plan: Sequence[Intervention],
    position: str = "last",
    seed: int = 0,
    resamples: int = 1000,
    strata: Sequence[int] | None = None,
) -> Evaluation:
    """Evaluates all interventions of a plan. Column 0 of `p` is the baseline, column 1 + i is plan[i].

    Control sets are summed up as random rows; all other interventions become rows of the grid. strata: the stratum of
    each example, (E,), within which resamples are drawn; None means a single stratum. An empty plan gives the baseline
    alone. Raises ConfigError if `p` has no question, if its columns do not match the plan, or without resamples.
    """
    _check(p, plan)
    counts = tally(p)
    weights = _weights(counts, seed, resamples, strata)
    ours = [i for i, one in enumerate(plan) if control_family(one.source) is None]
    controls = [i for i, one in enumerate(plan) if control_family(one.source) is not None]
    rows = grid_rows(p, plan, ours, position, counts, weights)
    # Random rows report the range over seeds, so intervals of single seeds are not computed.
    random = grid_rows(p, plan, controls, position, counts, weights[:0])
    return Evaluation(
        baseline=measured_baseline(p, counts, weights),
        grid=tuple(rows),
        random=random_rows(random),
        best=best_ratios(p, counts, plan, ours, seed, resamples, strata),
        random_best=random_best(best_ratios(p, counts, plan, controls, seed, 0)),
    )


def baseline_of(p: OptionProbabilities, seed: int = 0, resamples: int = 1000) -> Baseline:
    """The unmodified model, column 0 of `p`. Other columns are ignored. Raises as `evaluate`."""
    _check_questions(p)
    counts = tally(p)
    return measured_baseline(p, counts, _weights(counts, seed, resamples))


def question_rows(p: OptionProbabilities, plan: Sequence[Intervention], index: int) -> tuple[QuestionRow, ...]:
    """Every question without and with intervention plan[index]. Raises ConfigError if there is no such intervention."""
    _check(p, plan)
    if not 0 <= index < len(plan):
        raise ConfigError(f"there is no intervention {index}", accepted=f"0 to {len(plan) - 1}")
    before, after = p.values[:, 0], p.values[:, 1 + index]
    rows = []
    for q, correct in enumerate(p.targets.tolist()):
        old, new = int(before[q].argmax()), int(after[q].argmax())
        rows.append(
            QuestionRow(
                question_id=p.question_ids[q],
                example=int(p.examples[q]),
                correct_letter=LETTERS[correct],
                baseline_letter=LETTERS[old],
                new_letter=LETTERS[new],
                p_correct_before=float(before[q, correct]),
                p_correct_after=float(after[q, correct]),
                flip=_flip(old, new, correct),
            )
        )
    return tuple(rows)


def _flip(old: int, new: int, correct: int) -> Flip:
    if old == new:
        return "same"
    if correct in (old, new):
        return "gained" if new == correct else "lost"
    return "changed"


def _check(p: OptionProbabilities, plan: Sequence[Intervention]) -> None:
    _check_questions(p)
    if p.values.shape[1] != 1 + len(plan):
        raise ConfigError(
            f"probabilities of {p.values.shape[1]} columns for a plan of {len(plan)} interventions",
            accepted="one column for the baseline and one for each intervention",
        )


def _check_questions(p: OptionProbabilities) -> None:
    if len(p.values) == 0:
        raise ConfigError("the evaluation has no questions", accepted="at least one question")


def _weights(counts: Tally, seed: int, resamples: int, strata: Sequence[int] | None = None) -> NDArray[np.float64]:
    if resamples < 1:
        raise ConfigError(f"{resamples} resamples", accepted="1 or more")
    if strata is not None and len(strata) != len(counts.right):
        raise ConfigError(f"strata of {len(strata)} examples for {len(counts.right)}", accepted="one for each example")
    found = np.zeros(len(counts.right), dtype=np.int64) if strata is None else np.asarray(strata, dtype=np.int64)
    return resample_weights(found, resamples, np.random.default_rng([seed, 0]))
