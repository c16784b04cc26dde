"""Option probabilities of an evaluation, as numpy arrays. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuron_core.qatt.proxies import ProxyQuestion, blind_shares, option_places

EVEN = 0.25
"accuracy by chance if all four options are real"


@dataclass(frozen=True, eq=False)
class OptionProbabilities:
    """P(A), P(B), P(C), P(D) of every question under every intervention. Column 0 is the unmodified model."""

    values: NDArray[np.float32]
    "softmax over the four letters, shape (Q, 1 + interventions, 4)"
    targets: NDArray[np.int8]
    "place of the correct letter, shape (Q,)"
    examples: NDArray[np.int32]
    "number of each question's example, shape (Q,)"
    question_ids: tuple[str, ...]
    options: NDArray[np.int8] | None = None
    """Number of the option on each letter, 0 for the correct one, shape (Q, 4). None if it is not known, or if the
    questions of an example do not have the same options."""
    chance: float = EVEN
    "accuracy of random guesses among the options that are not neutral"
    even_letters: tuple[float, ...] = (EVEN,) * 4
    "how often such guesses choose each letter"

    @classmethod
    def of(cls, questions: Sequence[ProxyQuestion], values: NDArray[np.float32]) -> "OptionProbabilities":
        """Combines questions with their probabilities, (Q, 1 + interventions, 4). Examples are numbered in order."""
        examples = {name: i for i, name in enumerate(dict.fromkeys(q.example_id for q in questions))}
        return cls(
            values=values,
            targets=np.array([q.target for q in questions], dtype=np.int8),
            examples=np.array([examples[q.example_id] for q in questions], dtype=np.int32),
            question_ids=tuple(q.id for q in questions),
            options=option_places(questions),
            chance=float(np.mean([question.chance for question in questions])) if questions else EVEN,
            even_letters=blind_shares(questions),
        )

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the most probable letter is correct, shape (Q, 1 + interventions). Ties go to the first letter."""
        return self.values.argmax(axis=2) == self.targets[:, None]
