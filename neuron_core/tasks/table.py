"""Reads any file of examples into a table with named columns and the row numbers of the source."""

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path, PurePath
from typing import Any

from neuron_core.errors import TaskError
from neuron_core.paths import read_regular
from neuron_core.tasks.readers import FORMATS, SUFFIXES, detect, get_format, read_rows
from neuron_core.tasks.readers.content import from_zip, is_zip, refuse_non_tables
from neuron_core.tasks.readers.source import (
    MAX_COLUMNS,
    MAX_PATH_BYTES,
    MAX_UPLOAD_BYTES,
    READ_DEFAULTS,
    BadRow,
    Note,
    ReadOptions,
    Row,
    Source,
    check_size,
    unpack,
)

MAX_ROWS = 100_000
MAX_CELLS = 10_000_000
TASK_LINE = "neuronllm_task"
"the only key in the first line of a saved task; its value holds the kind and the labels"


@dataclass(frozen=True, eq=False)
class Table:
    """The content of a file, not checked yet."""

    name: str
    source: str
    format: str
    columns: tuple[str, ...]
    "in the order in which they first occur"
    rows: tuple[tuple[int, dict[str, Any]], ...]
    "row number in the source, and value by column; rows with the same number come from one sentence or record"
    kind: str | None = None
    "the task kind of a published format or of a saved task; None where it must be guessed"
    notes: tuple[str, ...] = ()
    "how the file was read, where the file leaves it open"
    bad: tuple[tuple[int, BadRow], ...] = ()
    "rows that can't be read, with their numbers"
    labels: tuple[str, ...] = ()
    "all labels of a saved task; its examples may not show every one"

    @cached_property
    def filled(self) -> frozenset[str]:
        """Columns that have a value in at least one row."""
        found: set[str] = set()
        for _, fields in self.rows:
            if len(found) == len(self.columns):
                break
            found.update(c for c, value in fields.items() if c not in found and not is_empty(value))
        return frozenset(found)


def read_table(
    source: str | Path | bytes,
    name: str | None = None,
    options: ReadOptions = READ_DEFAULTS,
    *,
    max_rows: int = MAX_ROWS,
) -> Table:
    """Reads a file from its path, or an upload from its bytes and its `name`, whose ending tells the format.

    Uploads are limited to 200 MB and files to 1 GB, both after unpacking. A row that can't be read is kept in `bad`.
    Raises TaskError, with file and row, for a file that can't be read, holds no table, is too large or has more than
    `max_rows` rows.
    """
    limit = MAX_UPLOAD_BYTES if isinstance(source, bytes) else MAX_PATH_BYTES
    if isinstance(source, bytes):
        data, where = source, name or "upload"
        check_size(len(data), where, limit)
        file = PurePath(where)
    else:
        file = Path(source).expanduser()
        data, where = _bytes(file, limit), str(source)
    notes: list[str] = []
    if file.suffix.lower() == ".gz" or data.startswith(b"\x1f\x8b"):
        data = unpack(data, where, limit)
        file = file.with_suffix("") if file.suffix.lower() == ".gz" else file
    refuse_non_tables(data, where)
    stem = file.stem
    if is_zip(data):
        data, file = from_zip(data, where, options.part, SUFFIXES, limit, notes.append)
        if data.startswith(b"\x1f\x8b"):
            data, file = unpack(data, where, limit), file.with_suffix("")
        if is_zip(data):
            raise TaskError("the ZIP archive holds another one", where=where, accepted="the inner archive")
        refuse_non_tables(data, f"{where}, {file}")
        options = replace(options, part=None)
    content = Source(data, where, options, limit)
    chosen = options.format if options.format is not None else detect(file.suffix.lower(), content)
    get_format(chosen)
    named = SUFFIXES.get(file.suffix.lower())
    if options.format is None and named not in (None, "tagged", chosen):
        notes.append(f"by its content the file is of the format {chosen}, and is read as that; its name says {named}")
    rows = iter(read_rows(chosen, content, notes.append))
    few = (
        tuple(islice(_within(rows, where), max_rows + 1))
        if options.sample is None
        else sampled(rows, options, notes.append)
    )
    return make_table(stem, where, chosen, few, tuple(notes), FORMATS[chosen].kind, max_rows=max_rows)


def _within(rows: Iterator[Row], where: str) -> Iterator[Row]:
    """The rows, up to the largest number of cells that a table may have."""
    n_cells = 0
    for number, fields in rows:
        n_cells += 1 if isinstance(fields, BadRow) else len(fields)
        if n_cells > MAX_CELLS:
            raise TaskError(
                f"the file has more than {MAX_CELLS:,} cells",
                where=f"{where}, row {number}",
                accepted="fewer rows or columns: a part of the file, or a sample by seed (--sample)",
            )
        yield number, fields


def sampled(rows: Iterator[Row], options: ReadOptions, note: Note) -> tuple[Row, ...]:
    """Draws `options.sample` rows by a hash of seed and place. Every row has the same chance; the order stays."""
    assert options.sample is not None
    chosen: list[tuple[int, int, Row]] = []
    place = -1
    for place, row in enumerate(rows):
        digest = hashlib.blake2b(f"{options.seed}|{place}".encode(), digest_size=8).digest()
        entry = (-int.from_bytes(digest), place, row)
        if len(chosen) < options.sample:
            heapq.heappush(chosen, entry)
        elif entry[0] > chosen[0][0]:
            heapq.heapreplace(chosen, entry)
    if place + 1 > options.sample:
        note(f"a sample of {options.sample:,} of {place + 1:,} rows, by seed {options.seed}")
    return tuple(row for _, _, row in sorted(chosen, key=lambda entry: entry[1]))


def make_table(
    name: str,
    source: str,
    format: str,
    rows: tuple[Row, ...],
    notes: tuple[str, ...] = (),
    kind: str | None = None,
    *,
    max_rows: int = MAX_ROWS,
) -> Table:
    """Makes a table of the rows. Raises TaskError for no rows, no readable row, or more than `max_rows`."""
    if len(rows) > max_rows:
        raise TaskError(
            f"the file has more than {max_rows:,} rows",
            where=f"{source}, row {rows[max_rows][0]}",
            accepted=f"at most {max_rows:,} rows: a part of the file, or a sample by seed (--sample {max_rows})",
        )
    good = tuple((number, fields) for number, fields in rows if not isinstance(fields, BadRow))
    bad = tuple((number, fields) for number, fields in rows if isinstance(fields, BadRow))
    labels: tuple[str, ...] = ()
    if good and set(good[0][1]) == {TASK_LINE}:
        kind, labels = _kept_settings(good[0][1][TASK_LINE], source)
        good = good[1:]
    if not good:
        if bad:
            number, first = bad[0]
            what = f"none of the {len(bad)} rows can be read: row {number} {first.complaint}"
            raise TaskError(what, where=f"{source}, row {number}", accepted=first.accepted or None)
        raise TaskError("the file has no rows", where=source, accepted="; ".join(notes) or None)
    columns: dict[str, None] = {}
    for _, fields in good:
        columns.update(dict.fromkeys(fields))
        if len(columns) > MAX_COLUMNS:
            what = f"the rows have more than {MAX_COLUMNS:,} different columns"
            raise TaskError(what, where=source, accepted=f"at most {MAX_COLUMNS:,} columns")
    for column in columns:
        if not is_unicode(column):
            what = "a column name contains half a character (a lone surrogate)"
            raise TaskError(what, where=f"{source}, column {column[:60]!r}", accepted="whole characters")
    return Table(name, source, format, tuple(columns), good, kind, notes, bad, labels)


def _kept_settings(value: Any, source: str) -> tuple[str, tuple[str, ...]]:
    """The kind and the labels in the first line of a saved task."""
    kind, labels = (value.get("kind"), value.get("labels", [])) if isinstance(value, dict) else (None, None)
    if not isinstance(kind, str) or not isinstance(labels, list) or not all(isinstance(one, str) for one in labels):
        where = f"{source}, row 1, column {TASK_LINE}"
        raise TaskError(
            "the first line of the saved task is damaged", where=where, accepted='{"kind": …, "labels": […]}'
        )
    return kind, tuple(labels)


def is_empty(value: Any) -> bool:
    """Whether a cell is empty: a null, a NaN, white space, or an empty list."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or value != value or (isinstance(value, list | dict) and not value)


def listed(columns: Iterable[str]) -> str:
    """Column names for a message, cut off after 300 characters."""
    text = ", ".join(columns)
    return text if len(text) <= 300 else f"{text[:300]} …"


def is_unicode(text: str) -> bool:
    """Whether a text can be written: JSON may hold half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_file(name: str) -> bool:
    """Whether a file of this name exists; False for a text that can't be a file name."""
    try:
        return Path(name).expanduser().is_file()
    # A name that is too long or contains a zero byte, or the home folder of an unknown user.
    except (OSError, RuntimeError, ValueError):
        return False


def _bytes(path: Path, limit: int) -> bytes:
    try:
        check_size(path.stat().st_size, str(path), limit)
        return read_regular(path)
    except OSError as error:
        raise TaskError(f"the file can't be read: {error.strerror}", where=str(path)) from None
