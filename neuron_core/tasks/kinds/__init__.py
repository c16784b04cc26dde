"""The task kinds, one small file each: columns, stem, options, and the rule for wrong options."""

from neuron_core.errors import TaskError
from neuron_core.tasks.kinds.base import TaskKind
from neuron_core.tasks.kinds.chunking import CHUNKING
from neuron_core.tasks.kinds.classification import CLASSIFICATION
from neuron_core.tasks.kinds.multiple_choice import MULTIPLE_CHOICE
from neuron_core.tasks.kinds.question_answer import QUESTION_ANSWER
from neuron_core.tasks.kinds.span_typing import SPAN_TYPING

KINDS: dict[str, TaskKind] = {
    kind.name: kind for kind in (CLASSIFICATION, SPAN_TYPING, CHUNKING, MULTIPLE_CHOICE, QUESTION_ANSWER)
}


def get_kind(name: str) -> TaskKind:
    """The kind called `name`. Raises TaskError, which lists the known kinds, for any other name."""
    if name not in KINDS:
        raise TaskError(f"unknown task kind {name!r}", accepted=", ".join(KINDS))
    return KINDS[name]
