"""Span typing (named entities): a sentence, a span in it, and the span's type."""

from neuron_core.tasks.kinds.base import Fields, Problem, TaskKind, empty, one_line, pick
from neuron_core.tasks.task import Example, Task, Wording


def _problem(fields: Fields) -> Problem | None:
    if problem := empty(fields, ("sentence", "entity", "label")):
        return problem
    if one_line(fields["entity"]) not in one_line(fields["sentence"]):
        return Problem("entity", "entity not in sentence", "does not occur in the sentence", "words of the sentence")
    return None


def _stem(example: Example, wording: Wording) -> str:
    entity, sentence = one_line(example.fields["entity"]), one_line(example.fields["sentence"])
    return f'{wording.question}\nSentence: {sentence}\nSpan: "{entity}"'


def _wrong(example: Example, task: Task, seed: int) -> tuple[str, ...]:
    correct = one_line(example.fields["label"])
    wrong = [label for label in task.labels if label != correct]
    return pick(wrong, 3, seed, example.id)


SPAN_TYPING = TaskKind(
    name="span_typing",
    columns=("sentence", "entity", "label"),
    wording=Wording(
        "You are an expert in named entity recognition.", "What type of entity is the span in this sentence?"
    ),
    problem=_problem,
    stem=_stem,
    wrong=_wrong,
    label_column="label",
)
