"""CSV and TSV: a header, then a row a record. Rows count from 1, the header being row 1."""

import csv
import io
from collections.abc import Iterator, Sequence

from neuron_core.errors import TaskError
from neuron_core.tasks.readers.source import Note, Row, Source, text_of

_SAMPLE = 2**16
_NAMES = {";": "semicolons", "\t": "tabs"}


def read_csv(source: Source, note: Note) -> Iterator[Row]:
    """Cells between commas; between semicolons or tabs where the header has no comma."""
    text = text_of(source)
    header = next((line for line in text[:_SAMPLE].split("\n") if line), "")
    other = next((mark for mark in _NAMES if mark in header), None) if "," not in header else None
    if other:
        note(f"the cells are separated by {_NAMES[other]}")
    return _rows(text, other or ",", source.where)


def read_tsv(source: Source, note: Note) -> Iterator[Row]:
    return _rows(text_of(source), "\t", source.where)


def header_names(cells: Sequence[str], where: str) -> list[str]:
    """Column names without outer white space; a nameless column is called by its place. TaskError: a name twice."""
    names = [cell.strip() or f"column {place}" for place, cell in enumerate(cells, start=1)]
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise TaskError(f"the header names {twice[0]!r} twice", where=where, accepted="every column name once")
    return names


def _rows(text: str, delimiter: str, where: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header: list[str] = []
        for number, cells in enumerate(reader, start=1):
            if not cells:
                continue
            if not header:
                header = header_names(cells, f"{where}, row {number}")
                continue
            if len(cells) != len(header):
                raise TaskError(
                    f"a row has {len(cells)} cells, the header {len(header)}", where=f"{where}, row {number}"
                )
            yield number, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise TaskError(f"malformed table: {error}", where=f"{where}, line {reader.line_num}") from None
