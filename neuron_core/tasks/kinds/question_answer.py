"""Free question and answer: distractors from a `distractors` column, or the other answers of the file."""

from neuron_core.tasks.kinds.base import A_LIST, Fields, Problem, TaskKind, empty, one_line, pick
from neuron_core.tasks.task import Example, Task, Wording

THREE = "three or more texts that differ from the answer and from one another"


def _check(fields: Fields) -> Problem | None:
    if problem := empty(fields, ("question", "answer")):
        return problem
    given = fields.get("distractors")
    if given is None:
        return None
    if not isinstance(given, list | tuple):
        return Problem("distractors", "not a list", "is not a list of texts", A_LIST)
    distinct = {one_line(text) for text in given} - {one_line(fields["answer"])}
    if "" in distinct:
        return Problem("distractors", "empty", "has an empty text", THREE)
    if len(distinct) < 3:
        complaint = f"has {len(distinct)} texts that differ from the answer; three are needed"
        return Problem("distractors", "too few options", complaint, THREE)
    return None


def _stem(example: Example, wording: Wording) -> str:
    return one_line(example.fields["question"])


def _options(example: Example, task: Task, seed: int) -> tuple[str, ...]:
    correct = one_line(example.fields["answer"])
    given = example.fields.get("distractors")
    pool = given if given is not None else [other.fields["answer"] for other in task.examples]
    wrong = dict.fromkeys(one_line(text) for text in pool)
    wrong.pop(correct, None)
    return (correct, *pick(tuple(wrong), 3, seed, example.id))


QUESTION_ANSWER = TaskKind(
    name="question_answer",
    columns=("question", "answer"),
    wording=Wording("You are an expert in answering questions."),
    check=_check,
    stem=_stem,
    options=_options,
)
