"""Makes the prompts of proxy questions. The wording has a version, which never changes after its release."""

import hashlib
from collections.abc import Sequence

from neuron_core.errors import ModelError
from neuron_core.models.chat import ChatTemplate
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.qatt.distractors import options_of
from neuron_core.qatt.proxies import ROTATIONS, SHUFFLES, Option, ProxyQuestion, option_orders, option_rotations
from neuron_core.qatt.stems import check_stem, stem_of
from neuron_core.tasks.task import Example, Task

TEMPLATE_VERSION = 1
RULE = "Read the question and the four options. Answer with the letter of the correct option: A, B, C or D."


def block(stem: str, options: tuple[Option, ...]) -> str:
    """The text of a question: stem, options and "Answer:", without the letter."""
    lines = [f"Question: {stem}", *(f"{option.letter}. {option.text}" for option in options), "Answer:"]
    return "\n".join(lines)


def demonstration_block(example: Example, task: Task, seed: int, config: PromptConfig = USUAL) -> str:
    """The solved example with which every prompt of a run begins. `config.letter` gives its correct letter."""
    orders = option_orders(example, task, seed, config.distractors)
    correct = [next(option.letter for option in order if option.correct) for order in orders]
    if config.letter is None:
        order = orders[hashlib.sha256(f"{seed}|demonstration|{example.id}".encode()).digest()[0] % len(orders)]
    elif config.letter in correct:
        order = orders[correct.index(config.letter)]
    else:
        order = _moved(orders[0], config.letter)
    answer = next(option.letter for option in order if option.correct)
    return f"{block(stem_of(example, task, config.stem), order)} {answer}"


def _moved(order: tuple[Option, ...], letter: str) -> tuple[Option, ...]:
    """The options with the correct one moved to `letter`, by a swap with the option there."""
    here = next(i for i, option in enumerate(order) if option.correct)
    there = next(i for i, option in enumerate(order) if option.letter == letter)
    texts = [(option.text, option.correct, option.label) for option in order]
    texts[here], texts[there] = texts[there], texts[here]
    return tuple(Option(option.letter, *text) for option, text in zip(order, texts, strict=True))


def proxy_questions(
    example: Example,
    task: Task,
    demonstration: Example | None,
    seed: int,
    config: PromptConfig = USUAL,
    chat: ChatTemplate | None = None,
    proxies: str = SHUFFLES,
) -> tuple[ProxyQuestion, ...]:
    """The proxy questions of an example: three shuffles or four rotations. Their prompts are what the model reads.

    chat: the model's chat template, needed for `config.template` 'chat'. Raises ConfigError for a stem that does not
    fit the task and for too few distractors. Raises ModelError for a chat prompt without a template.
    """
    head = _head(task, config) + ([demonstration_block(demonstration, task, seed, config)] if demonstration else [])
    stem = stem_of(example, task, config.stem)
    make = option_rotations if proxies == ROTATIONS else option_orders
    orders = make(example, task, seed, config.distractors)
    messages = ["\n\n".join([*head, block(stem, order)]) for order in orders]
    prompts = messages if config.template == "plain" else [_in_chat(message, chat) for message in messages]
    return tuple(
        ProxyQuestion(f"{example.id}#{t}", example.id, stem, order, prompt)
        for t, (order, prompt) in enumerate(zip(orders, prompts, strict=True), start=1)
    )


def check_wording(task: Task, examples: Sequence[Example], seed: int, config: PromptConfig) -> None:
    """Raises ConfigError if questions of these examples can't be worded in this way. Needs no model."""
    if config.stem is not None:
        check_stem(config.stem, task)
    if config.distractors != "kind":
        for example in examples:
            options_of(example, task, seed, config.distractors)


def _head(task: Task, config: PromptConfig) -> list[str]:
    """Role and rule as one paragraph; empty if there are none."""
    role = task.wording.role if config.role is None else config.role
    rule = RULE if config.rule is None else config.rule
    lines = [line for line in (role, rule) if line.strip()]
    return ["\n".join(lines)] if lines else []


def _in_chat(message: str, chat: ChatTemplate | None) -> str:
    if chat is None:
        raise ModelError(
            "the chat template is not known before the model is loaded", accepted="plain text, or a loaded model"
        )
    return chat.wrap(message)
