"""Lists and objects that stand in one cell as text: JSON, Python, numpy, bars, semicolons, lettered lines."""

import ast
import json
import re
from typing import Any

from neuron_core.tasks.option_letters import LETTERS, lettered, numbered

_ARRAY = re.compile(r"\barray\((\[.*?\])(?:,\s*dtype=[\w.<>]+)?\)", re.DOTALL)
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_BROKEN = (ValueError, SyntaxError, RecursionError, MemoryError)
LONGEST = 1_000_000
"characters of a cell that may be a list"


def structured(text: str) -> Any:
    """A cell that begins like a list or an object as that; None where it is neither.

    Beside JSON and Python's own form: numpy's, which `to_csv` writes without commas or as array(…).
    """
    text = text.strip()
    if not text.startswith(("[", "{", "(", "array(")) or len(text) > LONGEST:
        return None
    plain = _ARRAY.sub(lambda match: match[1], text)
    lists = re.sub(r"\[[^\[\]]*\]", lambda match: _with_commas(match[0]), plain, flags=re.DOTALL)
    for parse, each in ((json.loads, plain), (ast.literal_eval, lists)):
        try:
            found = parse(each)
            return list(found) if isinstance(found, tuple) else found
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
    if upper == list(LETTERS[: len(upper)]) or wanted in numbered(len(wanted)):
        return wanted, [pairs[key] for key in wanted]
    return list(pairs), list(pairs.values())
