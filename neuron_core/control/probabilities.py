"""Option probabilities of an evaluation, as numpy arrays. No torch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the highest letter is the correct one, ties in letter order, shape (Q, 1 + interventions)."""
        return self.values.argmax(axis=2) == self.targets[:, None]
