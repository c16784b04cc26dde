"""Rankings and sets of neurons, as numpy arrays. No torch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class NeuronSet:
    """The good and the bad neurons that a budget K takes from a ranking."""

    k: int
    "budget asked for; fewer neurons than this are said, never padded"
    good: NDArray[np.int32]
    "(layer, index) of good neurons, highest score first, shape (≤ K, 2)"
    bad: NDArray[np.int32]
    "(layer, index) of bad neurons, lowest score first, shape (≤ K, 2)"
    good_scores: NDArray[np.float32]
    "task scores of the good neurons, shape (≤ K,)"
    bad_scores: NDArray[np.float32]
    "task scores of the bad neurons, shape (≤ K,)"


@dataclass(frozen=True, eq=False)
class NeuronRanking:
    """All neurons with a task score other than zero (Eq. 5), best first; ties by (layer, index)."""

    neurons: NDArray[np.int32]
    "(layer, index), shape (n, 2)"
    scores: NDArray[np.float32]
    "task scores, descending, shape (n,)"
    n_ambiguous: int
    "neurons that were good in one example and bad in another; their score is 0, unless the run keeps them"
    n_layers: int
    n_neurons: int
    "neurons a layer, I"
    z: int
    "neurons kept at either end of each example's ranking"
    note: str = ""
    "what the method had to choose, where it had to"

    def cut(self, k: int) -> NeuronSet:
        """Top K with positive score, bottom K with negative score; ties to the lower (layer, index)."""
        good, bad = np.flatnonzero(self.scores > 0)[:k], np.flatnonzero(self.scores < 0)
        bad = bad[np.lexsort((self.neurons[bad, 1], self.neurons[bad, 0], self.scores[bad]))[:k]]
        return NeuronSet(
            k=k,
            good=self.neurons[good],
            bad=self.neurons[bad],
            good_scores=self.scores[good],
            bad_scores=self.scores[bad],
        )
