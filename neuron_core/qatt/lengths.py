"""How long the prompts of a task's examples are, for a model's context."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from neuron_core.models.chat import ChatTemplate
from neuron_core.qatt.config import BY_SEED, USUAL, PromptConfig
from neuron_core.qatt.draws import draw
from neuron_core.qatt.prompt import proxy_questions
from neuron_core.tasks.task import Example, Task, draw_order

MARGIN = 100
"characters for letters, brackets, line ends and the tokens that a tokenizer adds of itself"
MOST_SHOWN = 200
"examples tried as the demonstration"
EXPANSION = 11
"times as many bytes at most as before: text beyond ASCII under compatibility normalization (Unicode FAQ, NFKC)"


def surely_fits(
    task: Task, limit: int, seed: int = 0, config: PromptConfig = USUAL, chat: ChatTemplate | None = None
) -> Callable[[Example], bool]:
    """Whether an example's prompts have at most `limit` tokens whatever the tokenizer: by counting characters.

    A token is a character of plain ASCII text at least, or a byte of other text after its normalization. False says
    only that tokens must be counted. The demonstration is the one that the seed draws. Errors as of proxy_questions.
    """
    return _bound(task, draw(task, 0, 0, seed, config.demonstration).demonstration, limit, seed, config, chat)


def prompt_lengths(
    task: Task,
    count_tokens: Callable[[str], int],
    limit: int,
    seed: int = 0,
    config: PromptConfig = USUAL,
    chat: ChatTemplate | None = None,
) -> Iterator[tuple[Example, int | None]]:
    """Each example with the tokens of its longest prompt, None where that is surely at most `limit`.

    A row that would be the demonstration but, shown before itself, has more tokens than `limit` gives that number:
    left out, it makes room for the next one, where it would have made every prompt too long. Errors as of
    proxy_questions.
    """

    def count(example: Example, demonstration: Example | None) -> int:
        questions = proxy_questions(example, task, demonstration, seed, config, chat)
        return max(count_tokens(question.prompt) for question in questions)

    demonstration = draw(task, 0, 0, seed, config.demonstration).demonstration
    unfit: dict[str, int] = {}
    by_id = {example.id: example for example in task.examples}
    order = draw_order(by_id, seed, "examples") if config.demonstration == BY_SEED else []
    for example in (by_id[name] for name in islice(order, MOST_SHOWN)):
        n_tokens = count(example, example)
        if n_tokens <= limit:
            demonstration = example
            break
        unfit[example.id] = n_tokens
    else:
        # No prompt fits, or next to none, whichever is shown.
        unfit = {}
    fits = _bound(task, demonstration, limit, seed, config, chat)
    for example in task.examples:
        yield example, unfit.get(example.id) or (None if fits(example) else count(example, demonstration))


def _bound(
    task: Task, demonstration: Example | None, limit: int, seed: int, config: PromptConfig, chat: ChatTemplate | None
) -> Callable[[Example], bool]:
    shortest = min(task.examples, key=lambda example: _most(_own(example)))
    # A stem of one's own may name a column several times.
    times = 1 + (config.stem or "").count("{")
    shared = _most(proxy_questions(shortest, task, demonstration, seed, config, chat)[0].prompt)
    longest = max(map(_most, task.answers))

    def fits(example: Example) -> bool:
        # An option is an answer of the file, one of the row's own texts, or a segmentation with a tag a word.
        options = 3 * max(longest, 6 * _most(example.answer))
        return shared + times * _most(_own(example)) + options + MARGIN <= limit

    return fits


def _most(text: str) -> int:
    """Tokens of a text at most."""
    if text.isascii():
        return len(text)
    plain = len(text.encode("ascii", "ignore"))
    return plain + EXPANSION * (len(text.encode("utf-8", "surrogatepass")) - plain)


def _own(example: Example) -> str:
    return "".join(map(_flat, example.fields.values()))


def _flat(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
