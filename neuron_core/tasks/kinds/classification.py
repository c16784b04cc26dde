"""Classification: a text and its label. Fewer than four labels are filled with neutral options."""

from neuron_core.tasks.kinds.base import Fields, Problem, TaskKind, empty, one_line, pick
from neuron_core.tasks.task import Example, Task, Wording

FILLERS = ("not sure", "none of these")


def _check(fields: Fields) -> Problem | None:
    return empty(fields, ("text", "label"))


def _stem(example: Example, wording: Wording) -> str:
    return f"{wording.question}\nText: {one_line(example.fields['text'])}"


def _options(example: Example, task: Task, seed: int) -> tuple[str, ...]:
    correct = one_line(example.fields["label"])
    wrong = [label for label in task.labels if label != correct]
    fillers = [filler for filler in FILLERS if filler not in task.labels]
    if len(wrong) >= 3:
        return (correct, *pick(wrong, 3, seed, example.id))
    return (correct, *wrong, *fillers[: 3 - len(wrong)])


CLASSIFICATION = TaskKind(
    name="classification",
    columns=("text", "label"),
    wording=Wording("You are an expert in text classification.", "Which label fits this text?"),
    check=_check,
    stem=_stem,
    options=_options,
    label_column="label",
)
