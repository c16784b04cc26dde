"""What a task kind must say."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neuron_core.tasks.task import Example, Task, Wording

Fields = Mapping[str, Any]
A_LIST = '["a", "b", "c", "d"] or a | b | c | d'


@dataclass(frozen=True)
class Problem:
    """Why a row can't be an example.

    rule: the sort of problem, which counts go by; complaint: what is wrong with this row; accepted: what would fit.
    """

    column: str
    rule: str
    complaint: str
    accepted: str = ""


@dataclass(frozen=True)
class TaskKind:
    """One form of task.

    columns: required columns of a row; `check(fields)` returns the first problem or None;
    `stem(example, wording)` is the text after "Question:"; `options(example, task, seed)` is the correct
    option, then three wrong ones.
    """

    name: str
    columns: tuple[str, ...]
    wording: Wording
    check: Callable[[Fields], Problem | None]
    stem: Callable[[Example, Wording], str]
    options: Callable[[Example, Task, int], tuple[str, ...]]
    label_column: str | None = None


def empty(fields: Fields, columns: Sequence[str]) -> Problem | None:
    """The problem of the first of the columns that holds nothing but white space."""
    blank = next((c for c in columns if not str(fields[c]).strip()), None)
    return Problem(blank, "empty", "is empty", "a text") if blank else None


def one_line(text: Any) -> str:
    """White space, line breaks too, folded to single spaces: a prompt line is a line."""
    return " ".join(str(text).split())


def pick(items: Sequence[str], count: int, seed: int, key: str) -> tuple[str, ...]:
    """`count` of `items`, drawn without replacement by a hash of (seed, key, item)."""
    ranked = sorted(items, key=lambda item: hashlib.sha256(f"{seed}|{key}|{item}".encode()).hexdigest())
    return tuple(ranked[:count])
