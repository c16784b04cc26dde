"""How long the prompts of a task's examples are, for a model's context."""

from collections.abc import Callable, Iterator
from typing import Any

from neuron_core.models.chat import ChatTemplate
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.qatt.draws import draw
from neuron_core.qatt.prompt import proxy_questions
from neuron_core.tasks.task import Example, Task

MARGIN = 100
"characters for letters, brackets, line ends and the tokens that a tokenizer adds of itself"


def prompt_lengths(
    task: Task,
    count_tokens: Callable[[str], int],
    limit: int,
    seed: int = 0,
    config: PromptConfig = USUAL,
    chat: ChatTemplate | None = None,
) -> Iterator[tuple[Example, int | None]]:
    """Each example with the tokens of its longest prompt, None where that is surely at most `limit`.

    A token is one character of plain ASCII text at least: where all that may stand in a prompt has no more characters
    than the limit, nothing is counted. The demonstration is the one that the seed draws. Errors as of proxy_questions.
    """
    demonstration = draw(task, 0, 0, seed, config.demonstration).demonstration
    shared = proxy_questions(task.examples[0], task, demonstration, seed, config, chat)[0].prompt
    answers = task.answers
    ascii_only = shared.isascii() and all(map(str.isascii, answers))
    longest = max(map(len, answers))
    for example in task.examples:
        own = "".join(map(_flat, example.fields.values()))
        # An option is an answer of the file, one of the row's own texts, or a segmentation with a tag a word.
        bound = len(shared) + len(own) + 3 * max(longest, 6 * len(example.answer)) + MARGIN
        if ascii_only and own.isascii() and bound <= limit:
            yield example, None
        else:
            questions = proxy_questions(example, task, demonstration, seed, config, chat)
            yield example, max(count_tokens(question.prompt) for question in questions)


def _flat(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
