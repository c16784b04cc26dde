"""The prompt of a proxy question. The wording is versioned; a version never changes once it is released."""

import hashlib

from neuron_core.errors import ConfigError
from neuron_core.qatt.proxies import N_PROXIES, Option, ProxyQuestion, option_orders
from neuron_core.tasks.kinds import get_kind
from neuron_core.tasks.task import LETTERS, Example, Task

TEMPLATE_VERSION = 1
RULE = "Read the question and the four options. Answer with the letter of the correct option: A, B, C or D."


def block(stem: str, options: tuple[Option, ...]) -> str:
    """Question, options and "Answer:", without the letter."""
    lines = [f"Question: {stem}", *(f"{option.letter}. {option.text}" for option in options), "Answer:"]
    return "\n".join(lines)


def demonstration_block(example: Example, task: Task, seed: int, letter: str | None = None) -> str:
    """The solved example that every prompt of a run opens with.

    letter: where its correct option stands; None takes one of the example's own three orders by (seed, id).
    Raises ConfigError for any other letter than A, B, C, D.
    """
    if letter is not None and letter not in LETTERS:
        raise ConfigError(f"unknown demonstration letter {letter!r}", accepted=", ".join(LETTERS))
    orders = option_orders(example, task, seed)
    correct = [next(option.letter for option in order if option.correct) for order in orders]
    if letter is None:
        order = orders[hashlib.sha256(f"{seed}|demonstration|{example.id}".encode()).digest()[0] % N_PROXIES]
    elif letter in correct:
        order = orders[correct.index(letter)]
    else:
        order = _moved(orders[0], letter)
    answer = next(option.letter for option in order if option.correct)
    return f"{block(get_kind(task.kind).stem(example, task.wording), order)} {answer}"


def _moved(order: tuple[Option, ...], letter: str) -> tuple[Option, ...]:
    """The order with its correct option swapped to `letter`."""
    here = next(i for i, option in enumerate(order) if option.correct)
    there = next(i for i, option in enumerate(order) if option.letter == letter)
    texts = [(option.text, option.correct) for option in order]
    texts[here], texts[there] = texts[there], texts[here]
    return tuple(Option(option.letter, *text) for option, text in zip(order, texts, strict=True))


def proxy_questions(
    example: Example, task: Task, demonstration: Example, seed: int, demonstration_letter: str | None = None
) -> tuple[ProxyQuestion, ...]:
    """The three proxy questions of an example, prompts included (template version 1, plain text)."""
    solved = demonstration_block(demonstration, task, seed, demonstration_letter)
    head = f"{task.wording.role}\n{RULE}\n\n{solved}\n\n"
    stem = get_kind(task.kind).stem(example, task.wording)
    orders = option_orders(example, task, seed)
    assert len(orders) == N_PROXIES
    return tuple(
        ProxyQuestion(f"{example.id}#{t}", example.id, stem, order, head + block(stem, order))
        for t, order in enumerate(orders, start=1)
    )
