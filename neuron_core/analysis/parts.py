"""The part that several tasks' content scores share, the part of each task alone, and their effects. No torch.

The content scores of different tasks are nearly the same vector: most of the neurons that they find serve the answering
of any question with four options. The sum of the scores, each scaled to length 1, is this common part. What is left
when it is banned from a task's ranking, or subtracted from its scores, is the task's own part (docs/method.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_core.analysis.common import same_model
from neuron_core.analysis.letter_free import letter_free_columns
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.selection import dense_ranking
from neuron_core.control.interventions import Direction
from neuron_core.control.results import Baseline, Evaluation, GridRow, RandomRow
from neuron_core.errors import ConfigError, first_of

Mode = Literal["ban", "subtract"]
MODES: tuple[Mode, ...] = ("ban", "subtract")
PART_MEASURES = ("content_margin", "content_acc", "acc_letters_removed", "acc", "rac", "rac_content", "rac_letters")
"fields of GridRow that a matrix can show"


@dataclass(frozen=True, eq=False)
class TaskParts:
    """The common part and the tasks' own parts of several tasks' content scores."""

    mode: Mode
    depth: int
    "number of common neurons that are banned from every task's ranking"
    answering: NeuronRanking
    "the common part, Σ_t S_t/‖S_t‖, as a ranking: the neurons of answering, which can be intervened on like any set"
    own: dict[str, NeuronRanking]
    "task → its ranking without the common part"
    banned: NDArray[np.int32]
    "(layer, index) of the neurons with the largest |common part|, in that order, shape (depth, 2)"
    correlations: pd.DataFrame
    "cosines between the tasks' scores, tasks by tasks"


def dense_scores(ranking: NeuronRanking) -> NDArray[np.float64]:
    """The score of every neuron of the model, shape (L, I); 0 for neurons that are not in the ranking."""
    scores = np.zeros((ranking.n_layers, ranking.n_neurons))
    scores[tuple(ranking.neurons.T)] = ranking.scores
    return scores


def task_parts(rankings: Mapping[str, NeuronRanking], depth: int, mode: Mode = "ban") -> TaskParts:
    """Splits the tasks' rankings by `content` into their common part and each task's own part.

    mode ban: the `depth` neurons with the largest |Σ_t S_t/‖S_t‖| are left out of every task's ranking. mode subtract:
    from S_t/‖S_t‖ its mean over the tasks is subtracted. Raises ConfigError for fewer than two tasks, for rankings of
    different models or without a neuron, and for a depth outside of 1 to half of the neurons.
    """
    if mode not in MODES:
        raise ConfigError(f"unknown way {mode!r} to take out the common part", accepted=", ".join(MODES))
    n_layers, n_neurons = same_model(rankings)
    if not 1 <= depth <= n_layers * n_neurons // 2:
        raise ConfigError(f"{depth} common neurons", accepted=f"1 to {n_layers * n_neurons // 2}")
    scores = {task: dense_scores(ranking) for task, ranking in rankings.items()}
    if empty := [task for task, one in scores.items() if not one.any()]:
        raise ConfigError(f"the ranking of {empty[0]} has no neuron", accepted="a finished attribution by content")
    unit = {task: one / np.linalg.norm(one) for task, one in scores.items()}
    common = np.sum(list(unit.values()), axis=0)
    order = np.argsort(-np.abs(common).reshape(-1), kind="stable")[:depth]
    banned = np.stack(np.divmod(order, n_neurons), axis=1).astype(np.int32)
    z = next(iter(rankings.values())).z
    own = {}
    for task, one in scores.items():
        left = one.copy() if mode == "ban" else unit[task] - common / len(unit)
        if mode == "ban":
            left[tuple(banned.T)] = 0
        own[task] = dense_ranking(left, z)
    flat = np.stack([one.reshape(-1) for one in unit.values()])
    correlations = pd.DataFrame(flat @ flat.T, index=list(unit), columns=list(unit))
    return TaskParts(mode, depth, dense_ranking(common, z), own, banned, correlations)


@dataclass(frozen=True, eq=False)
class PartMatrix:
    """The effect of several tasks' neuron sets on several tasks, in one direction, at one fixed ratio."""

    direction: Direction
    k: int
    ratio: float
    sources: tuple[str, ...]
    "rows: the tasks whose neurons are used"
    tasks: tuple[str, ...]
    "columns: the tasks that were evaluated"
    cells: dict[tuple[str, str], GridRow]
    "(source, evaluated task) → the row of that evaluation, with its intervals"
    baselines: dict[str, Baseline]
    "evaluated task → the unmodified model"

    def values(self, measure: str = "content_margin", *, share: bool = False) -> NDArray[np.float64]:
        """One of PART_MEASURES, shape (sources, tasks); NaN where unknown. share: divided by the unmodified model's.

        A share is unknown where the unmodified model's value is not positive. RAC and its parts have no share.
        """
        if measure not in PART_MEASURES:
            raise ConfigError(f"unknown measure {measure!r}", accepted=", ".join(PART_MEASURES))
        found = np.full((len(self.sources), len(self.tasks)), np.nan)
        for (source, task), row in self.cells.items():
            value, before = (
                getattr(row, measure),
                None if measure.startswith("rac") else getattr(self.baselines[task], measure),
            )
            if share:
                value = value / before if value is not None and before is not None and before > 0 else None
            found[self.sources.index(source), self.tasks.index(task)] = np.nan if value is None else value
        return found

    def without_share(self, measure: str = "content_margin") -> dict[str, float]:
        """Evaluated task → the unmodified model's value of a measure, where it is not positive and nothing is a share
        of it. RAC and its parts are relative changes already.
        """
        if measure.startswith("rac"):
            return {}
        before = {task: getattr(one, measure) for task, one in self.baselines.items()}
        return {task: value for task, value in before.items() if value is not None and value <= 0}

    def own_is_strongest(self, measure: str = "content_margin") -> dict[str, bool]:
        """Task → whether its own set changes the measure more, in the intended direction, than every other set."""
        sign = 1 if self.direction == "enhancer" else -1
        values = sign * self.values(measure)
        shared = [task for task in self.tasks if task in self.sources]
        return {
            task: bool(np.nanargmax(values[:, self.tasks.index(task)]) == self.sources.index(task)) for task in shared
        }


def part_matrix(
    evaluations: Mapping[str, Evaluation], sets: Mapping[str, str], k: int, direction: Direction, ratio: float = 0.5
) -> PartMatrix:
    """Collects the effect of every source's set on every evaluated task.

    evaluations: task → its evaluation. sets: source task → the name of its set in these evaluations. Raises ConfigError
    if none of the evaluations has one of the sets at this budget and ratio.
    """
    cells = {}
    for task, evaluation in evaluations.items():
        for source, name in sets.items():
            if (row := find_row(evaluation, name, k, direction, ratio)) is not None:
                cells[source, task] = row
    if not cells:
        raise ConfigError(
            f"none of {first_of(sets.values())} with K = {k}, ratio {ratio:g}, {direction} was evaluated",
            accepted="evaluations of these sets",
        )
    baselines = {task: evaluation.baseline for task, evaluation in evaluations.items()}
    return PartMatrix(direction, k, ratio, tuple(sets), tuple(evaluations), cells, baselines)


def find_row(
    evaluation: Evaluation, source: str, k: int, direction: Direction, ratio: float
) -> GridRow | RandomRow | None:
    """The row of a source or of a family of random sets at this budget and ratio; None if it was not evaluated."""
    for row in (*evaluation.grid, *evaluation.random):
        if (row.source, row.k, row.direction) == (source, k, direction) and isclose(row.ratio, ratio, abs_tol=1e-9):
            return row
    return None


def matrix_table(matrix: PartMatrix, kind: str) -> pd.DataFrame:
    """One row per cell of the matrix: kind, direction, k, ratio, source, task, own, margin_share, letter-free measures.

    own: whether source and task are the same. margin_share: the content margin divided by the unmodified model's. The
    other columns are those of `letter_free_columns`.
    """
    rows = []
    shares = matrix.values("content_margin", share=True)
    for (source, task), row in matrix.cells.items():
        place = matrix.sources.index(source), matrix.tasks.index(task)
        rows.append(
            {
                "kind": kind,
                "direction": matrix.direction,
                "k": matrix.k,
                "ratio": matrix.ratio,
                "source": source,
                "task": task,
                "own": source == task,
                "margin_share": shares[place],
                **letter_free_columns(row),
            }
        )
    return pd.DataFrame(rows)
