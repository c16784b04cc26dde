"""Where the wrong options of a question come from."""

import hashlib

from neuron_core.errors import ConfigError
from neuron_core.tasks.kinds import get_kind
from neuron_core.tasks.kinds.base import one_line, pick
from neuron_core.tasks.task import Example, Task

N_WRONG = 3


def options_of(example: Example, task: Task, seed: int, source: str = "kind") -> tuple[str, ...]:
    """The correct option, then three wrong ones by (seed, example id).

    source: as of PromptConfig.distractors. ConfigError where the source has fewer than three for this example.
    """
    if source == "kind":
        return get_kind(task.kind).options(example, task, seed)
    correct = example.answer
    if source == "file":
        return (correct, *_of_others(example, task, seed, correct))
    given = example.fields.get("distractors")
    wrong = dict.fromkeys(map(one_line, given)) if isinstance(given, list | tuple) else {}
    wrong.pop(correct, None)
    wrong.pop("", None)
    if len(wrong) < N_WRONG:
        raise ConfigError(
            f"the column distractors has {len(wrong)} texts that differ from the answer; three are needed",
            where=f"{task.source}, row {example.row}",
            accepted="a file with such a column, or another source: kind, file",
        )
    return (correct, *pick(tuple(wrong), N_WRONG, seed, example.id))


def _of_others(example: Example, task: Task, seed: int, correct: str) -> tuple[str, ...]:
    """Three different answers of other examples, by places that a hash of (seed, example id, number) gives."""
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
