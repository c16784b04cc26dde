"""The bytes of a file, its text, and the limits that hold before a format is known."""

import codecs
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from neuron_core.errors import TaskError

Row = tuple[int, dict[str, Any]]
"A row's number in its source, and its value by column."
Note = Callable[[str], None]
Reader = Callable[["Source", Note], Iterator[Row]]

MAX_UPLOAD_BYTES = 200 * 2**20
ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1", "cp1251", "gb18030", "shift_jis", "euc_kr")
_UTF_16, _UTF_32 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
NEW_LINE = b"\n"


class EncodingError(TaskError):
    """Text in another encoding than the one it was read by: another can be chosen."""


@dataclass(frozen=True, eq=False)
class Source:
    """A file's bytes, unpacked; `where` names it in messages."""

    data: bytes
    where: str
    encoding: str | None = None
    max_bytes: int | None = None
    "limit of what a compressed format may unpack to"


def unpack(data: bytes, where: str, max_bytes: int | None) -> bytes:
    """What a gzip file holds. TaskError: damaged, cut off, or larger than `max_bytes`."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            content = file.read() if max_bytes is None else file.read(max_bytes + 1)
    except EOFError:
        raise TaskError("the gzip file is cut off", where=where, accepted="the whole file") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise TaskError(f"not a sound gzip file: {error}", where=where) from None
    check_size(len(content), where, max_bytes, unpacked=True)
    return content


def check_size(size: int, where: str, max_bytes: int | None, *, unpacked: bool = False) -> None:
    """TaskError where `size` bytes are more than an upload may have."""
    if max_bytes is not None and size > max_bytes:
        what = "the file unpacks to more" if unpacked else f"the file has {size / 2**20:.1f} MB; that is more"
        limit = f"{max_bytes // 2**20} MB"
        raise TaskError(
            f"{what} than the {limit} of an upload",
            where=where,
            accepted=f"at most {limit}; a larger file by its path",
        )


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
