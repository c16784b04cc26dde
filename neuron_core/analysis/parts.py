"""What several tasks' content scores share, what is each task's own, and what sets do to every task. No torch.

The content scores of different tasks are nearly the same vector: most of what they find is answering a question with
four options at all. Their sum, each scaled to length 1, is that common part. Banned from a task's ranking, or
subtracted from its scores, it leaves what is the task's own (docs/method.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isclose
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_core.analysis.common import same_model
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.selection import dense_ranking
from neuron_core.control.interventions import Direction
from neuron_core.control.results import Baseline, Best, Evaluation, GridRow, RandomRow
from neuron_core.errors import ConfigError

Mode = Literal["ban", "subtract"]
MODES: tuple[Mode, ...] = ("ban", "subtract")
PART_MEASURES = ("content_margin", "content_acc", "acc_letters_removed", "acc", "rac", "rac_content", "rac_letters")
"fields of a grid's row that a matrix can show"


@dataclass(frozen=True, eq=False)
class TaskParts:
    """The common and the own part of several tasks' content scores."""

    mode: Mode
    depth: int
    "common neurons banned from every task's ranking"
    answering: NeuronRanking
    "the common part, Σ_t S_t/‖S_t‖, as a ranking: neurons of answering, which can be steered like any other"
    own: dict[str, NeuronRanking]
    "task → its ranking without the common part"
    banned: NDArray[np.int32]
    "(layer, index) of the neurons with the largest |common part|, in that order, shape (depth, 2)"
    correlations: pd.DataFrame
    "cosine of the tasks' scores, task by task"


def dense_scores(ranking: NeuronRanking) -> NDArray[np.float64]:
    """The scores of all neurons of the model, 0 where the ranking has none, (L, I)."""
    scores = np.zeros((ranking.n_layers, ranking.n_neurons))
    scores[tuple(ranking.neurons.T)] = ranking.scores
    return scores


def task_parts(rankings: Mapping[str, NeuronRanking], depth: int, mode: Mode = "ban") -> TaskParts:
    """The parts of the tasks' rankings by `content`.

    ban: the `depth` neurons with the largest |Σ_t S_t/‖S_t‖| are left out of every task's ranking. subtract: a task's
    scores are S_t/‖S_t‖ less the mean of that over the tasks. ConfigError for fewer than two tasks, rankings of
    different models or without a neuron, and a depth outside 1 to half of the neurons.
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
    """What the sets of several sources do to several tasks, in one direction, at one ratio that nothing chose."""

    direction: Direction
    k: int
    ratio: float
    sources: tuple[str, ...]
    "tasks whose neurons are used: rows"
    tasks: tuple[str, ...]
    "tasks that were evaluated: columns"
    cells: dict[tuple[str, str], GridRow]
    "(source, evaluated) → the grid's row with its intervals"
    baselines: dict[str, Baseline]
    "evaluated task → the unmodified model"

    def values(self, measure: str = "content_margin", *, share: bool = False) -> NDArray[np.float64]:
        """One of PART_MEASURES, (sources, tasks); NaN where it is not known. share: of the unmodified model's."""
        if measure not in PART_MEASURES:
            raise ConfigError(f"unknown measure {measure!r}", accepted=", ".join(PART_MEASURES))
        found = np.full((len(self.sources), len(self.tasks)), np.nan)
        for (source, task), row in self.cells.items():
            value, before = getattr(row, measure), getattr(self.baselines[task], measure, None)
            if share:
                value = value / before if value is not None and before is not None and before > 0 else None
            found[self.sources.index(source), self.tasks.index(task)] = np.nan if value is None else value
        return found

    def own_is_strongest(self, measure: str = "content_margin") -> dict[str, bool]:
        """task → whether the task's own set changes its measure most of all sources, in the intended direction."""
        sign = 1 if self.direction == "enhancer" else -1
        values = sign * self.values(measure)
        shared = [task for task in self.tasks if task in self.sources]
        return {
            task: bool(np.nanargmax(values[:, self.tasks.index(task)]) == self.sources.index(task)) for task in shared
        }


def part_matrix(
    evaluations: Mapping[str, Evaluation], sets: Mapping[str, str], k: int, direction: Direction, ratio: float = 0.5
) -> PartMatrix:
    """Every source's set on every evaluated task.

    evaluations: task → its evaluation; sets: source task → the name of its set in their grids. ConfigError where no
    evaluation has any of the sets with this budget and ratio.
    """
    cells = {}
    for task, evaluation in evaluations.items():
        for source, name in sets.items():
            if (row := find_row(evaluation, name, k, direction, ratio)) is not None:
                cells[source, task] = row
    if not cells:
        raise ConfigError(
            f"none of {', '.join(sets.values())} with K = {k}, ratio {ratio:g}, {direction} was evaluated",
            accepted="evaluations of these sets",
        )
    baselines = {task: evaluation.baseline for task, evaluation in evaluations.items()}
    return PartMatrix(direction, k, ratio, tuple(sets), tuple(evaluations), cells, baselines)


def find_row(
    evaluation: Evaluation, source: str, k: int, direction: Direction, ratio: float
) -> GridRow | RandomRow | None:
    """A source's row of the grid or, for a family of random sets, of the random band; None where it was not run."""
    for row in (*evaluation.grid, *evaluation.random):
        if (row.source, row.k, row.direction) == (source, k, direction) and isclose(row.ratio, ratio, abs_tol=1e-9):
            return row
    return None


def matrix_table(matrix: PartMatrix, kind: str) -> pd.DataFrame:
    """One row a cell: kind, direction, k, ratio, source, task, own, and every measure with its share and interval."""
    rows = []
    shares = {name: matrix.values(name, share=True) for name in ("content_margin", "content_acc")}
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
                "margin_share": shares["content_margin"][place],
                **letter_free_columns(row),
            }
        )
    return pd.DataFrame(rows)


COLUMNS = ("content_acc", "content_margin", "acc_letters_removed", "rac_content", "rac_letters")


def letter_free_columns(row: Baseline | GridRow | Best) -> dict[str, float | None]:
    """acc, rac and the letter-free measures of a row, each with NAME_low and NAME_high; None where there is none."""
    found: dict[str, float | None] = {"acc": getattr(row, "acc", None), "rac": getattr(row, "rac", None)}
    found["rac_low"], found["rac_high"] = getattr(row, "rac_interval", None) or (None, None)
    for name in COLUMNS:
        found[name] = getattr(row, name, None)
        found[f"{name}_low"], found[f"{name}_high"] = getattr(row, f"{name}_interval", None) or (None, None)
    found["letter_spread"] = getattr(row, "letter_spread", None)
    return found


def best_letter_free(evaluation: Evaluation) -> pd.DataFrame:
    """Every source at every budget at its best ratio: source, k, direction, ratio and `letter_free_columns`."""
    rows = []
    for one in evaluation.best:
        head = {"source": one.source, "k": one.k, "direction": one.direction, "ratio": one.ratio}
        rows.append({**head, **letter_free_columns(one)})
    return pd.DataFrame(rows).drop(columns=["acc", "letter_spread"], errors="ignore")


def letter_free_table(
    evaluations: Mapping[str, Evaluation],
    k: int,
    sources: Sequence[str],
    directions: Sequence[Direction] = ("degrader", "enhancer"),
    ratio: float = 0.5,
) -> pd.DataFrame:
    """The unmodified model and every source on every task at one ratio: RAC beside what letters do not move.

    Columns task, source, direction, k, ratio, and those of `letter_free_columns`. The unmodified model has the source
    "unmodified" and no direction. Sources that were not evaluated on a task are left out there.
    """
    rows: list[dict[str, object]] = []
    for task, evaluation in evaluations.items():
        head = {"task": task, "source": "unmodified", "direction": None, "k": None, "ratio": None}
        rows.append({**head, **letter_free_columns(evaluation.baseline)})
        for direction in directions:
            for source in sources:
                row = find_row(evaluation, source, k, direction, ratio)
                if row is not None:
                    own = {"source": source, "direction": direction, "k": k, "ratio": ratio}
                    rows.append({"task": task, **own, **letter_free_columns(row)})
    return pd.DataFrame(rows)
