"""Files that are no table whatever their name says: each is named as what it is. ZIP archives are opened."""

import io
import zipfile
import zlib
from collections.abc import Collection
from pathlib import PurePath

from neuron_core.errors import TaskError
from neuron_core.tasks.readers.source import Note, check_size

_HTML = (b"<!doctype html", b"<html", b"<head", b'<?xml version="1.0" encoding="utf-8"?>\n<!doctype html')


def refuse_what_is_no_table(data: bytes, where: str) -> None:
    """TaskError for a Git LFS pointer, a web page, a PDF, an old Excel workbook."""
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
    ):
        if begins.startswith(signs):
            raise TaskError(what, where=where, accepted=accepted)


def is_zip(data: bytes) -> bool:
    """Whether it is a ZIP archive that is no workbook."""
    if not data.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return "[Content_Types].xml" not in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def from_zip(
    data: bytes, where: str, part: str | None, suffixes: Collection[str], max_bytes: int, note: Note
) -> tuple[bytes, PurePath]:
    """The only file of an archive with one of these endings, or the only one, or the one called `part`.

    TaskError: several, none, damaged, too large.
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
                    accepted=f"one of them by its name (--sheet): {', '.join(entries)[:300]}",
                )
            with archive.open(entries[part]) as file:
                content = file.read(max_bytes + 1)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError, NotImplementedError) as error:
        raise TaskError(f"the ZIP archive can't be unpacked: {error}", where=where, accepted="the file in it") from None
    check_size(len(content), where, max_bytes, unpacked=True)
    note(f"read from the ZIP archive: {part}")
    return content, PurePath(part)
