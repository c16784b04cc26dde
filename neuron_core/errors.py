"""The errors of the core, in one tree. A message says what failed, where, and what would be accepted."""

from collections.abc import Iterable
from typing import Any

MOST_CHARACTERS = 1_500
"of each part of a message"
NAMED = 8
"how many values of a list a message names"
LONGEST = 80
"characters of one of them"


def first_of(values: Iterable[object]) -> str:
    """The first eight of these values, and how many more there are, for a message."""
    found = list(values)
    texts = [str(one) for one in found[:NAMED]]
    texts = [text if len(text) <= LONGEST else f"{text[:LONGEST]}…" for text in texts]
    return ", ".join(texts) + (f" and {len(found) - NAMED:,} more" if len(found) > NAMED else "")


def bounded(text: str) -> str:
    """The text for a message. The rest of a long one is left out, and its length said."""
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]} … ({len(text):,} characters in all)"


class NeuronCoreError(Exception):
    """An error that a user can act on.

    what: the failure in one sentence. where: the file, row, column, module or setting. accepted: what would have
    worked. Each of them is cut after MOST_CHARACTERS.
    """

    def __init__(self, what: str, *, where: str | None = None, accepted: str | None = None) -> None:
        self.what, self.where, self.accepted = bounded(what), where and bounded(where), accepted and bounded(accepted)
        parts = [self.what.rstrip(".")]
        if self.where:
            parts.append(f"Where: {self.where}")
        if self.accepted:
            parts.append(f"Accepted: {self.accepted.rstrip('.')}")
        super().__init__(". ".join(parts) + ".")

    def __reduce__(self) -> tuple[Any, ...]:
        """Keeps what, where and accepted when the error is sent to another process."""
        return _made, (type(self), self.what, self.where, self.accepted)


def _made(kind: type[NeuronCoreError], what: str, where: str | None, accepted: str | None) -> NeuronCoreError:
    return kind(what, where=where, accepted=accepted)


class TaskError(NeuronCoreError):
    """A dataset that can't be read or does not fit its task kind."""


class ModelError(NeuronCoreError):
    """A model that can't be found or loaded, or whose structure is not supported."""


class LetterError(ModelError):
    """A tokenizer for which an option letter after the prompt is not exactly one token."""


class AttributionError(NeuronCoreError):
    """An attribution pass that failed its own checks."""


class ConfigError(NeuronCoreError):
    """A setting that is outside of its range or does not fit the others."""


class RunError(NeuronCoreError):
    """A run, worker or engine whose state does not allow the request."""


class Cancelled(NeuronCoreError):
    """The user asked to stop. What was finished is kept."""
