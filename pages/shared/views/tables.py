"""Values of the core as tables."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from neuron_core.analysis.layers import NeuronRow
from neuron_core.tasks.reading import Rejected
from neuron_core.tasks.table import Table
from neuron_core.tasks.task import Example

CELL_LENGTH, MOST_COLUMNS = 500, 60
SCORE = "%.3g"
"of attribution scores, which differ by orders of magnitude: three digits that count"
NEURON_COLUMNS = ["rank", "role", "layer", "index", "score", "id"]


def neuron_table(rows: Iterable[NeuronRow]) -> pd.DataFrame:
    return pd.DataFrame([asdict(row) for row in rows], columns=NEURON_COLUMNS)


def raw_table(table: Table, n: int, first: tuple[str, ...] = ()) -> pd.DataFrame:
    """The first rows as they were read, with their numbers in the source; the columns `first` in front, and of very
    many others as many as can be looked through."""
    columns = [*first, *(column for column in table.columns if column not in first)][: max(MOST_COLUMNS, len(first))]
    number = "row" if "row" not in columns else "row of the file"
    rows = [{number: row} | {c: cell(fields.get(c)) for c in columns} for row, fields in table.rows[:n]]
    return pd.DataFrame(rows, columns=[number, *columns])


def example_table(examples: Sequence[Example]) -> pd.DataFrame:
    """Examples under the columns of their kind."""
    columns = list(dict.fromkeys(column for example in examples for column in example.fields))
    return pd.DataFrame([{c: cell(example.fields.get(c)) for c in columns} for example in examples], columns=columns)


def rejected_table(rejected: Iterable[Rejected]) -> pd.DataFrame:
    """Rejected rows with their reasons."""
    columns = ["row", "column", "value", "reason", "accepted"]
    rows = [(r.row, r.column, cell(r.value), r.complaint, cell(r.accepted)) for r in rejected]
    return pd.DataFrame(rows, columns=columns)


def run_columns(frame: pd.DataFrame) -> list[str]:
    """Which columns of a table with a run a row are shown: not the task where the names of all runs say it."""
    said = all(str(task) in str(run) for run, task in zip(frame["run"], frame["task"], strict=True))
    return [name for name in frame if name != "task" or not said]


def cell(value: Any) -> str:
    """A value of a dataset as text that a table can show: shortened, half characters spelled out."""
    text = "" if value is None else str(value)
    if isinstance(value, list | tuple):
        text = " | ".join(map(str, value))
    text = text if len(text) <= CELL_LENGTH else f"{text[:CELL_LENGTH]} …"
    return text.encode("utf-8", errors="backslashreplace").decode()
