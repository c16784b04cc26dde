"""Any file of examples as a table of named columns with source row numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePath

from neuron_core.errors import TaskError
from neuron_core.tasks.readers import FORMATS, Row, Source, detect, get_format, read_rows
from neuron_core.tasks.readers.source import MAX_UPLOAD_BYTES, check_size, unpack

MAX_ROWS = 100_000


@dataclass(frozen=True, eq=False)
class Table:
    """What a file holds, unchecked."""

    name: str
    source: str
    format: str
    columns: tuple[str, ...]
    "in first-seen order"
    rows: tuple[Row, ...]
    "row number in the source, value by column; several rows of one number come from one sentence or record"
    kind: str | None = None
    "the task kind that a published format is made for"
    notes: tuple[str, ...] = ()
    "what a reader must know of how the file was read"


def read_table(
    source: str | Path | bytes,
    name: str | None = None,
    *,
    format: str | None = None,
    encoding: str | None = None,
    max_rows: int = MAX_ROWS,
) -> Table:
    """A file by its path, or an upload as bytes with its `name`, which carries the ending.

    Without `format` it is told by the ending, else by the content; without `encoding` text is UTF-8. Uploads, and what
    they unpack to, may have 200 MB. TaskError names file and row: unreadable, malformed, too large, too many rows.
    """
    if isinstance(source, bytes):
        data, where, limit = source, name or "upload", MAX_UPLOAD_BYTES
        check_size(len(data), where, limit)
        file = PurePath(where)
    else:
        file = Path(source).expanduser()
        data, where, limit = _bytes(file), str(source), None
    if file.suffix.lower() == ".gz" or data.startswith(b"\x1f\x8b"):
        data = unpack(data, where, limit)
        file = file.with_suffix("") if file.suffix.lower() == ".gz" else file
    content = Source(data, where, encoding, limit)
    chosen = format if format is not None else detect(file.suffix.lower(), content)
    get_format(chosen)
    notes: list[str] = []
    rows = tuple(islice(read_rows(chosen, content, notes.append), max_rows + 1))
    return make_table(file.stem, where, chosen, rows, tuple(notes), FORMATS[chosen].kind, max_rows=max_rows)


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
    """A table of these rows. TaskError: none, or more than `max_rows`."""
    if not rows:
        raise TaskError("the file has no rows", where=source)
    if len(rows) > max_rows:
        raise TaskError(
            f"the file has more than {max_rows:,} rows",
            where=f"{source}, row {rows[max_rows][0]}",
            accepted=f"at most {max_rows:,} rows: a part of the file",
        )
    columns: dict[str, None] = {}
    for _, fields in rows:
        columns.update(dict.fromkeys(fields))
    for column in columns:
        if not is_unicode(column):
            what = "a column name has half of a character (a lone surrogate)"
            raise TaskError(what, where=f"{source}, column {column[:60]!r}", accepted="whole characters")
    return Table(name, source, format, tuple(columns), rows, kind, notes)


def listed(columns: Iterable[str]) -> str:
    """Column names for a message, which stays readable with thousands of them."""
    text = ", ".join(columns)
    return text if len(text) <= 300 else f"{text[:300]} …"


def is_unicode(text: str) -> bool:
    """Whether a text can be written: JSON may hold half of a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_file(name: str) -> bool:
    """Whether there is a file of this name; False for what can be no name."""
    try:
        return Path(name).expanduser().is_file()
    # A name too long for the system, with a zero in it, or in the home folder of nobody.
    except (OSError, RuntimeError, ValueError):
        return False


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TaskError(f"the file can't be read: {error.strerror}", where=str(path)) from None
