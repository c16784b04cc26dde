"""Chooses the options of a question: the correct one and three wrong ones."""

import hashlib

from neuron_core.errors import ConfigError
from neuron_core.tasks.kinds import get_kind
from neuron_core.tasks.task import Example, Task

N_WRONG = 3


def options_of(example: Example, task: Task, seed: int, source: str = "kind") -> tuple[str, ...]:
    """The correct option, followed by three wrong ones drawn by (seed, example id).

    source: as in `PromptConfig.distractors`. Raises ConfigError if the source has none for this example.
    """
    kind = get_kind(task.kind)
    if source == "file":
        correct = kind.written(example.fields[kind.answer_column])
        return (correct, *_of_others(example, task, seed, correct))
    if source == "column" and "distractors" not in example.fields:
        raise ConfigError(
            "the row has no distractors of its own",
            where=f"{task.source}, row {example.row}",
            accepted="a file with a column of distractors, or another source: kind, file",
        )
    return kind.options(example, task, seed)


def _of_others(example: Example, task: Task, seed: int, correct: str) -> tuple[str, ...]:
    """Three different answers of other examples, drawn by a hash of (seed, example id, number)."""
    answers = task.answers
    if len(set(answers) - {correct}) < N_WRONG:
        raise ConfigError(
            f"the file has {len(answers)} different answers; four are needed to take distractors from them",
            where=task.source,
            accepted="another source: kind, column",
        )
    found: dict[str, None] = {}
    number = 0
    while len(found) < N_WRONG:
        digest = hashlib.sha256(f"{seed}|file|{example.id}|{number}".encode()).digest()
        answer = answers[int.from_bytes(digest[:8]) % len(answers)]
        if answer != correct:
            found[answer] = None
        number += 1
    return tuple(found)
