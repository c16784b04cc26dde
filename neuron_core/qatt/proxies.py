"""QATT: an example becomes proxy questions, the same four options in several orders (section 3.3).

`shuffles` are the paper's three orders. `rotations` are the four cyclic rotations of one seeded order: every option
stands on every letter exactly once, so that whatever depends on the letter alone is the same for all options.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from neuron_core.qatt.distractors import options_of
from neuron_core.tasks.kinds.base import FILLERS
from neuron_core.tasks.task import LETTERS, Example, Task

SHUFFLES, ROTATIONS = "shuffles", "rotations"
N_PROXIES = {SHUFFLES: 3, ROTATIONS: 4}
"kind of proxies → questions an example"
PROXIES = tuple(N_PROXIES)
Count = TypeVar("Count", int, NDArray[np.int64])


def comprehension(n_questions: Count) -> Count:
    """Right answers from which on an example is comprehended: two of three shuffles, three of four rotations."""
    return n_questions // 2 + 1


@dataclass(frozen=True)
class Option:
    """One answer line of a question."""

    letter: str
    text: str
    correct: bool
    label: bool = False
    "whether it is one of the task's own labels"

    @property
    def neutral(self) -> bool:
        """Whether it only fills up; a neutral text that is the answer or one of the task's labels is a real option."""
        return not self.correct and not self.label and self.text in FILLERS


@dataclass(frozen=True)
class ProxyQuestion:
    """A four-option question made from an example; its prompt ends where the letter follows."""

    id: str
    "example id # 1, 2, 3; with rotations also 4"
    example_id: str
    stem: str
    options: tuple[Option, ...]
    prompt: str

    @property
    def target(self) -> int:
        """Place of the correct letter, 0 to 3."""
        return next(i for i, option in enumerate(self.options) if option.correct)

    @property
    def chance(self) -> float:
        """Share of right answers of somebody who picks blindly, but never a neutral option that only fills up."""
        return 1 / sum(not option.neutral for option in self.options)


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
        orders.append(_lettered(texts, correct, task))
    return orders


def option_rotations(example: Example, task: Task, seed: int, distractors: str = "kind") -> list[tuple[Option, ...]]:
    """The four cyclic rotations of one order of the example's options, which depends on seed and example only.

    Each option moves one letter on from one rotation to the next. distractors: as of PromptConfig.
    """
    correct, *wrong = options_of(example, task, seed, distractors)
    order = sorted(
        (correct, *wrong), key=lambda text: hashlib.sha256(f"{seed}|{example.id}|rotation|{text}".encode()).hexdigest()
    )
    return [
        _lettered([order[(place - turn) % len(LETTERS)] for place in range(len(LETTERS))], correct, task)
        for turn in range(len(LETTERS))
    ]


def _lettered(texts: Sequence[str], correct: str, task: Task) -> tuple[Option, ...]:
    return tuple(
        Option(letter, text, text == correct, text in task.labels) for letter, text in zip(LETTERS, texts, strict=True)
    )


def blind_shares(questions: Sequence[ProxyQuestion]) -> tuple[float, ...]:
    """How often somebody takes each letter who picks blindly, but never a neutral option: mean over questions, sum 1.

    A quarter each where all options are real.
    """
    shares = [[0.0 if option.neutral else question.chance for option in question.options] for question in questions]
    return tuple(np.mean(shares, axis=0).tolist()) if shares else (1 / len(LETTERS),) * len(LETTERS)


def option_places(questions: Sequence[ProxyQuestion]) -> NDArray[np.int8] | None:
    """Which of its example's options stands on each letter of a question: 0 is the correct one, shape (Q, 4).

    The wrong options are numbered as in the example's first question. None where the questions of an example do not
    carry the same four options.
    """
    numbers: dict[str, dict[str, int]] = {}
    found = np.empty((len(questions), len(LETTERS)), dtype=np.int8)
    for row, question in zip(found, questions, strict=True):
        texts = [option.text for option in sorted(question.options, key=lambda option: not option.correct)]
        own = numbers.setdefault(question.example_id, {text: number for number, text in enumerate(texts)})
        if len(own) != len(LETTERS) or {option.text for option in question.options} != set(own):
            return None
        row[:] = [own[option.text] for option in question.options]
    return found
