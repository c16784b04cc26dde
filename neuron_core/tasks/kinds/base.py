"""What a task kind must say."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neuron_core.tasks.task import Example, Task, Wording

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class TaskKind:
    """One form of task.

    columns: required columns of a row; `check(fields)` returns (column, complaint) or None;
    `stem(example, wording)` is the text after "Question:"; `options(example, task, seed)` is the correct
    option, then three wrong ones.
    """

    name: str
    columns: tuple[str, ...]
    wording: Wording
    check: Callable[[Fields], tuple[str, str] | None]
    stem: Callable[[Example, Wording], str]
    options: Callable[[Example, Task, int], tuple[str, ...]]
    label_column: str | None = None


def one_line(text: str) -> str:
    """White space, line breaks too, folded to single spaces: a prompt line is a line."""
    return " ".join(str(text).split())


def pick(items: Sequence[str], count: int, seed: int, key: str) -> tuple[str, ...]:
    """`count` of `items`, drawn without replacement by a hash of (seed, key, item)."""
    ranked = sorted(items, key=lambda item: hashlib.sha256(f"{seed}|{key}|{item}".encode()).hexdigest())
    return tuple(ranked[:count])
