"""What attribution leaves behind, as numpy arrays. No torch: a saved run opens without it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuron_core.errors import AttributionError


@dataclass(frozen=True, eq=False)
class AttributionScores:
    """Integrated gradients of one proxy question; arrays are float64 where the model itself is."""

    question_id: str
    targets: tuple[str, ...]
    "names of the functions F, in the order of the leading axes"
    ig: NDArray[np.float32]
    "IG of every neuron, shape (n_targets, L, I), in units of the target F"
    neurons: NDArray[np.float32]
    "neuron values ŵ at the last prompt token, shape (L, I)"
    baseline: NDArray[np.float32]
    "F of the unmodified model, shape (n_targets,)"
    zeroed: NDArray[np.float32]
    "F with a whole layer's neurons at zero, shape (n_targets, L)"
    letter_probabilities: NDArray[np.float32]
    "softmax over the four letters, unmodified model, shape (4,)"
    guard: float
    """largest |F(k = m) - F| over targets and layers: rows at full value are the unmodified model. Of `content`,
    relative to the letters' largest logit where that is above 1"""

    def of(self, target: str) -> NDArray[np.float32]:
        """IG under one target, (L, I). AttributionError when it was not attributed."""
        if target not in self.targets:
            raise AttributionError(
                f"the target {target!r} was not attributed",
                where=f"question {self.question_id}",
                accepted=", ".join(self.targets),
            )
        return self.ig[self.targets.index(target)]

    @property
    def completeness_gap(self) -> NDArray[np.float32]:
        """(Σ IG_l - (F - F with layer l zeroed)) / Σ|IG_l|, shape (n_targets, L); 0 without any attribution."""
        total = np.abs(self.ig).sum(axis=-1)
        gap = self.ig.sum(axis=-1) - (self.baseline[:, None] - self.zeroed)
        return np.divide(gap, total, out=np.zeros_like(gap), where=total > 0)
