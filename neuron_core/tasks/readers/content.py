"""Refuses files that hold no table, whatever their name says, and opens ZIP archives."""

import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Collection
from pathlib import PurePath

from neuron_core.errors import TaskError, first_of
from neuron_core.tasks.readers.source import Note, unpack_entry

_OTHERS = (
    (
        (b"\x89png", b"\xff\xd8\xff", b"gif89a", b"gif87a"),
        "the file is a picture",
        "a table: CSV, JSON, Parquet or XLSX",
    ),
    (
        tuple(b"bzh%d1ay&sy" % size for size in range(1, 10)),
        "the file is packed with bzip2",
        "the file in it, or packed with gzip",
    ),
    ((b"\x28\xb5\x2f\xfd",), "the file is packed with Zstandard", "the file in it, or packed with gzip"),
    ((b"\xfd7zxz",), "the file is packed with xz", "the file in it, or packed with gzip"),
    ((b"7z\xbc\xaf",), "the file is a 7z archive", "the file in it, or a ZIP archive"),
    ((b"rar!\x1a",), "the file is a RAR archive", "the file in it, or a ZIP archive"),
    ((b"arrow1\0\0", b"\xff\xff\xff\xff"), "the file is an Arrow file", "the same saved as Parquet"),
    ((b"sqlite format",), "the file is an SQLite database", "a table of it, as CSV"),
    ((b"{\\rtf",), "the file is a text document (RTF)", "a table: CSV, JSON, Parquet or XLSX"),
    ((b"<?xml", b"<error>"), "the file is XML", "a table: CSV, JSON, Parquet or XLSX"),
    (
        (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
        "the file is a Python pickle",
        "the same saved as CSV or Parquet",
    ),
    ((b"\x93numpy",), "the file is a numpy array", "a table: CSV, JSON, Parquet or XLSX"),
    ((b"pk\x05\x06",), "the ZIP archive is empty", "an archive with a table in it"),
)
"what a file begins with, in small letters; what it is; what would be accepted"
_MESSAGE = re.compile(
    rb"(\w+ )?(error:? |http )?(\d{3}:? )?"
    rb"((entry |repository )?not found|forbidden|unauthorized|access (denied|to \w+)|bad gateway|invalid (username|"
    rb"credentials)|too many requests|internal server error|service unavailable)\b[^\n]{0,200}",
    re.IGNORECASE,
)
_DOCUMENTS = {
    "word/document.xml": ("the file is a text document (DOCX)", "a table: CSV, JSON, Parquet or XLSX"),
    "ppt/presentation.xml": ("the file is a presentation", "a table: CSV, JSON, Parquet or XLSX"),
    "content.xml": ("the file is an OpenDocument file", "the same saved as .xlsx or .csv"),
}
_HTML = (b"<!doctype html", b"<html", b"<head", b'<?xml version="1.0" encoding="utf-8"?>\n<!doctype html')


def refuse_non_tables(data: bytes, where: str) -> None:
    """TaskError for a Git LFS pointer, a web page, a message of a server, and for files of other programs."""
    begins = data[:200].lstrip().lower()
    for signs, what, accepted in (
        ((b"version https://git-lfs",), "the file is a Git LFS pointer, not the data", "the file itself: git lfs pull"),
        (_HTML, "the file is a web page, not the data", "the file that the page links to, perhaps after a login"),
        ((b"%pdf-",), "the file is a PDF", "a table: CSV, JSON, Parquet or XLSX"),
        (
            (b"\xd0\xcf\x11\xe0",),
            "the file is an Excel workbook of the old form (.xls)",
            "the same saved as .xlsx or .csv",
        ),
        *_OTHERS,
    ):
        if begins.startswith(signs):
            raise TaskError(what, where=where, accepted=accepted)
    if _MESSAGE.fullmatch(data[:300].strip()) and len(data) < 300:
        said = data.strip().decode(errors="replace")
        what = f"the file holds a message of a server instead of data: {said!r}"
        raise TaskError(what, where=where, accepted="the file itself, perhaps after a login")
    if data[257:262] == b"ustar":
        raise TaskError("the file is a TAR archive", where=where, accepted="the file in it, or a ZIP archive")
    for name in _names(data):
        if name in _DOCUMENTS:
            what, accepted = _DOCUMENTS[name]
            raise TaskError(what, where=where, accepted=accepted)


def _names(data: bytes) -> list[str]:
    """Names of the files in a ZIP archive; empty if the data is not one."""
    if not data.startswith(b"PK\x03\x04"):
        return []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []


def is_zip(data: bytes) -> bool:
    """Whether the data is a ZIP archive but not a workbook."""
    names = _names(data)
    return bool(names) and "[Content_Types].xml" not in names


def from_zip(
    data: bytes, where: str, part: str | None, suffixes: Collection[str], max_bytes: int, note: Note
) -> tuple[bytes, PurePath]:
    """Takes a file out of an archive: the one called `part`, or the only one with one of these endings, or the only
    one.

    Returns its content and its name. Raises TaskError for no such file or several ones, for a damaged archive, and for
    a file that unpacks to more than `max_bytes`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = {
                entry.filename: entry
                for entry in archive.infolist()
                if not entry.is_dir() and not entry.filename.startswith(("__MACOSX/", "."))
            }
            tables = [name for name in entries if PurePath(name.removesuffix(".gz")).suffix.lower() in suffixes]
            if part is None and len(tables or entries) == 1:
                (part,) = tables or entries
            if part is None or part not in entries:
                raise TaskError(
                    f"the ZIP archive holds {len(entries)} files" if part is None else f"the archive has no {part!r}",
                    where=where,
                    accepted=f"one of them by its name (--sheet): {first_of(entries)}",
                )
            if (same := archive.namelist().count(part)) > 1:
                raise TaskError(
                    f"the ZIP archive holds {same} files called {part!r}",
                    where=where,
                    accepted="an archive in which every file has a name of its own",
                )
            content = unpack_entry(archive, entries[part], where, max_bytes)
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        NotImplementedError,
    ) as error:
        raise TaskError(f"the ZIP archive can't be unpacked: {error}", where=where, accepted="the file in it") from None
    note(f"read from the ZIP archive: {part}")
    return content, PurePath(part)
