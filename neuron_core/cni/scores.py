"""What attribution leaves behind, as numpy arrays. No torch: a saved run opens without it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class AttributionScores:
    """Integrated gradients of one proxy question; arrays are float64 where the model itself is."""

    question_id: str
    ig: NDArray[np.float32]
    "IG of every neuron, shape (L, I), in units of the target F"
    neurons: NDArray[np.float32]
    "neuron values ŵ at the last prompt token, shape (L, I)"
    baseline: float
    "F of the unmodified model"
    zeroed: NDArray[np.float32]
    "F with a whole layer's neurons at zero, shape (L,)"
    letter_probabilities: NDArray[np.float32]
    "softmax over the four letters, unmodified model, shape (4,)"
    guard: float
    "largest |F(k = m) - F| over layers: rows at full value are the unmodified model"

    @property
    def completeness_gap(self) -> NDArray[np.float32]:
        """(Σ IG_l - (F - F with layer l zeroed)) / Σ|IG_l|, shape (L,); 0 for a layer without attribution."""
        total = np.abs(self.ig).sum(axis=1)
        gap = self.ig.sum(axis=1) - (self.baseline - self.zeroed)
        return np.divide(gap, total, out=np.zeros_like(gap), where=total > 0)
