"""A task and its examples, as plain values."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

LETTERS = ("A", "B", "C", "D")
ANSWERS = ("label", "answer")
"columns that hold the correct answer; each task kind has one of them"
_NOT_TEXT = (*ANSWERS, "entity", "distractors")


@dataclass(frozen=True)
class Example:
    """One labelled example. `id` is a hash of its fields, so it does not depend on file or order."""

    id: str
    fields: Mapping[str, Any]
    row: int
    "1-based row in the source"

    @cached_property
    def text(self) -> str:
        """The normalised text that the example is about. Examples with equal texts never land in different draws.

        Label, answer, entity and distractors are left out, so two entities of one sentence have the same text. The
        order of a list does not matter.
        """
        parts = [self.fields[key] for key in sorted(self.fields) if key not in _NOT_TEXT]
        flat = [" ".join(sorted(map(str, part))) if isinstance(part, list | tuple) else str(part) for part in parts]
        return " ".join(" ".join(flat).lower().split())

    @property
    def answer(self) -> str:
        """The correct answer, with white space folded."""
        return " ".join(str(next(self.fields[column] for column in ANSWERS if column in self.fields)).split())


@dataclass(frozen=True)
class Wording:
    """The role and the question of a prompt, which are the same for every example of a task."""

    role: str
    question: str = ""


@dataclass(frozen=True)
class Task:
    """A named list of examples of one kind."""

    name: str
    kind: str
    examples: tuple[Example, ...]
    source: str
    wording: Wording
    labels: tuple[str, ...] = ()
    "distinct labels in the order in which they first occur; empty if the kind has no labels"

    @cached_property
    def columns(self) -> frozenset[str]:
        """Columns that at least one example has."""
        return frozenset(column for example in self.examples for column in example.fields)

    @cached_property
    def answers(self) -> tuple[str, ...]:
        """The different correct answers of all examples, sorted, so that the file's order does not matter."""
        return tuple(sorted({example.answer for example in self.examples}))

    @property
    def fingerprint(self) -> str:
        """16 hex digits of a sha256 over kind, wording and example ids. Equal tasks ask equal questions."""
        text = json.dumps([self.kind, self.wording.role, self.wording.question, sorted(e.id for e in self.examples)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def example_id(fields: Mapping[str, Any]) -> str:
    """12 hex digits of the sha256 of the fields as canonical JSON."""
    text = json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def draw_order(ids: Iterable[str], seed: int, purpose: str) -> list[str]:
    """Sorts ids by a hash of (seed, purpose, id). The order is random, and does not depend on the file's order."""
    return sorted(ids, key=lambda i: hashlib.sha256(f"{seed}|{purpose}|{i}".encode()).hexdigest())
