"""Multiple choice: a question, its choices and the correct one. The seed draws three of more wrong choices."""

from neuron_core.errors import bounded
from neuron_core.tasks.kinds.base import A_LIST, CONTEXT, Fields, Problem, TaskKind, empty, one_line, pick, with_context
from neuron_core.tasks.task import Example, Task, Wording

FOUR = "four or more different choices"


def _problem(fields: Fields) -> Problem | None:
    if problem := empty(fields, ("question", "answer")):
        return problem
    choices = fields["choices"]
    if not isinstance(choices, list | tuple):
        return Problem("choices", "not a list", "is not a list of texts", A_LIST)
    texts = [one_line(choice) for choice in choices]
    if "" in texts:
        return Problem("choices", "empty", "has an empty choice", FOUR)
    if len(set(texts)) < 2:
        return Problem("choices", "too few options", "has fewer than two distinct choices", FOUR)
    if len(set(texts)) != len(texts):
        return Problem("choices", "same option twice", "has the same choice twice", FOUR)
    if len(texts) < 4:
        complaint = f"has {len(texts)} choices; four or more are needed"
        accepted = (
            f"{FOUR}; with two or three, neutral ones are added on request (--fill-options); or a column of distractors"
        )
        return Problem("choices", "too few options", complaint, accepted)
    if one_line(fields["answer"]) not in texts:
        return Problem("answer", "answer not among options", "is not one of the choices", bounded(" | ".join(texts)))
    return None


def _stem(example: Example, wording: Wording) -> str:
    return with_context(one_line(example.fields["question"]), example)


def _wrong(example: Example, task: Task, seed: int) -> tuple[str, ...]:
    correct = one_line(example.fields["answer"])
    wrong = [one_line(choice) for choice in example.fields["choices"] if one_line(choice) != correct]
    return pick(wrong, 3, seed, example.id)


MULTIPLE_CHOICE = TaskKind(
    name="multiple_choice",
    columns=("question", "choices", "answer"),
    wording=Wording("You are an expert in commonsense reasoning."),
    problem=_problem,
    stem=_stem,
    wrong=_wrong,
    optional=(CONTEXT,),
)
