"""Labels as a file has them: one spelling each, names for numbers, and a word where they look wrong."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from neuron_core.errors import TaskError
from neuron_core.tasks.kinds.base import one_line, same_text

_WHOLE = re.compile(r"[-+]?\d+(\.0)?")
_NO_LABEL = frozenset(("nan", "#n/a", "n/a", "null"))
_SHOWN = 3
"names of a list in a note"


def parse_labels(text: str) -> tuple[str, ...] | dict[str, str]:
    """`pos,neg` as the labels allowed, `0=neg,1=pos` as names by what the file has. TaskError where some have an =."""
    parts = [part.strip() for part in text.split(",")]
    named = [part for part in parts if "=" in part]
    if not named:
        return tuple(parts)
    pairs = [tuple(piece.strip() for piece in part.split("=", 1)) for part in parts]
    if len(named) < len(parts) or not all(len(pair) == 2 and all(pair) for pair in pairs):
        raise TaskError(f"not labels: {text[:80]!r}", where="--labels", accepted="pos,neg or 0=negative,1=positive")
    return {pair[0]: pair[1] for pair in pairs}


def names_in(data: str) -> dict[str, str] | None:
    """A file of lines with a number, a tab and a name (TweetEval's mapping.txt); None where it is another file."""
    rows = [line.split("\t") for line in data.splitlines() if line.strip()]
    return {key.strip(): name.strip() for key, name in rows} if rows and all(len(row) == 2 for row in rows) else None


def spellings(labels: Iterable[Any]) -> dict[str, str]:
    """Each label as it stands to its one spelling: the most frequent of those that differ in case, blanks or invisible
    characters, the first of equals. Both white space folded."""
    counts = Counter(one_line(label) for label in labels)
    # 1 and 1.0 are one number, where all labels are whole numbers.
    key = whole if all(_WHOLE.fullmatch(same_text(text)) for text in counts) else same_text
    best: dict[str, str] = {}
    for text, _ in counts.most_common():
        best.setdefault(key(text), visible(text))
    return {text: best[key(text)] for text in counts}


def whole(text: str) -> str:
    """A whole number as a table of floats has it, without its .0; any other text as a reader takes it."""
    plain = same_text(text)
    return plain.removesuffix(".0") if _WHOLE.fullmatch(plain) else plain


def no_labels(labels: Iterable[Any]) -> frozenset[str]:
    """Signs of a missing label, as `same_text` gives them; a dash is one unless there is a plus beside it."""
    return _NO_LABEL if any(same_text(label) == "+" for label in labels) else _NO_LABEL | {"-"}


def visible(text: str) -> str:
    """Without characters that show nothing (zero-width, direction marks)."""
    return one_line("".join(char for char in text if unicodedata.category(char) != "Cf"))


def spelling_note(found: Mapping[str, str]) -> str | None:
    """What was made one, for the notes; None where nothing was."""
    changed = [(text, to) for text, to in found.items() if text != to]
    if not changed:
        return None
    examples = ", ".join(f"{text!r} is {to!r}" for text, to in changed[:_SHOWN])
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    numbers = _WHOLE.fullmatch(same_text(changed[0][0])) is not None
    how = "as numbers, such as 1 and 1.0," if numbers else "in case, blanks or invisible characters"
    return f"labels that differ {how} are one: {examples}{more}"


def too_many_note(labels: Sequence[str], n_examples: int, column: str) -> str | None:
    """A warning where nearly every example has a label of its own."""
    n = len(labels)
    if n_examples < 8 or n < 0.8 * n_examples:
        return None
    numbers = all(re.fullmatch(r"[-+]?\d+(\.\d+)?", label) for label in labels)
    what = "scores or ids" if numbers else "ids or free texts"
    return f"warning: {n:,} different labels in {n_examples:,} examples; the column {column!r} seems to hold {what}"
