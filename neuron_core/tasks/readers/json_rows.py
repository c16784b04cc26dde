"""JSON lines, whose rows are numbered by line, and JSON files, whose rows are numbered from 1."""

import json
import re
from collections.abc import Iterator
from typing import Any

from neuron_core.errors import TaskError, first_of
from neuron_core.tasks.readers.header import header_names, with_header
from neuron_core.tasks.readers.source import BadRow, Note, Row, Source, shown, text_of
from neuron_core.tasks.repeated import JSON, RepeatedKeyError, literal, repeated_key, said, twice

_SHAPES = '[{"text": …}, …], {"text": […], …}, or one object a line'
_SAID = ("error", "detail", "message")
"keys under which servers report an error"
_DEEPEST = 40
"deepest nesting of lists and objects; no example is nested this deeply, and Python can't walk thousands of levels"
_LONGEST_LITERAL = 5_000_000
"characters of a file that is read as Python wrote it"
_DEEPEST_LIST = 3
"keys above a list of records"
_NAMED = re.compile(r"\w+\s*=\s*(?=[\[({])")
_BROKEN = (ValueError, RecursionError)
"raised for broken JSON, for numbers with thousands of digits, and for thousands of nested lists"


def read_json_lines(source: Source, note: Note) -> Iterator[Row]:
    """Reads one object per line. A line that is not an object is a BadRow.

    A file that is a single list, or whose objects span several lines, is read as such.
    """
    text = text_of(source)
    beginning = text.lstrip()[:1]
    if beginning == "[":
        content = _whole(text)
        if isinstance(content, list) and all(isinstance(row, dict | list) for row in content):
            note("the file is one JSON list, and is read as that")
            return _of_list(content, source, note)
    if beginning == "{" and not _first_line_is_whole(text):
        rows = _concatenated(text)
        if rows is not None:
            note("the file is read as JSON objects one after the other, each over several lines")
            return _objects(rows)
    first_line = next((line for line in text.split("\n") if line.strip()), "")
    if isinstance(value := _whole(first_line), list) and _pair(value) is None:
        lists = [_whole(line) for line in text.split("\n") if line.strip()]
        if all(isinstance(one, list) for one in lists):
            return _of_list(lists, source, note)
    return _lines(text, note)


def read_json(source: Source, note: Note) -> Iterator[Row]:
    """A list of objects, or one object: of columns (lists, or objects by row key as pandas writes them), of pandas'
    `split` form, or with the list of objects under one of its keys."""
    text = text_of(source)
    if not text.strip():
        return iter(())
    try:
        content = JSON.decode(text)
    except _BROKEN as error:
        if text.lstrip().startswith("{"):
            if _first_line_is_whole(text):
                note("the file is read as one JSON object a line")
                return _lines(text, note)
            rows = _concatenated(text)
            if rows is not None:
                note("the file is read as JSON objects one after the other")
                return _objects(rows)
        try:
            content = _literal(text)
        except RepeatedKeyError as again:
            raise TaskError(f"the file {again}", where=source.where, accepted="every key once in an object") from None
        if content is None:
            raise TaskError(f"not JSON: {error}", where=f"{source.where}, {_line(error)}", accepted=_SHAPES) from None
        note("the file is read as Python writes lists, not as JSON")
    if isinstance(content, list):
        return _of_list(content, source, note)
    if isinstance(content, dict) and content:
        # Of rows, lists and columns with one name, the last alone would be left.
        if (key := repeated_key(content, within_lists=False)) is not None:
            raise TaskError(f"the file {said(key)}", where=source.where, accepted="every key once in an object")
        return _of_object(content, source, note)
    raise TaskError("neither a list of objects nor columns", where=f"{source.where}, row 1", accepted=_SHAPES)


def _of_object(content: dict[str, Any], source: Source, note: Note) -> Iterator[Row]:
    lists = lists_in(content)
    part = source.options.part
    if part is not None:
        if part not in lists:
            raise TaskError(
                f"the file has no list called {part!r}", where=source.where, accepted=first_of(lists) or "no such name"
            )
        return _objects(lists[part])
    columns, data = content.get("columns"), content.get("data")
    if isinstance(columns, list) and isinstance(data, list) and all(isinstance(row, list) for row in data):
        names = [str(column) for column in columns]
        names = header_names(names, source.where, note) if twice(names) is not None else names
        return (
            (number, dict(zip(names, row, strict=True)))
            if len(row) == len(names)
            else (number, BadRow(f"the row has {len(row)} values, the columns are {len(names)}", shown(row)))
            for number, row in enumerate(data, start=1)
        )
    if said := next((content[key] for key in _SAID if isinstance(content.get(key), str) and len(content) <= 3), None):
        what = f"the file holds a message instead of data: {said[:200]!r}"
        raise TaskError(what, where=source.where, accepted=_SHAPES)
    if _by_row(content):
        return _objects(list(content.values()))
    # As the hub's viewer gives them, beside a list of its columns.
    viewed = {key: [row["row"] for row in rows] for key, rows in lists.items() if _are_viewed(rows)}
    lists = viewed if len(viewed) == 1 else lists
    if len(lists) == 1:
        (key,) = lists
        if len(content) > 1 or key.lower() not in ("data", "rows"):
            note(f"the list under {key!r} is read")
        return _objects(lists[key])
    if len(lists) > 1:
        raise TaskError(
            f"the file has {len(lists)} lists of objects",
            where=source.where,
            accepted=f"one of them by its name (--sheet): {first_of(lists)}",
        )
    return _columns(content, source.where)


def _by_row(content: dict[str, Any]) -> bool:
    """Whether the keys stand for rows (objects with the same columns) rather than for columns."""
    rows = list(content.values())
    if len(rows) < 2 or not all(isinstance(row, dict) and row for row in rows):
        return False
    columns = list(rows[0])
    return all(list(row) == columns for row in rows) and not all(column.isdigit() for column in columns)


def lists_in(content: dict[str, Any]) -> dict[str, list[Any]]:
    """Lists of records by the keys that they stand under, joined by dots: `train`, `data.train`."""
    found: dict[str, list[Any]] = {}
    level = [("", content)]
    for _ in range(_DEEPEST_LIST):
        below = []
        for before, part in level:
            for key, value in part.items():
                if isinstance(value, list) and value and all(isinstance(v, dict) or _pair(v) for v in value):
                    found[f"{before}{key}"] = value
                elif isinstance(value, dict):
                    below.append((f"{before}{key}.", value))
        if found:
            break
        level = below
    return found


def _of_list(content: list[Any], source: Source, note: Note) -> Iterator[Row]:
    """Records, pairs, or lists of cells below one of the column names."""
    if len(content) > 1 and all(isinstance(row, list) for row in content) and not all(map(_pair, content)):
        note("the first list holds the column names")
        return with_header(iter(enumerate(content, start=1)), source.options, source.where, note)
    return _objects(content)


def _pair(value: Any) -> dict[str, Any] | None:
    """A text with its annotations in the form of spaCy, [text, {"entities": […]}]; None for any other value."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict):
        return {"text": value[0], **{key: said for key, said in value[1].items() if key != "text"}}
    return None


def _are_viewed(rows: list[Any]) -> bool:
    return all(isinstance(row, dict) and isinstance(row.get("row"), dict) for row in rows)


def _literal(text: str) -> Any:
    """A list or an object written as a Python literal, possibly after a name and `=`; None for any other text.

    RepeatedKeyError for a key that stands twice.
    """
    text = text.strip()
    named = _NAMED.match(text)
    text = text[named.end() :] if named else text
    if len(text) > _LONGEST_LITERAL or not text.startswith(("[", "(", "{")):
        return None
    try:
        return _as_lists(literal(text))
    except RepeatedKeyError:
        raise
    except (*_BROKEN, SyntaxError, MemoryError, TypeError):
        return None


def _as_lists(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_as_lists(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _as_lists(item) for key, item in value.items()}
    # Sets, bytes and complex numbers have no place in a table.
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _whole(text: str) -> Any:
    try:
        return JSON.decode(text)
    except _BROKEN:
        return None


def _first_line_is_whole(text: str) -> bool:
    line = next((line for line in text.split("\n") if line.strip()), "")
    return isinstance(_whole(line.strip().removesuffix(",")), dict)


def _concatenated(text: str) -> list[Any] | None:
    """JSON values that follow each other, with any white space between them; None if the text is anything else."""
    found: list[Any] = []
    place = 0
    try:
        while place < len(text):
            value, place = JSON.raw_decode(text, place)
            found.append(value)
            while place < len(text) and text[place] in " \t\n,":
                place += 1
    except _BROKEN:
        return None
    return found


def _line(error: Exception) -> str:
    return f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "row 1"


def _lines(text: str, note: Note) -> Iterator[Row]:
    commas = 0
    # splitlines() would also split at U+2028 and similar characters, which may occur inside a JSON string.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            try:
                value = JSON.decode(line)
            except json.JSONDecodeError:
                value = JSON.decode(line.rstrip().removesuffix(","))
                commas += 1
        except _BROKEN as error:
            yield number, BadRow(f"is not JSON: {error}", shown(line), "not JSON", '{"text": …}')
            continue
        yield from _objects([value], number)
    if commas:
        note(f"a comma behind the object of {commas:,} {'line' if commas == 1 else 'lines'} is left out")


def _objects(items: list[Any], first: int = 1) -> Iterator[Row]:
    for number, item in enumerate(items, start=first):
        fields = _pair(item) or item
        if not isinstance(fields, dict):
            yield number, BadRow("is not a JSON object", shown(fields), "not an object", '{"text": …}')
        elif _too_deep(fields):
            what = f"has more than {_DEEPEST} lists or objects inside one another"
            yield number, BadRow(what, rule="nested too deeply")
        elif (key := repeated_key(item)) is not None:
            yield number, BadRow(said(key), shown(item), "key twice", "every key once in an object")
        else:
            yield number, fields


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            item
            for each in level
            for item in (each.values() if isinstance(each, dict) else each)
            if isinstance(item, dict | list)
        ]
        if not level:
            return False
    return True


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
    yield from _objects([dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)])
