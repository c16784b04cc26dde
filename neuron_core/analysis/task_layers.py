"""The layers of several tasks' neurons, and a map of all scores of one ranking (Figures 5 and 7). No torch."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuron_core.analysis.layers import Role, layer_counts
from neuron_core.cni.neurons import NeuronRanking, NeuronSet
from neuron_core.errors import ConfigError


@dataclass(frozen=True, eq=False)
class TaskLayers:
    """The number of good and of bad neurons of each task in each layer."""

    tasks: tuple[str, ...]
    good: NDArray[np.int64]
    "number of good neurons, shape (T, L)"
    bad: NDArray[np.int64]
    "number of bad neurons, shape (T, L)"

    def counts(self, role: Role) -> NDArray[np.int64]:
        """Number of neurons of a role, shape (T, L)."""
        return self.good if role == "good" else self.bad

    def shares(self, role: Role) -> NDArray[np.float64]:
        """Share of a task's neurons of a role that lie in each layer, shape (T, L); zeros if it has none."""
        counts = self.counts(role)
        return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    def mean_shares(self, role: Role) -> NDArray[np.float64]:
        """Mean of the shares over the tasks, shape (L,)."""
        return self.shares(role).mean(axis=0)


@dataclass(frozen=True, eq=False)
class ScoreMap:
    """The scores of all neurons of a model, reduced to the strongest one in each bin of neighbouring neurons."""

    scores: NDArray[np.float32]
    "score furthest from 0 in each bin, shape (L, bins); ties go to the lower index"
    index: NDArray[np.int32]
    "index within the layer of the neuron with that score, shape (L, bins)"
    n_scored: NDArray[np.int32]
    "number of neurons in the bin with a score other than 0, shape (L, bins)"
    width: int
    "neurons per bin; the last bin of a layer may have fewer"
    n_neurons: int


def task_layers(sets: Mapping[str, NeuronSet], n_layers: int) -> TaskLayers:
    """Counts the neurons of each task's set by layer. Raises ConfigError without a task, and for an unknown layer."""
    if not sets:
        raise ConfigError("layers of no task", accepted="one task or more")
    counts = [layer_counts(cut, n_layers) for cut in sets.values()]
    return TaskLayers(tuple(sets), np.stack([one.good for one in counts]), np.stack([one.bad for one in counts]))


def score_map(ranking: NeuronRanking, most_bins: int = 128) -> ScoreMap:
    """The whole ranking over layers and neurons, at most `most_bins` bins a layer. Raises ConfigError for fewer than
    1.
    """
    if most_bins < 1:
        raise ConfigError(f"{most_bins} bins per layer", accepted="1 or more")
    width = -(-ranking.n_neurons // most_bins)
    n_bins = -(-ranking.n_neurons // width)
    padded = np.zeros((ranking.n_layers, n_bins * width), dtype=np.float32)
    padded[ranking.neurons[:, 0], ranking.neurons[:, 1]] = ranking.scores
    bins = padded.reshape(ranking.n_layers, n_bins, width)
    place = np.abs(bins).argmax(axis=2)
    return ScoreMap(
        scores=np.take_along_axis(bins, place[..., None], axis=2)[..., 0],
        index=(place + np.arange(n_bins) * width).astype(np.int32),
        n_scored=np.count_nonzero(bins, axis=2).astype(np.int32),
        width=width,
        n_neurons=ranking.n_neurons,
    )
