"""The file formats, one small reader each: a file's bytes in, numbered rows out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from neuron_core.errors import TaskError
from neuron_core.tasks.readers.delimited import read_csv, read_tsv
from neuron_core.tasks.readers.json_rows import read_json, read_json_lines
from neuron_core.tasks.readers.parquet import read_parquet
from neuron_core.tasks.readers.shapes import commonsense_qa, shaped
from neuron_core.tasks.readers.source import Note, Reader, Row, Source
from neuron_core.tasks.readers.sst import read_sst
from neuron_core.tasks.readers.tagging import read_conll2000, read_few_nerd, split_line
from neuron_core.tasks.readers.xlsx import read_xlsx


@dataclass(frozen=True)
class Format:
    """A file format: its reader, the file endings that mean it, the kind its rows are made for."""

    read: Reader
    suffixes: tuple[str, ...] = ()
    kind: str | None = None


def _commonsense_qa(source: Source, note: Note) -> Iterator[Row]:
    for number, fields in read_json_lines(source, note):
        row = commonsense_qa(fields)
        if row is None:
            raise TaskError(
                "not a CommonsenseQA record",
                where=f"{source.where}, row {number}, column question",
                accepted='{"question": {"stem": …, "choices": [{"label": "A", "text": …}, …]}, "answerKey": "A"}',
            )
        yield number, row


FORMATS: dict[str, Format] = {
    "jsonl": Format(read_json_lines, (".jsonl", ".ndjson")),
    "csv": Format(read_csv, (".csv",)),
    "tsv": Format(read_tsv, (".tsv", ".tab")),
    "json": Format(read_json, (".json",)),
    "parquet": Format(read_parquet, (".parquet", ".pq")),
    "xlsx": Format(read_xlsx, (".xlsx",)),
    "few-nerd": Format(read_few_nerd, kind="span_typing"),
    "conll2000": Format(read_conll2000, kind="chunking"),
    "sst": Format(read_sst, kind="classification"),
    "commonsenseqa": Format(_commonsense_qa, kind="multiple_choice"),
}
SUFFIXES = {suffix: name for name, one in FORMATS.items() for suffix in one.suffixes}
ACCEPTED = (
    f"{', '.join(one.suffixes[0] for one in FORMATS.values() if one.suffixes)}, "
    f"{', '.join(suffix for one in FORMATS.values() for suffix in one.suffixes[1:])}, the text ones also with .gz; "
    "or a Few-NERD, CoNLL-2000, SST or CommonsenseQA file as published"
)
_SAMPLE = 2**16
_CHUNK_TAG = re.compile(r"O|[BI]-[A-Z]+")
_TYPE_TAG = re.compile(r"O|(?:[BI]-)?[a-z]+[-_]\S+")
_TREE = re.compile(r"\([0-4] .*\)\s*")


def get_format(name: str) -> Format:
    """The format called `name`; TaskError lists the known ones."""
    if name not in FORMATS:
        raise TaskError(f"unknown file format {name!r}", accepted=", ".join(FORMATS))
    return FORMATS[name]


def detect(suffix: str, source: Source) -> str:
    """The format's name, by the file's ending (without .gz), else by how its content begins."""
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    if source.data.startswith(b"PAR1"):
        return "parquet"
    if source.data.startswith(b"PK\x03\x04"):
        return "xlsx"
    found = _published(source)
    if found is None:
        raise TaskError(f"unknown file type {suffix!r}", where=source.where, accepted=ACCEPTED)
    return found


def read_rows(name: str, source: Source, note: Note) -> Iterator[Row]:
    """The rows of a file in the format `name`; records of published datasets come as task rows."""
    rows = get_format(name).read(source, note)
    return rows if get_format(name).kind else shaped(rows, note)


def _published(source: Source) -> str | None:
    try:
        text = source.data[:_SAMPLE].decode(source.encoding or "utf-8", errors="replace").removeprefix("\ufeff")
    # An encoding that is none is named when the file is read.
    except (LookupError, ValueError):
        return None
    lines = re.split(r"\r\n|\n|\r", text)
    if len(source.data) > _SAMPLE:
        lines.pop()
    filled = [line.rstrip(" ") for line in lines if line.strip()]
    if not filled:
        return None
    if all(map(_TREE.fullmatch, filled)):
        return "sst"
    if filled[0].startswith("{") and '"answerKey"' in filled[0]:
        return "commonsenseqa"
    rows = [split_line(line) for line in filled]
    if all(len(row) == 3 and _CHUNK_TAG.fullmatch(row[2]) for row in rows):
        return "conll2000"
    if all(len(row) == 2 and _TYPE_TAG.fullmatch(row[1]) for row in rows):
        return "few-nerd"
    return None
