"""Rankings of neurons, and the sets cut from them, as numpy arrays. No torch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class NeuronSet:
    """The top K good and the top K bad neurons of a ranking."""

    k: int
    "number of neurons asked for, of each role; a set may have fewer and is never padded"
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
    """All neurons whose task score (Eq. 5) is not zero, highest score first; ties by (layer, index)."""

    neurons: NDArray[np.int32]
    "(layer, index), shape (n, 2)"
    scores: NDArray[np.float32]
    "task scores, descending, shape (n,)"
    n_ambiguous: int
    "number of neurons that were good in one example and bad in another; their score is 0 unless the run keeps it"
    n_layers: int
    n_neurons: int
    "neurons per layer, I"
    z: int
    "number of neurons kept at each end of every example's ranking"
    note: str = ""
    "what the method chose by itself, such as a threshold; empty if nothing"

    def cut(self, k: int) -> NeuronSet:
        """The top K with a positive score and the bottom K with a negative score; ties go to the lower (layer,
        index).
        """
        good, bad = np.flatnonzero(self.scores > 0)[:k], np.flatnonzero(self.scores < 0)
        bad = bad[np.lexsort((self.neurons[bad, 1], self.neurons[bad, 0], self.scores[bad]))[:k]]
        return NeuronSet(
            k=k,
            good=self.neurons[good],
            bad=self.neurons[bad],
            good_scores=self.scores[good],
            bad_scores=self.scores[bad],
        )
