"""The file formats. Each has a small reader that turns a file's bytes into numbered rows."""

from collections.abc import Iterator
from dataclasses import dataclass

from neuron_core.errors import TaskError
from neuron_core.tasks.readers.delimited import read_csv, read_tsv
from neuron_core.tasks.readers.detect import by_content
from neuron_core.tasks.readers.json_rows import read_json, read_json_lines
from neuron_core.tasks.readers.lines import read_fasttext, read_lines
from neuron_core.tasks.readers.parquet import read_parquet
from neuron_core.tasks.readers.shapes import multiple_choice, shaped
from neuron_core.tasks.readers.source import (
    MAX_CELL,
    MAX_NAME,
    MAX_PATH_BYTES,
    BadRow,
    Note,
    Reader,
    Row,
    Source,
    shown,
    too_long,
)
from neuron_core.tasks.readers.sst import read_sst
from neuron_core.tasks.readers.tagging import read_conll2000, read_tagged
from neuron_core.tasks.readers.xlsx import read_xlsx


@dataclass(frozen=True)
class Format:
    """A file format: its reader, its file endings, and the task kind of its rows if the format fixes it."""

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
    "fasttext": Format(read_fasttext, kind="classification"),
    "lines": Format(read_lines, kind="classification"),
}
SUFFIXES = {suffix: name for name, one in FORMATS.items() for suffix in one.suffixes}
ACCEPTED = (
    f"{', '.join(one.suffixes[0] for one in FORMATS.values() if one.suffixes)}, "
    f"{', '.join(suffix for one in FORMATS.values() for suffix in one.suffixes[1:])}, text formats also as .gz; "
    "or a file with one token and its tags per line (CoNLL, Few-NERD), an SST or a CommonsenseQA file as published"
)


def get_format(name: str) -> Format:
    """The format called `name`. Raises TaskError, which lists the known formats, for any other name."""
    if name not in FORMATS:
        raise TaskError(f"unknown file format {name!r}", accepted=", ".join(FORMATS))
    return FORMATS[name]


def detect(suffix: str, source: Source) -> str:
    """The format's name, by its content where that is plain, else by the file's ending (without .gz)."""
    found = by_content(suffix, source, SUFFIXES)
    if found is None:
        raise TaskError(f"unknown file type {suffix!r}", where=source.where, accepted=ACCEPTED)
    return found


def _bounded(rows: Iterator[Row], where: str) -> Iterator[Row]:
    """The rows; one with a cell or a column's name that is too long is a BadRow. TaskError for more text than any file
    may have: the rows of a file of tags repeat their sentence.
    """
    n_characters = 0
    for number, fields in rows:
        found = fields
        for name, value in fields.items() if isinstance(fields, dict) else ():
            if len(name) > MAX_NAME:
                limit = f"{MAX_NAME:,} characters"
                what = f"has a column with a name of more than {limit}"
                found = BadRow(what, shown(name), "name too long", f"at most {limit}")
            elif isinstance(value, str) and len(value) <= MAX_CELL:
                n_characters += len(value)
            elif isinstance(value, str | list | dict) and (bad := too_long(value, name)):
                found = bad
        if n_characters > MAX_PATH_BYTES:
            raise TaskError(
                f"the rows have more than {MAX_PATH_BYTES:,} characters, their sentences repeated",
                where=f"{where}, row {number}",
                accepted="a part of the file; in a file of tags, a blank line behind every sentence",
            )
        yield number, found


def read_rows(name: str, source: Source, note: Note) -> Iterator[Row]:
    """The rows of a file in the format `name`. Records of published datasets are turned into task rows."""
    rows = _bounded(get_format(name).read(source, note), source.where)
    return rows if get_format(name).kind else shaped(rows, note, source.options.tag_names)
