"""The file formats, one small reader each: a file's bytes in, numbered rows out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from neuron_core.errors import TaskError
from neuron_core.tasks.readers.delimited import parts_evenly, read_csv, read_lines, read_tsv
from neuron_core.tasks.readers.json_rows import read_json, read_json_lines
from neuron_core.tasks.readers.parquet import read_parquet
from neuron_core.tasks.readers.shapes import multiple_choice, shaped
from neuron_core.tasks.readers.source import BadRow, Note, Reader, Row, Source, shown
from neuron_core.tasks.readers.sst import read_sst
from neuron_core.tasks.readers.tagging import is_comment, read_conll2000, read_tagged, split_line
from neuron_core.tasks.readers.tags import CHUNKS, normal, prefixed, types_of
from neuron_core.tasks.readers.xlsx import read_xlsx


@dataclass(frozen=True)
class Format:
    """A file format: its reader, the file endings that mean it, the kind its rows are made for."""

    read: Reader
    suffixes: tuple[str, ...] = ()
    kind: str | None = None


def _commonsense_qa(source: Source, note: Note) -> Iterator[Row]:
    accepted = '{"question": {"stem": …, "choices": [{"label": "A", "text": …}, …]}, "answerKey": "A"}'
    for number, fields in read_json_lines(source, note):
        row = fields if isinstance(fields, BadRow) else multiple_choice(fields)
        yield number, row or BadRow("is not a CommonsenseQA record", shown(fields), "another record", accepted)


FORMATS: dict[str, Format] = {
    "jsonl": Format(read_json_lines, (".jsonl", ".ndjson")),
    "csv": Format(read_csv, (".csv",)),
    "tsv": Format(read_tsv, (".tsv", ".tab")),
    "json": Format(read_json, (".json",)),
    "parquet": Format(read_parquet, (".parquet", ".pq")),
    "xlsx": Format(read_xlsx, (".xlsx",)),
    "tagged": Format(read_tagged, (".conll", ".conllu", ".iob", ".bio", ".iob2"), kind="span_typing"),
    "few-nerd": Format(read_tagged, kind="span_typing"),
    "conll2000": Format(read_conll2000, kind="chunking"),
    "sst": Format(read_sst, kind="classification"),
    "commonsenseqa": Format(_commonsense_qa, kind="multiple_choice"),
    "lines": Format(read_lines, kind="classification"),
}
SUFFIXES = {suffix: name for name, one in FORMATS.items() for suffix in one.suffixes}
ACCEPTED = (
    f"{', '.join(one.suffixes[0] for one in FORMATS.values() if one.suffixes)}, "
    f"{', '.join(suffix for one in FORMATS.values() for suffix in one.suffixes[1:])}, the text ones also with .gz; "
    "or a file with a token and its tags a line (CoNLL, Few-NERD), an SST or a CommonsenseQA file as published"
)
_SAMPLE = 2**16
_LINES = 20
_TYPE_TAG = re.compile(r"O|[a-z]+[-_]\S+")
_TREE = re.compile(r"\([0-4] .*\)\s*")


def get_format(name: str) -> Format:
    """The format called `name`; TaskError lists the known ones."""
    if name not in FORMATS:
        raise TaskError(f"unknown file format {name!r}", accepted=", ".join(FORMATS))
    return FORMATS[name]


def detect(suffix: str, source: Source) -> str:
    """The format's name, by the file's ending (without .gz), else by how its content begins."""
    if suffix in SUFFIXES:
        named = SUFFIXES[suffix]
        # A chunk file may end in .conll too; its rows are another kind's.
        return (_published(source) or named) if named == "tagged" else named
    if source.data.startswith(b"PAR1"):
        return "parquet"
    if source.data.startswith(b"PK\x03\x04"):
        return "xlsx"
    found = "lines" if source.options.labels else _published(source)
    if found is None:
        found = _by_content(source)
    if found is None:
        raise TaskError(f"unknown file type {suffix!r}", where=source.where, accepted=ACCEPTED)
    return found


def read_rows(name: str, source: Source, note: Note) -> Iterator[Row]:
    """The rows of a file in the format `name`; records of published datasets come as task rows."""
    rows = get_format(name).read(source, note)
    return rows if get_format(name).kind else shaped(rows, note, source.options.tag_names)


def _by_content(source: Source) -> str | None:
    """JSON or a table of cells under a name that does not say so; None where most lines have a single cell."""
    try:
        text = source.data[:_SAMPLE].decode(source.encoding or "utf-8", errors="replace").removeprefix("\ufeff")
    except (LookupError, ValueError):
        return None
    lines = [line for line in re.split(r"\r\n|\n|\r", text) if line.strip()][:_LINES]
    if text.lstrip().startswith(("{", "[{", "[[")):
        return "jsonl" if text.lstrip().startswith("{") and len(lines) > 1 else "json"
    tabs = {line.count("\t") for line in lines}
    if len(lines) > 2 and len(tabs) == 1 and tabs != {0}:
        return "tsv"
    return "csv" if len(lines) > 2 and parts_evenly(lines) else None


def _published(source: Source) -> str | None:
    try:
        text = source.data[:_SAMPLE].decode(source.encoding or "utf-8", errors="replace").removeprefix("\ufeff")
    # An encoding that is none is named when the file is read.
    except (LookupError, ValueError):
        return None
    lines = re.split(r"\r\n|\n|\r", text)
    if len(source.data) > _SAMPLE:
        lines.pop()
    filled = [line.rstrip(" ") for line in lines if line.strip(" \t")]
    if not filled:
        return None
    if all(map(_TREE.fullmatch, filled)):
        return "sst"
    if filled[0].startswith("{") and '"answerKey"' in filled[0]:
        return "commonsenseqa"
    tokens = [line for line in filled if not is_comment(line) and not line.startswith("-DOCSTART-")]
    rows = [split_line(line) for line in tokens]
    if not rows or len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
        return None
    tags = [row[-1] for row in rows]
    if len(rows[0]) == 3 and prefixed(tags) and types_of(tags) <= CHUNKS:
        return "conll2000"
    if (
        prefixed(normal(tags))
        or prefixed(normal([row[0] for row in rows]))
        or (len(rows[0]) == 2 and set(tags) != {"O"} and all(map(_TYPE_TAG.fullmatch, tags)))
    ):
        return "tagged"
    return None
