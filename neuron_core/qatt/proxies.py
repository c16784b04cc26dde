"""QATT: an example becomes three proxy questions, the same four options in three orders (section 3.3)."""

import hashlib
from dataclasses import dataclass

from neuron_core.qatt.distractors import options_of
from neuron_core.tasks.task import LETTERS, Example, Task

N_PROXIES = 3


@dataclass(frozen=True)
class Option:
    """One answer line of a question."""

    letter: str
    text: str
    correct: bool


@dataclass(frozen=True)
class ProxyQuestion:
    """A four-option question made from an example; its prompt ends where the letter follows."""

    id: str
    "example id # 1, 2 or 3"
    example_id: str
    stem: str
    options: tuple[Option, ...]
    prompt: str

    @property
    def target(self) -> int:
        """Place of the correct letter, 0 to 3."""
        return next(i for i, option in enumerate(self.options) if option.correct)


def left_out_letter(example_id: str, seed: int) -> int:
    """The letter (0 to 3) on which no proxy of this example has its correct option."""
    return hashlib.sha256(f"{seed}|left-out|{example_id}".encode()).digest()[0] % len(LETTERS)


def option_orders(example: Example, task: Task, seed: int, distractors: str = "kind") -> list[tuple[Option, ...]]:
    """Three orders of the example's four options: correct on the three letters that are not left out.

    Depends on seed and example only, for a task with the same labels. distractors: as of PromptConfig.
    """
    correct, *wrong = options_of(example, task, seed, distractors)
    skipped = left_out_letter(example.id, seed)
    orders = []
    for place in (i for i in range(len(LETTERS)) if i != skipped):
        texts = sorted(wrong, key=lambda t: hashlib.sha256(f"{seed}|{example.id}|{place}|{t}".encode()).hexdigest())
        texts.insert(place, correct)
        orders.append(tuple(Option(letter, text, text == correct) for letter, text in zip(LETTERS, texts, strict=True)))
    return orders
