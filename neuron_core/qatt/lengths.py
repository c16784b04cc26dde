"""The lengths of a task's prompts, to check whether they fit a model's context."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from neuron_core.models.chat import ChatTemplate
from neuron_core.qatt.config import BY_SEED, USUAL, PromptConfig
from neuron_core.qatt.draws import draw
from neuron_core.qatt.prompt import proxy_questions
from neuron_core.tasks.task import Example, Task, draw_order

MARGIN = 100
"characters allowed for letters, brackets, line ends and tokens that the tokenizer adds"
MOST_SHOWN = 200
"most examples that are tried as the demonstration"
EXPANSION = 11
"factor by which non-ASCII text can grow, in bytes, under compatibility normalization (Unicode FAQ, NFKC)"


def surely_fits(
    task: Task, limit: int, seed: int = 0, config: PromptConfig = USUAL, chat: ChatTemplate | None = None
) -> Callable[[Example], bool]:
    """Returns a check whether an example's prompts have at most `limit` tokens under any tokenizer.

    It counts characters: a token covers at least one character of ASCII text, or one byte of other text after
    normalization. False only means that tokens must be counted. The demonstration is the one that the seed draws.
    Raises as `proxy_questions`.
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
    """Yields each example with the number of tokens of its longest prompt; None if that is certainly at most `limit`.

    An example that would be the demonstration is counted with itself as the demonstration. If that is more than `limit`
    tokens, it gets this number and the next example becomes the demonstration. Otherwise every prompt would be too
    long. Raises as `proxy_questions`.
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
        # Hardly any prompt fits, whichever example is the demonstration.
        unfit = {}
    fits = _bound(task, demonstration, limit, seed, config, chat)
    for example in task.examples:
        yield example, unfit.get(example.id) or (None if fits(example) else count(example, demonstration))


def _bound(
    task: Task, demonstration: Example | None, limit: int, seed: int, config: PromptConfig, chat: ChatTemplate | None
) -> Callable[[Example], bool]:
    shortest = min(task.examples, key=lambda example: _most(_own(example)))
    # The user's own stem may name a column several times.
    times = 1 + (config.stem or "").count("{")
    shared = _most(proxy_questions(shortest, task, demonstration, seed, config, chat)[0].prompt)
    longest = max(map(_most, task.answers))

    def fits(example: Example) -> bool:
        # An option is an answer of the file, a text of the row, or a segmentation with one tag per word.
        options = 3 * max(longest, 6 * _most(example.answer))
        return shared + times * _most(_own(example)) + options + MARGIN <= limit

    return fits


def _most(text: str) -> int:
    """The largest number of tokens that a text can have."""
    if text.isascii():
        return len(text)
    plain = len(text.encode("ascii", "ignore"))
    return plain + EXPANSION * (len(text.encode("utf-8", "surrogatepass")) - plain)


def _own(example: Example) -> str:
    return "".join(map(_flat, example.fields.values()))


def _flat(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
