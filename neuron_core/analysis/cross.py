"""What the neurons of one task do to another (paper, Figures 2 and 4, Table 8). No torch."""

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
from neuron_core.errors import ConfigError

NOT_RUN = "not run"


@dataclass(frozen=True, eq=False)
class CrossMatrix:
    """One direction: rows are evaluated tasks, columns the source tasks of the neurons."""

    direction: Direction
    k: int
    tasks: tuple[str, ...]
    "of rows and of columns"
    ratios: tuple[float, ...]
    "share of good neurons of each column: the best one of the source on its own task"
    rac: NDArray[np.float64]
    "percent, NaN where undefined or not run, shape (T, T)"
    rcc: NDArray[np.float64]
    "percent, NaN where undefined or not run, shape (T, T)"
    verdicts: tuple[tuple[Verdict | None, ...], ...]
    "ok, fail or undefined; None where the cell was not run"
    cells: dict[tuple[str, str], GridRow]
    "(evaluated, source) → the grid's row with its intervals"

    @property
    def missing(self) -> tuple[tuple[str, str], ...]:
        """(evaluated, source) of the cells that were not run."""
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
    """The best ratio of a source's set on its own task. ConfigError when it was not evaluated there."""
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
    """Every source's set on every task, at the one ratio that is best for the source on its own task.

    evaluations: task → its evaluation; sets: task → the name that its set has as `source` in their grids.
    A cell that no grid has is left out and listed as missing. ConfigError when a source was not evaluated on its
    own task: there would be no ratio.
    """
    tasks = tuple(sets)
    if unknown := [task for task in tasks if task not in evaluations]:
        raise ConfigError(f"no evaluation of {', '.join(unknown)}", accepted="an evaluation of each task")
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
    """One row a cell that was run: the columns of a table of entries after `source`, the task the neurons are of.

    Nothing is chosen in a cell but the diagonal, whose ratio is the best of its own row: its plain value is optimistic.
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
    """The matrix in words, evaluated tasks down and sources across; sources_down: as Table 8 has it."""
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
