"""The labels of a file: one spelling for each, names for numbers, and a warning where they look like no labels."""

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
"labels that a note names before it says how many more there are"


def parse_labels(text: str) -> tuple[str, ...] | dict[str, str]:
    """Parses --labels: `pos,neg` are the allowed labels, `0=neg,1=pos` are names for the labels of the file.

    Raises TaskError if only some of the labels have an equals sign.
    """
    parts = [part.strip() for part in text.split(",")]
    named = [part for part in parts if "=" in part]
    if not named:
        return tuple(parts)
    pairs = [tuple(piece.strip() for piece in part.split("=", 1)) for part in parts]
    if len(named) < len(parts) or not all(len(pair) == 2 and all(pair) for pair in pairs):
        raise TaskError(f"not labels: {text[:80]!r}", where="--labels", accepted="pos,neg or 0=negative,1=positive")
    return {pair[0]: pair[1] for pair in pairs}


def names_in(data: str) -> dict[str, str] | None:
    """Label names from lines of number, tab, name (as in TweetEval's mapping.txt); None for any other file."""
    rows = [line.split("\t") for line in data.splitlines() if line.strip()]
    return {key.strip(): name.strip() for key, name in rows} if rows and all(len(row) == 2 for row in rows) else None


def spellings(labels: Iterable[Any]) -> dict[str, str]:
    """Maps each label, with white space folded, to one common spelling.

    Labels that differ only in case, spaces or invisible characters share a spelling: the most frequent one, or the
    first of equally frequent ones.
    """
    counts = Counter(one_line(label) for label in labels)
    # If all labels are whole numbers, 1 and 1.0 are the same label.
    key = whole_number if all(_WHOLE.fullmatch(same_text(text)) for text in counts) else same_text
    best: dict[str, str] = {}
    for text, _ in counts.most_common():
        best.setdefault(key(text), visible(text))
    return {text: best[key(text)] for text in counts}


def whole_number(text: str) -> str:
    """A key for labels: a whole number without the `.0` that a table of floats adds, else `same_text`."""
    plain = same_text(text)
    return plain.removesuffix(".0") if _WHOLE.fullmatch(plain) else plain


def missing_labels(labels: Iterable[Any]) -> frozenset[str]:
    """Marks that stand for a missing label, in the form of `same_text`. A dash is one unless a plus is a label too."""
    return _NO_LABEL if any(same_text(label) == "+" for label in labels) else _NO_LABEL | {"-"}


def visible(text: str) -> str:
    """The text without invisible characters, such as zero-width spaces and direction marks."""
    return one_line("".join(char for char in text if unicodedata.category(char) != "Cf"))


def spelling_note(found: Mapping[str, str]) -> str | None:
    """A note that names the labels whose spelling was changed; None if no label was."""
    changed = [(text, to) for text, to in found.items() if text != to]
    if not changed:
        return None
    examples = ", ".join(f"{text!r} is {to!r}" for text, to in changed[:_SHOWN])
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    numbers = _WHOLE.fullmatch(same_text(changed[0][0])) is not None
    how = "in the writing of a number, such as 1 and 1.0," if numbers else "in case, spaces or invisible characters"
    return f"labels that differ only {how} count as one: {examples}{more}"


def too_many_note(labels: Sequence[str], n_examples: int, column: str) -> str | None:
    """A warning if nearly every example has a different label."""
    n = len(labels)
    if n_examples < 8 or n < 0.8 * n_examples:
        return None
    numbers = all(re.fullmatch(r"[-+]?\d+(\.\d+)?", label) for label in labels)
    what = "scores or ids" if numbers else "ids or free texts"
    return f"warning: {n:,} different labels in {n_examples:,} examples; the column {column!r} seems to hold {what}"
