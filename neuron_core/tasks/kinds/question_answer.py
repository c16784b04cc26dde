"""A question and its free answer. Wrong options come from a `distractors` column, or are other answers of the file."""

import hashlib

from neuron_core.tasks.kinds.base import CONTEXT, Fields, Problem, TaskKind, empty, one_line, pick, with_context
from neuron_core.tasks.task import Example, Task, Wording

MANY, SOME = 1000, 50
"with more answers than MANY, the wrong options are drawn from SOME of them"


def _problem(fields: Fields) -> Problem | None:
    return empty(fields, ("question", "answer"))


def _stem(example: Example, wording: Wording) -> str:
    return with_context(one_line(example.fields["question"]), example)


def _wrong(example: Example, task: Task, seed: int) -> tuple[str, ...]:
    answers = task.answers
    if len(answers) > MANY:
        # Ranking a hundred thousand answers for every example would take minutes, so the seed first draws SOME of them.
        digests = (hashlib.sha256(f"{seed}|{example.id}|{number}".encode()).digest() for number in range(SOME))
        answers = tuple(answers[int.from_bytes(digest[:8]) % len(answers)] for digest in digests)
    return pick(tuple(set(answers) - {example.answer}), 3, seed, example.id)


QUESTION_ANSWER = TaskKind(
    name="question_answer",
    columns=("question", "answer"),
    wording=Wording("You are an expert in answering questions."),
    problem=_problem,
    stem=_stem,
    wrong=_wrong,
    optional=(CONTEXT,),
)
