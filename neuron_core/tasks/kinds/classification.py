"""Classification: a text and its label. If there are fewer than four labels, neutral options are added."""

from neuron_core.tasks.kinds.base import (
    CONTEXT,
    FILLERS,
    Fields,
    Problem,
    TaskKind,
    empty,
    one_line,
    pick,
    with_context,
)
from neuron_core.tasks.task import Example, Task, Wording


def _problem(fields: Fields) -> Problem | None:
    return empty(fields, ("text", "label"))


def _stem(example: Example, wording: Wording) -> str:
    return with_context(f"{wording.question}\nText: {one_line(example.fields['text'])}", example)


def _wrong(example: Example, task: Task, seed: int) -> tuple[str, ...]:
    correct = one_line(example.fields["label"])
    wrong = [label for label in task.labels if label != correct]
    return pick(wrong, 3, seed, example.id)


CLASSIFICATION = TaskKind(
    name="classification",
    columns=("text", "label"),
    wording=Wording("You are an expert in text classification.", "Which label fits this text?"),
    problem=_problem,
    stem=_stem,
    wrong=_wrong,
    label_column="label",
    optional=(CONTEXT,),
    fillers=FILLERS,
)
