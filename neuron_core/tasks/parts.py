"""Lists the parts of a file, one of which is read: sheets of a workbook, files of a ZIP, lists of a JSON object."""

import io
import json
import lzma
import zipfile
import zlib
from pathlib import Path, PurePath
from xml.etree import ElementTree

from neuron_core.errors import TaskError
from neuron_core.tasks.readers.json_rows import lists_in
from neuron_core.tasks.readers.source import MAX_PATH_BYTES, MAX_UPLOAD_BYTES, unpack, unpack_entry

_WORKBOOK = "xl/workbook.xml"
_BROKEN = (TaskError, OSError, EOFError, RuntimeError, ValueError)
_MOST_BYTES = 2**22
"most bytes that the list of a workbook's sheets may have"


def parts_of(source: str | Path | bytes, name: str | None = None) -> tuple[str, ...]:
    """The names that `ReadOptions.part` accepts for this file, in its order; empty if the file has no parts.

    An upload is given as bytes with its `name`. For a damaged file the result is empty: the reader reports the damage.
    """
    try:
        if not isinstance(source, bytes):
            path = Path(source).expanduser()
            if not path.is_file() or path.stat().st_size > MAX_PATH_BYTES:
                return ()
            source, name = path.read_bytes(), path.name
        if source.startswith(b"PK\x03\x04"):
            return _of_archive(source)
        file = PurePath((name or "").lower())
        if source.startswith(b"\x1f\x8b") and file.with_suffix("").suffix == ".json":
            return _of_json(unpack(source, file.name, MAX_UPLOAD_BYTES))
        return _of_json(source) if file.suffix == ".json" else ()
    # An impossible path, a damaged archive, broken or too deeply nested JSON: the reader reports these in full.
    except (*_BROKEN, zipfile.BadZipFile, zlib.error, lzma.LZMAError, ElementTree.ParseError):
        return ()


def _of_archive(data: bytes) -> tuple[str, ...]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        if "[Content_Types].xml" not in names:
            return tuple(n for n in names if not n.endswith("/") and not n.startswith(("__MACOSX/", ".")))
        if _WORKBOOK not in names or archive.getinfo(_WORKBOOK).file_size > _MOST_BYTES:
            return ()
        workbook = unpack_entry(archive, archive.getinfo(_WORKBOOK), _WORKBOOK, _MOST_BYTES)
        sheets = ElementTree.fromstring(workbook).iter()
    return tuple(one.get("name", "") for one in sheets if one.tag.endswith("}sheet"))


def _of_json(data: bytes) -> tuple[str, ...]:
    content = json.loads(data)
    return tuple(lists_in(content)) if isinstance(content, dict) else ()
