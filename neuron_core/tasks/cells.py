"""Lists and objects that stand in one cell as text: JSON, Python, numpy, bars, semicolons, lettered lines."""

import ast
import json
import re
from collections.abc import Sequence
from typing import Any

_ARRAY = re.compile(r"\barray\((\[.*?\])(?:,\s*dtype=[\w.<>]+)?\)", re.DOTALL)
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_LETTERED = re.compile(r"(?:^|(?<=\s))\(?([A-J])[.):]\s+")
_LABEL = re.compile(r"[(\[]?(?:([A-Ja-j])(?:[.):\]]\s*|\s+[-–—]\s+)|([0-9]{1,2})(?:[.):\]]\s+|\s+[-–—]\s+))(?=\S)")
_BROKEN = (ValueError, SyntaxError, RecursionError, MemoryError)
LONGEST = 1_000_000
"characters of a cell that may be a list"


def structured(text: str) -> Any:
    """A cell that begins like a list or an object as that; None where it is neither.

    Beside JSON and Python's own form: numpy's, which `to_csv` writes without commas or as array(…).
    """
    text = text.strip()
    if not text.startswith(("[", "{", "array(")) or len(text) > LONGEST:
        return None
    plain = _ARRAY.sub(lambda match: match[1], text)
    lists = re.sub(r"\[[^\[\]]*\]", lambda match: _with_commas(match[0]), plain, flags=re.DOTALL)
    for parse, each in ((json.loads, plain), (ast.literal_eval, lists)):
        try:
            return parse(each)
        except _BROKEN:
            continue
    return None


def _with_commas(text: str) -> str:
    """numpy's ['a' 'b'] as ['a', 'b']: Python would join the two texts."""
    return text if _TEXT.sub("", text).strip("[] \n\t") else f"[{', '.join(_TEXT.findall(text))}]"


def listed(value: Any) -> Any:
    """A cell's list; anything else stays as it is and is named when it is checked. An empty text is None."""
    if not isinstance(value, str):
        return by_key(value)[1] or value if isinstance(value, dict) else value
    text = value.strip()
    if not text:
        return None
    found = structured(text)
    if isinstance(found, dict):
        return by_key(found)[1] or value
    if isinstance(found, list):
        return found
    if text.startswith(("[", "{")):
        return value
    if len(parts := lettered(text)) > 1:
        return parts
    for separator in ("|", "\n", ";"):
        if len(parts := [part.strip() for part in text.split(separator)]) > 1:
            return [part for part in parts if part] if separator != "|" else parts
    return value


def by_key(value: dict[Any, Any]) -> tuple[list[str], list[Any]]:
    """Keys and texts of an object of options, letters and numbers in their order; both empty where it is none."""
    if len(value) < 2 or not all(isinstance(item, str | int | float) for item in value.values()):
        return [], []
    pairs = {str(key).strip(): item for key, item in value.items()}
    wanted = sorted(pairs)
    upper = [key.upper() for key in wanted]
    if upper == list("ABCDEFGHIJ"[: len(upper)]) or wanted in _numbered(len(wanted)):
        return wanted, [pairs[key] for key in wanted]
    return list(pairs), list(pairs.values())


def _numbered(n: int) -> tuple[list[str], list[str]]:
    return [str(i) for i in range(n)], [str(i) for i in range(1, n + 1)]


def lettered(text: str) -> list[str]:
    """`A) a hammer B) a spoon` as its options; empty unless the letters are A, B, C … in order from the beginning."""
    marks = list(_LETTERED.finditer(text))
    if len(marks) < 2 or marks[0].start() != 0 or [mark[1] for mark in marks] != list("ABCDEFGHIJ"[: len(marks)]):
        return []
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    return [text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]


def without_letters(texts: Sequence[str]) -> list[str] | None:
    """Options without their own `A.`, `(B)` or `1)`; None unless all of them have one, in order from the first."""
    marks = [_LABEL.match(text) for text in texts]
    if len(texts) < 2 or not all(marks):
        return None
    names = [(mark[1] or mark[2]).upper() for mark in marks if mark]
    if names != list("ABCDEFGHIJ"[: len(names)]) and names not in _numbered(len(names)):
        return None
    return [text[mark.end() :].strip() for text, mark in zip(texts, marks, strict=True) if mark]
