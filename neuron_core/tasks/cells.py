"""Parses lists and objects that a cell holds as text: JSON, Python, numpy, bars, semicolons, lettered options."""

import re
from typing import Any

from neuron_core.tasks.option_letters import LETTERS, lettered, numbered
from neuron_core.tasks.repeated import cell_json, literal

_ARRAY, _ARRAY_END = re.compile(r"\barray\((?=\[)"), re.compile(r"\](?:,\s*+dtype=[\w.<>]++)?\)")
# A text that does not close ends with the cell: a search for its end from every quote would take hours.
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*+(?:'|\\?$)|\"(?:[^\"\\]|\\.)*+(?:\"|\\?$)", re.DOTALL)
_BROKEN = (ValueError, SyntaxError, RecursionError, MemoryError)
LONGEST = 1_000_000
"a cell with more characters is not parsed"


def structured(text: str) -> Any:
    """Parses a cell that begins like a list or an object; None if it is neither.

    It may be JSON, a Python literal, or a numpy array as `to_csv` writes it: without commas, or as array(…).
    """
    text = text.strip()
    if not text.startswith(("[", "{", "(", "array(")) or len(text) > LONGEST:
        return None
    plain = _without_array(text)
    lists = re.sub(r"\[[^\[\]]*\]", lambda match: _with_commas(match[0]), plain, flags=re.DOTALL)
    for parse, each in ((cell_json, plain), (literal, lists)):
        try:
            found = parse(each)
            return list(found) if isinstance(found, tuple) else found
        except _BROKEN:
            continue
    return None


def _without_array(text: str) -> str:
    """The text with the lists of array(…, dtype=…) alone."""
    parts, place = [], 0
    while (begins := _ARRAY.search(text, place)) and (ends := _ARRAY_END.search(text, begins.end())):
        parts += [text[place : begins.start()], text[begins.end() : ends.start() + 1]]
        place = ends.end()
    return "".join([*parts, text[place:]])


def _with_commas(text: str) -> str:
    """Adds the commas that numpy leaves out: ['a' 'b'] becomes ['a', 'b']. Python would join the two texts."""
    return text if _TEXT.sub("", text).strip("[] \n\t") else f"[{', '.join(_TEXT.findall(text))}]"


def listed(value: Any) -> Any:
    """The list that a cell holds, or None if it is empty. Any other value is returned as it is, to be rejected
    later.
    """
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
    """The keys and texts of an object of options, sorted if the keys are letters or numbers.

    Both are empty if the object does not hold options.
    """
    if len(value) < 2 or not all(isinstance(item, str | int | float) for item in value.values()):
        return [], []
    pairs = {str(key).strip(): item for key, item in value.items()}
    wanted = sorted(pairs)
    upper = [key.upper() for key in wanted]
    if upper == list(LETTERS[: len(upper)]) or wanted in numbered(len(wanted)):
        return wanted, [pairs[key] for key in wanted]
    return list(pairs), list(pairs.values())
