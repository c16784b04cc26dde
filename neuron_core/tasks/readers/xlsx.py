"""XLSX: the first sheet that is not empty. Rows are those of the sheet."""

import datetime
import functools
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from neuron_core.errors import TaskError
from neuron_core.tasks.readers.delimited import header_names
from neuron_core.tasks.readers.source import Note, Row, Source, check_size

MAX_CELLS = 20_000_000
_PLACE = re.compile(rb"""\br\s*=\s*["']\s*([A-Za-z]{1,7})([0-9]{1,12})\b""")


def read_xlsx(source: Source, note: Note) -> Iterator[Row]:
    _check_extent(source)
    sheets = _sheets(source)
    filled = [name for name, rows in sheets.items() if rows]
    if not filled:
        return
    if len(filled) > 1:
        note(f"only the sheet {filled[0]!r} is read; also filled: {', '.join(map(repr, filled[1:]))}")
    where = f"{source.where}, sheet {filled[0]}"
    (first, head), *rest = sheets[filled[0]]
    width = max(place for place, value in enumerate(head, start=1) if value != "")
    header = header_names([str(value) for value in head[:width]], f"{where}, row {first}")
    for number, cells in rest:
        if beyond := [place for place, value in enumerate(cells, start=1) if value != "" and place > width]:
            raise TaskError(
                f"a cell stands in column {beyond[0]}, the header has {width}", where=f"{where}, row {number}"
            )
        padded = [*cells[:width], *[""] * (width - len(cells))]
        yield number, dict(zip(header, padded, strict=True))


def _check_extent(source: Source) -> None:
    """TaskError where the file unpacks to too much, or a lone far cell would make a sheet of billions of cells."""
    try:
        with zipfile.ZipFile(io.BytesIO(source.data)) as archive:
            entries = archive.infolist()
            check_size(sum(e.file_size for e in entries), source.where, source.max_bytes, unpacked=True)
            for entry in entries:
                if entry.filename.endswith(".xml"):
                    _check_cells(archive.read(entry), f"{source.where}, {entry.filename[:60]!r}")
    # Besides what a damaged archive raises: an unknown compression, a password.
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError) as error:
        raise TaskError(f"not a sound XLSX file: {error}", where=f"{source.where}, file") from None


def _check_cells(xml: bytes, where: str) -> None:
    # From the first cell of the sheet on: that is how far its rows are read.
    n_columns = n_rows = 0
    for match in _PLACE.finditer(xml):
        n_columns, n_rows = max(n_columns, _column(match[1])), max(n_rows, int(match[2]))
    if n_rows * n_columns > MAX_CELLS:
        raise TaskError(
            f"the sheet spans {n_rows:,} rows and {n_columns:,} columns",
            where=f"{where}, row {n_rows}",
            accepted=f"at most {MAX_CELLS:,} cells",
        )


def _column(letters: bytes) -> int:
    return functools.reduce(lambda place, letter: place * 26 + letter - ord("A") + 1, letters.upper(), 0)


def _sheets(source: Source) -> dict[str, list[tuple[int, list[Any]]]]:
    """The rows of each sheet that are not empty, with their numbers."""
    import python_calamine as calamine

    found = {}
    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(source.data))
        for name in book.sheet_names:
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            plain = ((number, [_plain(value) for value in row]) for number, row in enumerate(rows, start=1))
            found[name] = [(number, row) for number, row in plain if any(value != "" for value in row)]
    except (calamine.CalamineError, OSError, ValueError, OverflowError) as error:
        raise TaskError(f"not a sound XLSX file: {error}", where=f"{source.where}, file") from None
    return found


def _plain(value: Any) -> Any:
    # A sheet knows no whole numbers: 5 comes as 5.0.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return str(value)
    return "" if isinstance(value, str) and not value.strip() else value
