"""The neurons of a task by layer, and as a table. No torch."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from neuron_core.cni.neurons import NeuronRanking, NeuronSet
from neuron_core.errors import ConfigError

Role = Literal["good", "bad"]
ROLES: tuple[Role, ...] = ("good", "bad")


@dataclass(frozen=True, eq=False)
class LayerCounts:
    """The number of good and of bad neurons in each layer."""

    good: NDArray[np.int64]
    "number of good neurons, shape (L,)"
    bad: NDArray[np.int64]
    "number of bad neurons, shape (L,)"
    good_share: NDArray[np.float64]
    "share of all good neurons of the set, shape (L,); zeros if it has none"
    bad_share: NDArray[np.float64]
    "share of all bad neurons of the set, shape (L,); zeros if it has none"


@dataclass(frozen=True, eq=False)
class LayerScores:
    """The scores of a task's whole ranking, summed over each layer."""

    positive: NDArray[np.float64]
    "sum of the positive task scores, shape (L,), in units of the target"
    negative: NDArray[np.float64]
    "sum of the negative task scores, shape (L,), zero or below, in units of the target"
    n_positive: NDArray[np.int64]
    "number of neurons with a positive score, shape (L,)"
    n_negative: NDArray[np.int64]
    "number of neurons with a negative score, shape (L,)"


@dataclass(frozen=True, eq=False)
class LayerGaps:
    """The completeness gap of every layer over the attribution questions."""

    mean: NDArray[np.float64]
    "mean gap relative to Σ|IG_l|, shape (L,)"
    spread: NDArray[np.float64]
    "standard deviation over questions, shape (L,); zeros for one question"
    n_questions: int


@dataclass(frozen=True)
class NeuronRow:
    """One row of the table of neurons."""

    rank: int
    "rank within its role, counted from 1"
    role: Role
    layer: int
    index: int
    "index within the layer"
    score: float
    "task score (Eq. 5), in units of the target"
    id: str
    '"layer.index"'


def layer_counts(cut: NeuronSet, n_layers: int) -> LayerCounts:
    """Counts the neurons of a set by layer. Raises ConfigError for a layer that the model does not have."""
    good, bad = _counts(cut.good, n_layers), _counts(cut.bad, n_layers)
    return LayerCounts(good, bad, good / max(1, len(cut.good)), bad / max(1, len(cut.bad)))


def layer_scores(ranking: NeuronRanking) -> LayerScores:
    """Sums the positive and the negative task scores of a whole ranking by layer."""
    good, bad = ranking.scores > 0, ranking.scores < 0
    scores = ranking.scores.astype(np.float64)
    return LayerScores(
        positive=_sums(ranking.neurons[good], scores[good], ranking.n_layers),
        negative=_sums(ranking.neurons[bad], scores[bad], ranking.n_layers),
        n_positive=_counts(ranking.neurons[good], ranking.n_layers),
        n_negative=_counts(ranking.neurons[bad], ranking.n_layers),
    )


def layer_gaps(gaps: NDArray[np.float32]) -> LayerGaps:
    """Mean and spread of the completeness gap over questions. gaps: (Q, L). ConfigError without a question."""
    if not len(gaps):
        raise ConfigError(
            "there are no questions to average the completeness gap over", accepted="at least one attributed question"
        )
    exact = gaps.astype(np.float64)
    return LayerGaps(exact.mean(axis=0), exact.std(axis=0), len(gaps))


def neuron_rows(cut: NeuronSet) -> list[NeuronRow]:
    """The set as a table: first the good neurons, the best first, then the bad neurons, the worst first."""
    rows = []
    for role, neurons, scores in (("good", cut.good, cut.good_scores), ("bad", cut.bad, cut.bad_scores)):
        for rank, ((layer, index), score) in enumerate(zip(neurons.tolist(), scores, strict=True), start=1):
            rows.append(NeuronRow(rank, role, layer, index, float(score), f"{layer}.{index}"))  # type: ignore[arg-type]
    return rows


def _counts(neurons: NDArray[np.int32], n_layers: int) -> NDArray[np.int64]:
    return np.bincount(_layers(neurons, n_layers), minlength=n_layers)


def _sums(neurons: NDArray[np.int32], scores: NDArray[np.float64], n_layers: int) -> NDArray[np.float64]:
    return np.bincount(_layers(neurons, n_layers), scores, n_layers).astype(np.float64)


def _layers(neurons: NDArray[np.int32], n_layers: int) -> NDArray[np.int32]:
    layers = neurons.reshape(-1, 2)[:, 0]
    if len(layers) and not 0 <= layers.min() <= layers.max() < n_layers:
        raise ConfigError(
            f"a neuron of layer {layers.max()} in a model of {n_layers} layers",
            accepted="neurons of this model",
        )
    return layers
