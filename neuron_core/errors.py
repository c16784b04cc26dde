"""The errors of the core, in one tree. A message says what failed, where, and what would be accepted."""

from typing import Any


class NeuronCoreError(Exception):
    """An error that a user can act on.

    what: the failure in one sentence. where: the file, row, column, module or setting. accepted: what would have
    worked.
    """

    def __init__(self, what: str, *, where: str | None = None, accepted: str | None = None) -> None:
        self.what, self.where, self.accepted = what, where, accepted
        parts = [what.rstrip(".")]
        if where:
            parts.append(f"Where: {where}")
        if accepted:
            parts.append(f"Accepted: {accepted.rstrip('.')}")
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
