"""One tree of errors. A message says what failed, where, and what would be accepted."""

from typing import Any


class NeuronCoreError(Exception):
    """Anything a user can act on.

    what: the failure in one sentence; where: file, row, column, module or setting; accepted: what would have worked.
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
        """Its parts on the way between two processes; by default it would be made anew from its text alone."""
        return _made, (type(self), self.what, self.where, self.accepted)


def _made(kind: type[NeuronCoreError], what: str, where: str | None, accepted: str | None) -> NeuronCoreError:
    return kind(what, where=where, accepted=accepted)


class TaskError(NeuronCoreError):
    """A dataset that can't be read or does not fit its task kind."""


class ModelError(NeuronCoreError):
    """A model that can't be found, loaded or taken apart."""


class LetterError(ModelError):
    """A tokenizer in which the option letters are not one token each after the prompt."""


class AttributionError(NeuronCoreError):
    """An attribution pass whose own checks failed."""


class ConfigError(NeuronCoreError):
    """A setting outside its range."""


class RunError(NeuronCoreError):
    """A run folder, worker or engine in a state that the request does not allow."""


class Cancelled(NeuronCoreError):
    """The user asked to stop; what was finished stays."""
