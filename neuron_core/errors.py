"""One tree of errors. A message says what failed, where, and what would be accepted."""


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
