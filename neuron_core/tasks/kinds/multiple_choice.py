"""Multiple choice: a question, its choices and the right one. Wrong ones beyond three are dropped by seed."""

from neuron_core.tasks.kinds.base import Fields, TaskKind, one_line, pick
from neuron_core.tasks.task import Example, Task, Wording


def _check(fields: Fields) -> tuple[str, str] | None:
    if not str(fields["question"]).strip():
        return "question", "is empty"
    choices = fields["choices"]
    if not isinstance(choices, list | tuple):
        return "choices", "is not a list of texts"
    texts = [one_line(choice) for choice in choices]
    if "" in texts:
        return "choices", "has an empty choice"
    if len(set(texts)) != len(texts):
        return "choices", "has the same choice twice"
    if len(texts) < 4:
        return "choices", f"has {len(texts)} choices; four or more are needed"
    if one_line(fields["answer"]) not in texts:
        return "answer", "is not one of the choices"
    return None


def _stem(example: Example, wording: Wording) -> str:
    return one_line(example.fields["question"])


def _options(example: Example, task: Task, seed: int) -> tuple[str, ...]:
    correct = one_line(example.fields["answer"])
    wrong = [one_line(choice) for choice in example.fields["choices"] if one_line(choice) != correct]
    return (correct, *pick(wrong, 3, seed, example.id))


MULTIPLE_CHOICE = TaskKind(
    name="multiple_choice",
    columns=("question", "choices", "answer"),
    wording=Wording("You are an expert in commonsense reasoning."),
    check=_check,
    stem=_stem,
    options=_options,
)
