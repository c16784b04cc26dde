"""A task and its examples, as plain values."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

LETTERS = ("A", "B", "C", "D")
ANSWERS = ("label", "answer")
"columns that hold the right answer; a task kind has one of them"
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
        """What the example is about, normalised, lists in any order; equal texts never land in two draws.

        Neither what is asked of it (label, answer, entity) nor the wrong options given with it: two entities of one
        sentence share their text.
        """
        parts = [self.fields[key] for key in sorted(self.fields) if key not in _NOT_TEXT]
        flat = [" ".join(sorted(map(str, part))) if isinstance(part, list | tuple) else str(part) for part in parts]
        return " ".join(" ".join(flat).lower().split())

    @property
    def answer(self) -> str:
        """The right answer, white space folded."""
        return " ".join(str(next(self.fields[column] for column in ANSWERS if column in self.fields)).split())


@dataclass(frozen=True)
class Wording:
    """The words of the prompt that belong to a task rather than to an example."""

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
    "distinct labels in first-seen order; empty where the kind has none"

    @cached_property
    def columns(self) -> frozenset[str]:
        """Columns that some example has."""
        return frozenset(column for example in self.examples for column in example.fields)

    @cached_property
    def answers(self) -> tuple[str, ...]:
        """The different right answers of all examples, in an order that is not the file's."""
        return tuple(sorted({example.answer for example in self.examples}))

    @property
    def fingerprint(self) -> str:
        """sha256 over the example ids and the wording: equal tasks ask equal questions."""
        text = json.dumps([self.kind, self.wording.role, self.wording.question, sorted(e.id for e in self.examples)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def example_id(fields: Mapping[str, Any]) -> str:
    """12 hex digits of the sha256 of the fields as canonical JSON."""
    text = json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def draw_order(ids: Iterable[str], seed: int, purpose: str) -> list[str]:
    """Ids sorted by a hash of (seed, purpose, id): a random order that no file order or subset changes."""
    return sorted(ids, key=lambda i: hashlib.sha256(f"{seed}|{purpose}|{i}".encode()).hexdigest())
