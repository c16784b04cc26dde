"""Span typing (named entities): a sentence, a span in it, and the span's type."""

import re

from neuron_core.tasks.kinds.base import FILLERS, Fields, Problem, TaskKind, empty, one_line, pick
from neuron_core.tasks.task import Example, Task, Wording

_LETTER = re.compile(r"[A-Za-z0-9\u00c0-\u024f\u0370-\u052f]")
"letters of scripts that separate words by spaces"


def _problem(fields: Fields) -> Problem | None:
    if problem := empty(fields, ("sentence", "entity", "label")):
        return problem
    entity, sentence = one_line(fields["entity"]), one_line(fields["sentence"])
    if entity not in sentence:
        return Problem("entity", "entity not in sentence", "does not occur in the sentence", "words of the sentence")
    if not _is_word(entity, sentence):
        complaint = "occurs in the sentence only as a part of other words"
        return Problem("entity", "entity not in sentence", complaint, "whole words of the sentence")
    return None


def _is_word(entity: str, sentence: str) -> bool:
    """Whether the entity occurs as whole words. Scripts without spaces, such as Chinese, are not checked for that."""
    begins = r"(?<![^\W_])" if _LETTER.match(entity) else ""
    ends = r"(?![^\W_])" if _LETTER.match(entity[-1]) else ""
    return re.search(begins + re.escape(entity) + ends, sentence) is not None


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
    fillers=FILLERS,
)
