"""Decodes JSON and Python literals. An object with a key that stands twice is marked: a dict keeps its last value."""

import ast
import json
import math
from collections.abc import Iterable
from typing import Any


class Repeated(dict[str, Any]):
    """An object as it was decoded, with the last value of a key that stands in it several times."""

    key: str
    "the first key that stands in it twice"


class RepeatedKeyError(ValueError):
    """A key stands twice in an object."""

    def __init__(self, key: str) -> None:
        super().__init__(said(key))


def twice(names: Iterable[str]) -> str | None:
    """The first name that occurs for the second time; None if all differ."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    marked = Repeated(found)
    marked.key = twice(key for key, _ in pairs) or ""
    return marked


def _number(text: str) -> float | str:
    """A number that is too large for a float stays as it is written."""
    return number if math.isfinite(number := float(text)) else text


def _constant(text: str) -> float | str:
    """NaN, for what is missing. Infinity, which is no JSON, stays as it is written."""
    return math.nan if text == "NaN" else text


JSON = json.JSONDecoder(object_pairs_hook=_object, parse_float=_number, parse_constant=_constant)
"of files; of cells, which have no infinite numbers, see `cell_json`"
_CELL = json.JSONDecoder(object_pairs_hook=_object)


def cell_json(text: str) -> Any:
    """The JSON value in a cell. ValueError for broken JSON; RepeatedKeyError."""
    return _unmarked(_CELL.decode(text))


def literal(text: str) -> Any:
    """The value that a Python literal stands for. Raises as `ast.literal_eval`; RepeatedKeyError for a key that stands
    twice in an object, also once as a number and once as a text.
    """
    tree = ast.parse(text.lstrip(" \t"), mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            key = twice(str(key.value) for key in node.keys if isinstance(key, ast.Constant))
            if key is not None:
                raise RepeatedKeyError(key)
    return ast.literal_eval(tree)


def said(key: str) -> str:
    """The complaint about such a key."""
    return f"has the key {key[:60]!r} twice"


def repeated_key(value: Any, *, within_lists: bool = True) -> str | None:
    """A key that stands twice in an object or in one inside it; None if none does. within_lists: also inside lists."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Repeated):
            return one.key
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list) and within_lists:
            waiting += one
    return None


def _unmarked(value: Any) -> Any:
    if (key := repeated_key(value)) is not None:
        raise RepeatedKeyError(key)
    return value
