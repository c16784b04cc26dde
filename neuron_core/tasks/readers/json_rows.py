"""JSON lines, and JSON as a list of objects or as columns. Rows are lines there and places from 1 here."""

import json
from collections.abc import Iterator
from typing import Any

from neuron_core.errors import TaskError
from neuron_core.tasks.readers.source import Note, Row, Source, text_of

_SHAPES = '[{"text": …}, …], {"text": […], …}, or one object a line'


def read_json_lines(source: Source, note: Note) -> Iterator[Row]:
    return _lines(text_of(source), source.where)


def read_json(source: Source, note: Note) -> Iterator[Row]:
    """A list of objects, or one object of columns: lists, or objects by row key as pandas writes them."""
    text = text_of(source)
    if not text.strip():
        return iter(())
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data" and text.lstrip().startswith("{"):
            note("the file is read as one JSON object a line")
            return _lines(text, source.where)
        raise TaskError(f"not JSON: {error}", where=f"{source.where}, {_line(error)}", accepted=_SHAPES) from None
    if isinstance(content, list):
        return _objects(content, source.where)
    if isinstance(content, dict) and content:
        return _columns(content, source.where)
    raise TaskError("neither a list of objects nor columns", where=f"{source.where}, row 1", accepted=_SHAPES)


def _line(error: Exception) -> str:
    return f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "row 1"


def _lines(text: str, where: str) -> Iterator[Row]:
    # Not splitlines(): U+2028 and its like are ordinary characters inside a JSON string.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        # Besides JSONDecodeError: a number of thousands of digits, thousands of nested lists.
        except (ValueError, RecursionError) as error:
            raise TaskError(f"not JSON: {error}", where=f"{where}, row {number}") from None
        yield from _objects([fields], where, number)


def _objects(items: list[Any], where: str, first: int = 1) -> Iterator[Row]:
    for number, fields in enumerate(items, start=first):
        if not isinstance(fields, dict):
            raise TaskError("a row is not a JSON object", where=f"{where}, row {number}", accepted='{"text": …}')
        yield number, fields


def _columns(content: dict[str, Any], where: str) -> Iterator[Row]:
    lists: dict[str, list[Any]] = {}
    keys: dict[str, list[str]] = {}
    for column, values in content.items():
        if not isinstance(values, list | dict):
            raise TaskError("a column is not a list", where=f"{where}, column {column[:60]!r}", accepted=_SHAPES)
        lists[column] = list(values.values()) if isinstance(values, dict) else values
        keys[column] = list(values) if isinstance(values, dict) else [str(i) for i in range(len(values))]
    first = next(iter(content))
    for column in content:
        if keys[column] != keys[first]:
            raise TaskError(
                f"the columns differ in their rows: {len(lists[first])} in {first[:60]!r}, {len(lists[column])} in "
                f"{column[:60]!r}",
                where=f"{where}, column {column[:60]!r}",
                accepted="columns of one length",
            )
    for number, values in enumerate(zip(*lists.values(), strict=True), start=1):
        yield number, dict(zip(lists, values, strict=True))
