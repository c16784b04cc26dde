"""Finds the format of a file, by its content if that is clear, otherwise by its ending."""

import re
from collections.abc import Mapping

from neuron_core.tasks.readers.delimited import splits_evenly
from neuron_core.tasks.readers.lines import is_fasttext
from neuron_core.tasks.readers.source import Source
from neuron_core.tasks.readers.tagging import is_comment, is_header, split_line
from neuron_core.tasks.readers.tags import CHUNKS, normal, prefixed, types_of

_SAMPLE = 2**16
_LINES = 20
_MOST_TYPES = 30
_TYPE_TAG = re.compile(r"O|[a-z]+[-_]\S+")
_TYPE = re.compile(r"O|[A-Za-z][\w/-]*")
_TREE = re.compile(r"\([0-4] .*\)\s*")
_TEXT_FILES = (".txt", ".text", ".lst")
_TABLES = ("csv", "tsv")
_JSON = ("json", "jsonl")


def by_content(suffix: str, source: Source, suffixes: Mapping[str, str]) -> str | None:
    """The name of a file's format; None if neither the ending nor the content tells it. suffixes: ending → format."""
    if source.data.startswith(b"PAR1"):
        return "parquet"
    if source.data.startswith(b"PK\x03\x04"):
        return "xlsx"
    named, text = suffixes.get(suffix), _beginning(source)
    if named is None:
        if source.options.labels:
            return "lines"
        found = _published(text, source) or _plain(text)
        # Whether it has labels is told when it is read.
        return found or ("lines" if suffix in _TEXT_FILES and _is_text_a_line(text) else None)
    if named == "tagged":
        # A file of chunks may end in .conll as well, but its rows are of another kind.
        return _published(text, source) or named
    if named in _TABLES and (found := _published(text, source)) in ("tagged", "conll2000"):
        return found
    found = _plain(text)
    if found is None or found == named or {found, named} <= set(_JSON):
        return named
    if named in ("xlsx", "parquet") or (named in _TABLES) != (found in _TABLES):
        return found
    # A quote sign means another thing in either: only a file without a single tab is no TSV.
    return found if named == "tsv" and "\t" not in text else named


def _beginning(source: Source) -> str:
    try:
        text = source.data[:_SAMPLE].decode(source.encoding or "utf-8", errors="replace").removeprefix("\ufeff")
    # An unknown encoding is reported when the file is read.
    except (LookupError, ValueError):
        return ""
    lines = re.split(r"\r\n|\n|\r", text)
    if len(source.data) > _SAMPLE:
        lines.pop()
    return "\n".join(lines)


def _filled(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def _plain(text: str) -> str | None:
    """The format of a file by its content: JSON, or a table if its lines have several cells; else None."""
    lines = _filled(text)[:_LINES]
    begins = text.lstrip()
    if re.match(r"\{\s*[\"'}]|\[\s*[\[{(\"'\]]|\w+\s*=\s*\[", begins):
        return "jsonl" if begins.startswith("{") and len(lines) > 1 else "json"
    tabs = {line.count("\t") for line in lines}
    if len(lines) > 2 and len(tabs) == 1 and tabs != {0}:
        return "tsv"
    return "csv" if len(lines) > 2 and splits_evenly(lines) else None


def _is_text_a_line(text: str) -> bool:
    lines = _filled(text)
    words = sum(len(line.split()) for line in lines)
    return len(lines) > 2 and words > 1.5 * len(lines) and "\ufffd" not in text and "\0" not in text


def _published(text: str, source: Source) -> str | None:
    filled = [line.rstrip(" ") for line in text.split("\n") if line.strip(" \t")]
    if not filled:
        return None
    if all(map(_TREE.fullmatch, filled)):
        return "sst"
    if filled[0].startswith("{") and '"answerKey"' in filled[0]:
        return "commonsenseqa"
    if is_fasttext(filled):
        return "fasttext"
    tokens = [line for line in filled if not is_comment(line) and not line.startswith("-DOCSTART-")]
    rows = [split_line(line) for line in tokens]
    if rows and is_header(rows[0]):
        rows = rows[1:]
    if not rows or len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
        return None
    tags = [row[-1] for row in rows]
    if len(rows[0]) == 3 and prefixed(tags) and types_of(tags) <= CHUNKS:
        return "conll2000"
    columns = [-1, *([0] if len(rows[0]) == 2 else range(len(rows[0]) - 2, 0, -1))]
    if any(prefixed(normal([row[place] for row in rows])) for place in columns):
        return "tagged"
    return "tagged" if len(rows[0]) == 2 and _are_types(tags, text) else None


def _are_types(tags: list[str], text: str) -> bool:
    """Whether tags are bare types: Few-NERD's, or a few words of which O is one, in sentences with a blank line between
    them."""
    different = set(tags)
    if different != {"O"} and all(map(_TYPE_TAG.fullmatch, different)):
        return True
    return (
        "O" in different
        and 2 <= len(different) <= min(_MOST_TYPES, len(tags) / 2)
        and all(map(_TYPE.fullmatch, different))
        and re.search(r"\n[ \t]*\n", text) is not None
    )
