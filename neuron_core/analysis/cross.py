"""The effect of one task's neurons on another task (paper, Figures 2 and 4, Table 8). No torch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isclose

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_core.analysis.entries import SIDE_EFFECTS, Entry, cell_entry, change_text, frame
from neuron_core.control.interventions import Direction
from neuron_core.control.metrics import Evaluation, GridRow
from neuron_core.control.results import Verdict
from neuron_core.errors import ConfigError, first_of

NOT_RUN = "not run"


@dataclass(frozen=True, eq=False)
class CrossMatrix:
    """The effects of one direction. Rows: evaluated tasks. Columns: source tasks, whose neurons are used."""

    direction: Direction
    k: int
    tasks: tuple[str, ...]
    "the tasks of both rows and columns"
    ratios: tuple[float, ...]
    "for each column, the share of good neurons that is best for the source on its own task"
    rac: NDArray[np.float64]
    "percent, NaN where undefined or not run, shape (T, T)"
    rcc: NDArray[np.float64]
    "percent, NaN where undefined or not run, shape (T, T)"
    verdicts: tuple[tuple[Verdict | None, ...], ...]
    "ok, fail or undefined; None if the cell was not run"
    cells: dict[tuple[str, str], GridRow]
    "(evaluated task, source) → the row of that evaluation, with its intervals"

    @property
    def missing(self) -> tuple[tuple[str, str], ...]:
        """The (evaluated task, source) pairs that were not run."""
        return tuple((one, two) for one in self.tasks for two in self.tasks if (one, two) not in self.cells)

    def words(self) -> list[list[str]]:
        """Every cell as text: `RAC/RCC`, `Fail (RAC/RCC)`, `undefined` or `not run`."""
        return [
            [
                change_text(self.rac[i, j], self.rcc[i, j]) if (row, column) in self.cells else NOT_RUN
                for j, column in enumerate(self.tasks)
            ]
            for i, row in enumerate(self.tasks)
        ]


def own_ratio(evaluation: Evaluation, name: str, k: int, direction: Direction, task: str) -> float:
    """The best ratio of a source's set on its own task. Raises ConfigError if it was not evaluated there."""
    for best in evaluation.best:
        if (best.source, best.k, best.direction) == (name, k, direction):
            return best.ratio
    raise ConfigError(
        f"the set {name} with K = {k}, {direction}, was not evaluated on its own task {task}",
        accepted="an evaluation of each task with its own set",
    )


def cross_matrix(
    evaluations: Mapping[str, Evaluation], sets: Mapping[str, str], k: int, direction: Direction
) -> CrossMatrix:
    """Collects the effect of every source's set on every task, at the ratio that is best on the source's own task.

    evaluations: task → its evaluation. sets: task → the name of its set in these evaluations. A cell that was not
    evaluated is left out and listed as missing. Raises ConfigError if a source was not evaluated on its
    own task: there would be no ratio.
    """
    tasks = tuple(sets)
    if unknown := [task for task in tasks if task not in evaluations]:
        raise ConfigError(f"no evaluation of {first_of(unknown)}", accepted="an evaluation of each task")
    ratios = {task: own_ratio(evaluations[task], sets[task], k, direction, task) for task in tasks}
    cells: dict[tuple[str, str], GridRow] = {}
    for evaluated in tasks:
        for source in tasks:
            for row in evaluations[evaluated].grid:
                found = (row.source, row.k, row.direction) == (sets[source], k, direction)
                if found and isclose(row.ratio, ratios[source], abs_tol=1e-9):
                    cells[evaluated, source] = row
    return CrossMatrix(
        direction=direction,
        k=k,
        tasks=tasks,
        ratios=tuple(ratios.values()),
        rac=_values(tasks, {where: row.rac for where, row in cells.items()}),
        rcc=_values(tasks, {where: row.rcc for where, row in cells.items()}),
        verdicts=tuple(
            tuple(cells[one, two].verdict if (one, two) in cells else None for two in tasks) for one in tasks
        ),
        cells=cells,
    )


def cross_entries(matrix: CrossMatrix) -> pd.DataFrame:
    """One row per cell that was run: `source`, the task whose neurons are used, and the columns of a table of entries.

    Only cells on the diagonal have a ratio that was chosen on the same task, so only these values are optimistic.
    """
    rows: list[Entry] = []
    sources = []
    for (evaluated, source), row in matrix.cells.items():
        rows.append(replace(cell_entry(evaluated, row, "both"), method="specific"))
        sources.append(source)
    table = frame(rows).drop(columns=list(SIDE_EFFECTS))
    table.insert(1, "source", sources)
    return table


def cross_printed(matrix: CrossMatrix, *, sources_down: bool = False) -> pd.DataFrame:
    """The matrix as text, with evaluated tasks as rows and sources as columns. sources_down swaps them, as in Table
    8.
    """
    words = matrix.words()
    table = pd.DataFrame(words, index=list(matrix.tasks), columns=list(matrix.tasks))
    if sources_down:
        return table.T.rename_axis("neurons of").reset_index()
    return table.rename_axis("evaluated on").reset_index()


def _values(tasks: tuple[str, ...], found: Mapping[tuple[str, str], float | None]) -> NDArray[np.float64]:
    values = np.full((len(tasks), len(tasks)), np.nan)
    for (one, two), value in found.items():
        if value is not None:
            values[tasks.index(one), tasks.index(two)] = value
    return values
