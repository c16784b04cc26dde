"""What a workbook may take, checked before its sheets are read: every check takes time in proportion to its size."""

import functools
import io
import lzma
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from neuron_core.errors import TaskError
from neuron_core.tasks.readers.source import Source, check_size, unpack_entry

WHOLE = "the whole workbook, saved or uploaded again, or a CSV file"
MAX_CELLS = 20_000_000
MAX_SHEETS = 1000
_PREFIX = rb"(?:[\w.-]{1,40}:)?"
_UNSET = re.compile(rb"<f\b[^<>]*+(?:/>|(?<!/)>[^<]*+</f>)\s*+(?:(?:<v\s*+/>|<v></v>)\s*+)?</c>")
_PLACE = re.compile(rb"""\br\s*+=\s*+["']\s*+([A-Za-z]{1,7})([0-9]{1,12})\b""")
_SHARED = re.compile(rb"<" + _PREFIX + rb"si[\s/>]")
_CELL = re.compile(rb"<" + _PREFIX + rb"c\s([^<>]*+)>\s*+<" + _PREFIX + rb"v[^<>]*+>\s*+([0-9]{1,9})\b")
_FILES = (
    re.compile(rb"""<(?:[\w.-]{1,40}:)?sheet\s[^<>]*?\br:id\s*+=\s*+["']([^"'<>]{1,200})"""),
    re.compile(rb"""\bTarget\s*+=\s*+["']([^"'<>]{1,1000})"""),
)
"what names the file of a sheet"
_IS_SHARED = re.compile(rb"""\bt\s*+=\s*+["']s["']""")


def bounded(source: Source) -> tuple[bytes, int]:
    """The workbook anew, as an archive of what was unpacked here, and the number of its formulas without a result.

    TaskError where it unpacks to too much, where a lone far cell would make a sheet of billions of cells, where texts
    that are stored once stand in too many cells, and where several sheets have one file. Whoever reads the new archive
    can't unpack anything else: what an archive says of its sizes may be false.
    """
    unset, size, written = 0, 0, io.BytesIO()
    lengths: list[int] = []
    sheets: list[tuple[str, bytes]] = []
    try:
        with zipfile.ZipFile(io.BytesIO(source.data)) as archive, zipfile.ZipFile(written, "w") as anew:
            entries = archive.infolist()
            check_size(sum(e.file_size for e in entries), source.where, source.max_bytes, unpacked=True)
            for entry in entries:
                if not entry.filename.endswith((".xml", ".rels")):
                    continue
                where, left = f"{source.where}, {entry.filename[:60]!r}", source.max_bytes - size
                xml = unpack_entry(archive, entry, where, left)
                size += len(xml)
                _check_files(entry.filename, xml, where)
                anew.writestr(entry.filename, xml)
                _check_cells(xml, where)
                unset += len(_UNSET.findall(xml))
                lengths = max(lengths, list(_shared_lengths(xml)), key=sum)
                sheets.append((where, xml))
    # Besides what a damaged archive raises: an unknown compression, a password.
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError) as error:
        raise TaskError(f"not a valid XLSX file: {error}", where=f"{source.where}, file", accepted=WHOLE) from None
    for where, xml in sheets:
        check_size(_text_of_cells(xml, lengths, source.max_bytes), where, source.max_bytes, unpacked=True)
    return written.getvalue(), unset


def _check_files(name: str, xml: bytes, where: str) -> None:
    """TaskError where sheets of a workbook have one file, which would be read once for each of them."""
    if name.endswith(("workbook.xml", "workbook.xml.rels")):
        for pattern in _FILES:
            named = pattern.findall(xml)
            if len(set(named)) < len(named):
                raise TaskError("two sheets of the workbook have one file", where=where, accepted=WHOLE)


def _check_cells(xml: bytes, where: str) -> None:
    # All rows and columns from the first cell of the sheet to the last one would be read.
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


def _shared_lengths(xml: bytes) -> Iterator[int]:
    """Bytes that each text of a table of shared texts has at most."""
    starts = [match.start() for match in _SHARED.finditer(xml)]
    return (after - start for start, after in pairwise([*starts, len(xml)]))


def _text_of_cells(xml: bytes, lengths: list[int], most: int) -> int:
    """Bytes that the shared texts of a sheet have when every cell has its own copy."""
    if not lengths or max(lengths) * xml.count(b"v") <= most:
        return 0
    used = Counter(int(match[2]) for match in _CELL.finditer(xml) if _IS_SHARED.search(match[1]))
    return sum(lengths[place] * times for place, times in used.items() if place < len(lengths))
