"""The bytes of a file, its text, and the limits that hold before a format is known."""

import codecs
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from neuron_core.errors import TaskError


@dataclass(frozen=True)
class BadRow:
    """A row that can't be read, in place of its values: it is rejected with this reason, and the others go on."""

    complaint: str
    value: str = ""
    "the beginning of what the file has there"
    rule: str = "unreadable row"
    accepted: str = ""


Row = tuple[int, dict[str, Any] | BadRow]
"A row's number in its source, and its value by column, or why it has none."
Note = Callable[[str], None]
Reader = Callable[["Source", Note], Iterator[Row]]

MAX_UPLOAD_BYTES = 200 * 2**20
MAX_PATH_BYTES = 2**30
"of a file by its path, unpacked"
MAX_COLUMNS = 10_000
VALUE_LENGTH = 200
ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1", "cp1251", "gb18030", "shift_jis", "euc_kr")
_UTF_16, _UTF_32 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
NEW_LINE = b"\n"


class EncodingError(TaskError):
    """Text in another encoding than the one it was read by: another can be chosen."""


@dataclass(frozen=True)
class ReadOptions:
    """How a file is read, where that is not left to the file itself."""

    format: str | None = None
    "a name of FORMATS; None: by the ending, else by the content"
    encoding: str | None = None
    "of text; None: UTF-8"
    delimiter: str | None = None
    "between the cells of a CSV file; None: by its first lines"
    header: bool | int | None = None
    "None: found; False: there is none; a number: the row that holds the column names"
    columns: tuple[str, ...] | None = None
    "names of the columns of a file without a header"
    part: str | None = None
    "a sheet of a workbook, a list of a JSON object, a file of a ZIP"
    tag_column: int | None = None
    "of a file with a token a line: the column that holds the tags, from 1; None: the last"
    tag_names: Mapping[str, str] = field(default_factory=dict)
    "names of tags that the file gives as numbers"
    labels: tuple[bytes, ...] = ()
    "files that hold a label a line, for a file with a text a line, or a number and its label a line"
    sample: int | None = None
    "rows taken of a larger file, by seed"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise TaskError(f"the delimiter {self.delimiter!r}", accepted="one character, such as , ; | or a tab")
        if self.sample is not None and self.sample < 1:
            raise TaskError(f"a sample of {self.sample} rows", accepted="1 or more")
        if self.columns is not None and (not all(self.columns) or len(set(self.columns)) < len(self.columns)):
            raise TaskError("the column names", accepted="different names that are not empty, in the order of the file")


AS_FOUND = ReadOptions()


@dataclass(frozen=True, eq=False)
class Source:
    """A file's bytes, unpacked; `where` names it in messages."""

    data: bytes
    where: str
    options: ReadOptions = AS_FOUND
    max_bytes: int = MAX_PATH_BYTES
    "limit of what a compressed format may unpack to"

    @property
    def encoding(self) -> str | None:
        return self.options.encoding


def unpack(data: bytes, where: str, max_bytes: int) -> bytes:
    """What a gzip file holds. TaskError: damaged, cut off, or larger than `max_bytes`, which is never held whole."""
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
        raise TaskError(f"not a sound gzip file: {error}", where=where) from None
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


def shown(value: object) -> str:
    """The beginning of a value for a message."""
    text = str(value)
    return text if len(text) <= VALUE_LENGTH else f"{text[:VALUE_LENGTH]}…"


def text_of(source: Source) -> str:
    """The file as text without a byte order mark, lines ended by line feeds. UTF-8 unless an encoding was chosen."""
    name = source.encoding or "utf-8"
    try:
        # An empty file is decoded by any name, known or not.
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
    if (place := text.find("\0")) >= 0:
        raise EncodingError(
            f"the file is not text (a zero byte at character {place})",
            where=f"{source.where}, line {text.count(chr(10), 0, place) + 1}",
            accepted="UTF-8 text, or the file's encoding chosen by encoding= (--encoding), perhaps utf-16-le",
        )
    return text


def _offer(data: bytes) -> str:
    if data.startswith(_UTF_32):
        return "here utf-32"
    if data.startswith(_UTF_16):
        return "here utf-16"
    return f"for instance {', '.join(ENCODINGS[2:])}"
