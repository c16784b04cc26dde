"""Option probabilities of an evaluation, as numpy arrays. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuron_core.qatt.proxies import ProxyQuestion, blind_shares, option_places

EVEN = 0.25
"chance where all four options are real"


@dataclass(frozen=True, eq=False)
class OptionProbabilities:
    """P(A), P(B), P(C), P(D) of every question under every intervention; row 0 is the unmodified model."""

    values: NDArray[np.float32]
    "softmax over the four letters, shape (Q, 1 + interventions, 4)"
    targets: NDArray[np.int8]
    "place of the correct letter, shape (Q,)"
    examples: NDArray[np.int32]
    "number of the example that a question belongs to, shape (Q,)"
    question_ids: tuple[str, ...]
    options: NDArray[np.int8] | None = None
    """which of its example's options stands on each letter, 0 the correct one, shape (Q, 4); None where it is not
    known, or where the questions of an example do not carry the same options"""
    chance: float = EVEN
    "accuracy of blind picks among the options that are not neutral ones"
    even_letters: tuple[float, ...] = (EVEN,) * 4
    "how often such picks take each letter"

    @classmethod
    def of(cls, questions: Sequence[ProxyQuestion], values: NDArray[np.float32]) -> "OptionProbabilities":
        """The probabilities of these questions, (Q, 1 + interventions, 4); examples are numbered as they come."""
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
        """Whether the highest letter is the correct one, ties in letter order, shape (Q, 1 + interventions)."""
        return self.values.argmax(axis=2) == self.targets[:, None]
