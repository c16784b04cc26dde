"""Free question and answer: distractors from a `distractors` column, or the other answers of the file."""

from neuron_core.tasks.kinds.base import Fields, Problem, TaskKind, empty, one_line, pick
from neuron_core.tasks.task import Example, Task, Wording


def _problem(fields: Fields) -> Problem | None:
    return empty(fields, ("question", "answer"))


def _stem(example: Example, wording: Wording) -> str:
    return one_line(example.fields["question"])


def _wrong(example: Example, task: Task, seed: int) -> tuple[str, ...]:
    correct = one_line(example.fields["answer"])
    others = dict.fromkeys(one_line(other.fields["answer"]) for other in task.examples)
    others.pop(correct, None)
    return pick(tuple(others), 3, seed, example.id)


QUESTION_ANSWER = TaskKind(
    name="question_answer",
    columns=("question", "answer"),
    wording=Wording("You are an expert in answering questions."),
    problem=_problem,
    stem=_stem,
    wrong=_wrong,
)
