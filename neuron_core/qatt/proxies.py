"""QATT: turns an example into proxy questions, which have the same four options in several orders (section 3.3).

`shuffles` are the three orders of the paper. `rotations` are the four cyclic rotations of one seeded order. With
rotations every option stands on every letter exactly once, so whatever depends on the letter alone is the same for all
options.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from neuron_core.errors import TaskError
from neuron_core.qatt.distractors import options_of
from neuron_core.tasks.kinds.base import FILLERS
from neuron_core.tasks.task import LETTERS, Example, Task

SHUFFLES, ROTATIONS = "shuffles", "rotations"
N_PROXIES = {SHUFFLES: 3, ROTATIONS: 4}
"kind of proxies → number of questions per example"
PROXIES = tuple(N_PROXIES)
Count = TypeVar("Count", int, NDArray[np.int64])


def comprehension(n_questions: Count) -> Count:
    """The correct answers that a comprehended example needs: two of three shuffles, three of four rotations."""
    return n_questions // 2 + 1


@dataclass(frozen=True)
class Option:
    """One of the four options of a question."""

    letter: str
    text: str
    correct: bool
    label: bool = field(default=False, compare=False)
    "whether it is one of the task's own labels; runs that were made before this was kept ask the same questions"

    @property
    def neutral(self) -> bool:
        """Whether it is a neutral option that was added. The correct option and labels of the task are never
        neutral.
        """
        return not self.correct and not self.label and self.text in FILLERS


@dataclass(frozen=True)
class ProxyQuestion:
    """A four-option question made from an example. Its prompt ends where the answer's letter follows."""

    id: str
    "example id, #, and 1 to 3 (shuffles) or 1 to 4 (rotations)"
    example_id: str
    stem: str
    options: tuple[Option, ...]
    prompt: str

    @property
    def target(self) -> int:
        """The place of the correct letter, 0 to 3. TaskError if no option is correct."""
        for place, option in enumerate(self.options):
            if option.correct:
                return place
        raise TaskError("a question has no correct option", where=self.id[:80])

    @property
    def chance(self) -> float:
        """The accuracy of random guesses that never pick a neutral option that was added."""
        return 1 / sum(not option.neutral for option in self.options)


def left_out_letter(example_id: str, seed: int) -> int:
    """The letter (0 to 3) that is correct in none of this example's shuffles."""
    return hashlib.sha256(f"{seed}|left-out|{example_id}".encode()).digest()[0] % len(LETTERS)


def option_orders(example: Example, task: Task, seed: int, distractors: str = "kind") -> list[tuple[Option, ...]]:
    """Three orders of an example's four options, with the correct one on the three letters that are not left out.

    They depend only on the seed, the example and the task's labels. distractors: as in `PromptConfig`.
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
    """The four cyclic rotations of one order of an example's options. The order depends only on seed and example.

    From one rotation to the next, each option moves by one letter. distractors: as in `PromptConfig`.
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
    """How often random guesses choose each letter if they never choose a neutral option: mean over questions, sum 1.

    A quarter for each letter if all options are real.
    """
    shares = [[0.0 if option.neutral else question.chance for option in question.options] for question in questions]
    return tuple(np.mean(shares, axis=0).tolist()) if shares else (1 / len(LETTERS),) * len(LETTERS)


def option_places(questions: Sequence[ProxyQuestion]) -> NDArray[np.int8] | None:
    """The number of the option that stands on each letter of each question, shape (Q, 4).

    0 is the correct option. Wrong options are numbered as in the example's first question. None if the questions of an
    example do not have the same four options.
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
