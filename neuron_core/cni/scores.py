"""The scores of one question as numpy arrays. No torch, so that a saved run opens without it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuron_core.errors import AttributionError, first_of


@dataclass(frozen=True, eq=False)
class AttributionScores:
    """Integrated gradients of one proxy question. Arrays are float64 for a float64 model, otherwise float32."""

    question_id: str
    targets: tuple[str, ...]
    "names of the functions F, in the order of the first axis"
    ig: NDArray[np.float32]
    "IG of every neuron, shape (n_targets, L, I), in the unit of F"
    neurons: NDArray[np.float32]
    "neuron values ŵ at the last prompt token, shape (L, I)"
    baseline: NDArray[np.float32]
    "F of the unmodified model, shape (n_targets,)"
    zeroed: NDArray[np.float32]
    "F with all neurons of a layer at zero, shape (n_targets, L)"
    letter_probabilities: NDArray[np.float32]
    "softmax over the four letters in the unmodified model, shape (4,)"
    guard: float
    """Largest |F(α = 1) − F| over targets and layers. Rows with α = 1 are the unmodified model, so it must be near 0.
    For `content` it is relative to the largest letter logit if that is above 1."""

    def of(self, target: str) -> NDArray[np.float32]:
        """IG under one target, (L, I). Raises AttributionError if it was not attributed."""
        if target not in self.targets:
            raise AttributionError(
                f"the target {target!r} was not attributed",
                where=f"question {self.question_id}",
                accepted=first_of(self.targets),
            )
        return self.ig[self.targets.index(target)]

    @property
    def completeness_gap(self) -> NDArray[np.float32]:
        """(Σ IG_l − (F − F with layer l at zero)) / Σ|IG_l|, shape (n_targets, L); 0 where Σ|IG_l| is 0."""
        total = np.abs(self.ig).sum(axis=-1)
        gap = self.ig.sum(axis=-1) - (self.baseline[:, None] - self.zeroed)
        return np.divide(gap, total, out=np.zeros_like(gap), where=total > 0)
