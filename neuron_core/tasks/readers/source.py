"""A file's bytes and text, the options for reading it, and the limits that hold before its format is known."""

import codecs
import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from neuron_core.errors import TaskError


@dataclass(frozen=True)
class BadRow:
    """Stands for a row that can't be read. The row is rejected with this reason; the other rows are still read."""

    complaint: str
    value: str = ""
    "the beginning of the row in the file"
    rule: str = "unreadable row"
    accepted: str = ""


Row = tuple[int, dict[str, Any] | BadRow]
"a row's number in its source, and its values by column or the reason why it has none"
Note = Callable[[str], None]
Reader = Callable[["Source", Note], Iterator[Row]]

MAX_UPLOAD_BYTES = 200 * 2**20
MAX_PATH_BYTES = 2**30
"largest size of a file given by its path, after unpacking"
MAX_COLUMNS = 10_000
MAX_LINES = 20_000_000
"of a text file: each takes memory and time, also an empty one"
MAX_CELL = 4_000_000
"characters of a cell: more than any model's context holds"
MAX_NAME = 10_000
"characters of a column's name"
VALUE_LENGTH = 200
ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1", "cp1251", "gb18030", "shift_jis", "euc_kr")
_UTF_16, _UTF_32 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
NEW_LINE = b"\n"
SMALL_PIECE = 64
"bytes of a packed file that are unpacked at a time, if they may become a megabyte"


class EncodingError(TaskError):
    """The text is not in the encoding by which it was read. Another encoding can be chosen."""


@dataclass(frozen=True)
class ReadOptions:
    """How a file is read. With the defaults, everything is found out from the file."""

    format: str | None = None
    "a name of FORMATS; None: found by the ending or the content"
    encoding: str | None = None
    "encoding of a text file; None: UTF-8"
    delimiter: str | None = None
    "separator of the cells of a CSV file; None: found from its first lines"
    header: bool | int | None = None
    "None: the header is found; False: there is none; a number: the row with the column names"
    columns: tuple[str, ...] | None = None
    "names of the columns, for a file without a header"
    part: str | None = None
    "the sheet of a workbook, the list of a JSON object or the file of a ZIP archive to read"
    tag_column: int | None = None
    "for a file with one token per line: the column with the tags, counted from 1; None: the last one"
    tag_names: Mapping[str, str] = field(default_factory=dict)
    "number of a tag → its name, for files that give tags as numbers"
    labels: tuple[bytes, ...] = ()
    "contents of files with one label per line, or with a number and the name of its label per line"
    sample: int | None = None
    "number of rows drawn from a larger file by `seed`; None: all rows"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise TaskError(f"the delimiter {self.delimiter!r}", accepted="one character, such as , ; | or a tab")
        if self.sample is not None and self.sample < 1:
            raise TaskError(f"a sample of {self.sample} rows", accepted="1 or more")
        if self.columns is not None and (not all(self.columns) or len(set(self.columns)) < len(self.columns)):
            raise TaskError("the column names", accepted="different names that are not empty, in the order of the file")


READ_DEFAULTS = ReadOptions()


@dataclass(frozen=True, eq=False)
class Source:
    """The unpacked bytes of a file. `where` names the file in messages."""

    data: bytes
    where: str
    options: ReadOptions = READ_DEFAULTS
    max_bytes: int = MAX_PATH_BYTES
    "largest size to which a compressed format may unpack"

    @property
    def encoding(self) -> str | None:
        return self.options.encoding


def unpack(data: bytes, where: str, max_bytes: int) -> bytes:
    """Unpacks a gzip file. Raises TaskError if it is damaged or cut off, or unpacks to more than `max_bytes`."""
    size, parts = 0, []
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            while part := file.read(2**22):
                size += len(part)
                check_size(size, where, max_bytes, unpacked=True)
                parts.append(part)
    except EOFError:
        raise TaskError("the gzip file is cut off", where=where, accepted="the whole file") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise TaskError(f"not a valid gzip file: {error}", where=where) from None
    return b"".join(parts)


def unpack_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, where: str, max_bytes: int) -> bytes:
    """The content of a file in a ZIP archive. TaskError where it is more than `max_bytes`.

    What the archive says of its size may be false. Other errors as of zipfile.
    """
    size, parts, piece = 0, [], 2**16
    with cast(zipfile.ZipExtFile, archive.open(entry)) as file:
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # For other ways of packing, zipfile unpacks all that it has read at once, however much that gives.
            piece = file.MIN_READ_SIZE = SMALL_PIECE
        while part := file.read(piece):
            size += len(part)
            check_size(size, where, max_bytes, unpacked=True)
            parts.append(part)
    return b"".join(parts)


def check_size(size: int, where: str, max_bytes: int, *, unpacked: bool = False) -> None:
    """TaskError where `size` bytes are more than the limit of an upload, or of a file by its path."""
    if size > max_bytes:
        what = "the file unpacks to more" if unpacked else f"the file has {size / 2**20:.1f} MB; that is more"
        limit = f"{max_bytes // 2**20} MB"
        upload = max_bytes < MAX_PATH_BYTES
        raise TaskError(
            f"{what} than the {limit} of {'an upload' if upload else 'a file'}",
            where=where,
            accepted=f"at most {limit}; {'a larger file by its path' if upload else 'a part of the file'}",
        )


def too_long(value: object, column: str = "") -> BadRow | None:
    """The reason to reject a row with this cell if the cell is longer than any example may be; None if it is not.
    In a list or an object, all texts together count.
    """
    return long_cell(value, column) if _length(value) > MAX_CELL else None


def long_cell(value: object, column: str = "") -> BadRow:
    """The reason to reject a row with this cell, which is too long."""
    named = f"{column[:60]}: " if column else ""
    begins = shown(value) if isinstance(value, str) else f"a {type(value).__name__}"
    limit = f"{MAX_CELL:,} characters"
    return BadRow(f"has a cell of more than {limit}", f"{named}{begins}", "cell too long", f"at most {limit}")


def _length(value: object) -> int:
    """Characters of a text, or of all texts in a list or an object."""
    length, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            length += len(one)
        elif isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list | tuple):
            waiting += one
    return length


def shown(value: object) -> str:
    """The beginning of a value, for a message."""
    text = str(value)
    return text if len(text) <= VALUE_LENGTH else f"{text[:VALUE_LENGTH]}…"


def text_of(source: Source) -> str:
    """Decodes the file, as UTF-8 unless another encoding was chosen. Byte order mark and carriage returns are
    removed.
    """
    name = source.encoding or "utf-8"
    try:
        # An empty file would be decoded without an error even by an unknown encoding.
        codecs.lookup(name)
        text = source.data.decode(name)
    except UnicodeError as error:
        byte = error.start if isinstance(error, UnicodeDecodeError) else 0
        raise EncodingError(
            f"the file is not {'UTF-8' if source.encoding is None else name} (byte {byte})",
            where=f"{source.where}, line {1 + source.data.count(NEW_LINE, 0, byte)}",
            accepted=f"UTF-8 text, or the file's encoding chosen by encoding= (--encoding), {_offer(source.data)}",
        ) from None
    except (LookupError, ValueError):
        raise EncodingError(
            f"unknown encoding {name[:60]!r}", where=source.where, accepted=", ".join(ENCODINGS) + " and others"
        ) from None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    # Files that were joined bring theirs along. It shows nothing, and a model would read it.
    text = text.removeprefix("\ufeff").replace("\n\ufeff", "\n")
    if (place := text.find("\0")) >= 0:
        raise EncodingError(
            f"the file is not text (a zero byte at character {place})",
            where=f"{source.where}, line {text.count(chr(10), 0, place) + 1}",
            accepted=f"UTF-8 text, or the file's encoding chosen by encoding= (--encoding), {_wide(source.data)}",
        )
    if (lines := text.count("\n")) > MAX_LINES:
        raise TaskError(
            f"the file has {lines:,} lines",
            where=source.where,
            accepted=f"at most {MAX_LINES:,} lines",
        )
    return text


def _wide(data: bytes) -> str:
    """Which encoding puts the zero bytes of this text where they are, with two or four bytes a character."""
    first, second, third, fourth = (data[place:4000:4].count(0) for place in range(4))
    if 2 * min(second, third) > max(first, fourth):
        return "perhaps utf-32-be" if first > fourth else "perhaps utf-32-le"
    return "perhaps utf-16-be" if first + third > second + fourth else "perhaps utf-16-le"


def _offer(data: bytes) -> str:
    if data.startswith(_UTF_32):
        return "here utf-32"
    if data.startswith(_UTF_16):
        return "here utf-16"
    return f"for instance {', '.join(ENCODINGS[2:])}"
