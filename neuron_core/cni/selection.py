"""Selects neurons: from question scores to a ranking (paper, Eq. 4 and 5), and presets of z and K. No torch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neuron_core.cni.neurons import NeuronRanking
from neuron_core.errors import AttributionError, ConfigError

DROP, KEEP = "drop", "keep"
AMBIGUOUS = (DROP, KEEP)
"rule for neurons that are good in one example and bad in another: drop them, or keep their sum"
PAPER_Z, PAPER_K, PAPER_FROM = 5000, 100, 250_000
# The paper's z and K as shares of the 352,256 neurons of LLaMA-2-7B.
SHARE_Z, SHARE_K, SMALLEST_K = 0.0142, 0.000284, 10


@dataclass(frozen=True)
class Preset:
    """The usual z and K for a model of some size."""

    name: Literal["paper", "share"]
    "paper: the paper's numbers; share: the same shares of a smaller model"
    z: int
    "number of neurons kept at each end of an example's ranking"
    k: int
    "budget of an intervention"


@dataclass(frozen=True, eq=False)
class Extremes:
    """G_j and B_j of Eq. 5 with their scores, which is all that the selection needs of an example."""

    good: NDArray[np.int32]
    "layer·I + index of the top z, ascending, shape (≤ z,)"
    good_scores: NDArray[np.float32]
    "their example scores, shape (≤ z,)"
    bad: NDArray[np.int32]
    "layer·I + index of the bottom z, ascending, shape (≤ z,)"
    bad_scores: NDArray[np.float32]
    "their example scores, shape (≤ z,)"


def preset(n_total: int) -> Preset:
    """z and K for a model with L·I neurons: the paper's numbers from 250,000 neurons on, its shares below."""
    if n_total >= PAPER_FROM:
        return Preset("paper", PAPER_Z, PAPER_K)
    return Preset("share", max(1, round(SHARE_Z * n_total)), max(SMALLEST_K, round(SHARE_K * n_total)))


def example_scores(question_scores: NDArray[np.float32], examples: Sequence[int]) -> NDArray[np.float32]:
    """Eq. 4: ES_e is the sum of the scores of the example's questions. Returns shape (E, L, I).

    question_scores: (Q, L, I). examples: the number of each question's example, (Q,); rows of the result are in
    ascending order of these numbers. Raises ConfigError if the two lengths differ.
    """
    if len(question_scores) != len(examples):
        raise ConfigError(
            f"{len(examples)} example numbers for the scores of {len(question_scores)} questions",
            accepted="one number per question",
        )
    numbers = np.asarray(examples)
    found = np.unique(numbers)
    scores = np.empty((len(found), *question_scores.shape[1:]), dtype=np.float32)
    for row, number in enumerate(found):
        scores[row] = question_scores[numbers == number].sum(axis=0, dtype=np.float64)
    return scores


def select(example_scores: NDArray[np.float32], z: int, ambiguous: str = DROP) -> NeuronRanking:
    """Eq. 5: ACE(w) = Σ_j 1[w ∈ G_j ∪ B_j]·ES_j(w), but 0 where w is in some G_i and in some B_j.

    G_j and B_j are the top and bottom z of example j; ties go to the lower (layer, index). A neuron that scores exactly
    0 is in neither, because in models where most activations are zero it would be chosen only by its place. ambiguous:
    `drop` is the paper's rule, `keep` leaves such neurons their sum. Raises ConfigError unless 1 ≤ z ≤ L·I/4, and
    Raises AttributionError for scores that are not finite.
    """
    _, n_layers, n_neurons = example_scores.shape
    check_z(z, n_layers * n_neurons)
    if not np.isfinite(example_scores).all():
        raise AttributionError("example scores that are not finite can't be ranked")
    kept = (extremes_of(scores.reshape(-1), z) for scores in example_scores)
    return select_extremes(kept, n_layers, n_neurons, z, ambiguous)


def extremes_of(flat: NDArray[np.float32], z: int) -> Extremes:
    """The top and bottom z of an example's scores. flat: (L·I,)."""
    good, bad = (np.flatnonzero(_highest(one, z)).astype(np.int32) for one in (flat, -flat))
    return Extremes(good, flat[good], bad, flat[bad])


def select_extremes(
    examples: Iterable[Extremes], n_layers: int, n_neurons: int, z: int, ambiguous: str = DROP
) -> NeuronRanking:
    """`select` from the kept extremes of each example. Raises ConfigError unless 1 ≤ z ≤ L·I/4, and for an unknown
    rule.
    """
    if ambiguous not in AMBIGUOUS:
        raise ConfigError(f"unknown rule {ambiguous!r} for ambiguous neurons", accepted=", ".join(AMBIGUOUS))
    n_total = n_layers * n_neurons
    check_z(z, n_total)
    task_scores = np.zeros(n_total)
    ever_good, ever_bad = np.zeros(n_total, dtype=bool), np.zeros(n_total, dtype=bool)
    for one in examples:
        ever_good[one.good] = True
        ever_bad[one.bad] = True
        task_scores[one.good] += one.good_scores
        task_scores[one.bad] += one.bad_scores
    both = ever_good & ever_bad
    scores = (np.where(both, 0, task_scores) if ambiguous == DROP else task_scores).reshape(n_layers, n_neurons)
    return replace(dense_ranking(scores, z), n_ambiguous=int(both.sum()))


def dense_ranking(scores: NDArray[np.floating[Any]], z: int, note: str = "") -> NeuronRanking:
    """A ranking of all neurons whose score is not zero; ties go to the lower (layer, index). scores: (L, I)."""
    n_layers, n_neurons = scores.shape
    flat = scores.reshape(-1).astype(np.float32)
    ranked = np.flatnonzero(flat)
    ranked = ranked[np.argsort(-flat[ranked], kind="stable")]
    return NeuronRanking(
        neurons=np.stack(np.divmod(ranked, n_neurons), axis=1).astype(np.int32),
        scores=flat[ranked],
        n_ambiguous=0,
        n_layers=n_layers,
        n_neurons=n_neurons,
        z=z,
        note=note,
    )


def check_z(z: int, n_total: int) -> None:
    """Raises ConfigError unless 1 ≤ z ≤ L·I/4."""
    if not 1 <= z <= n_total / 4:
        raise ConfigError(
            f"z is {z} in a model of {n_total} neurons", where="z", accepted=f"1 to {n_total // 4} (a quarter)"
        )


def _highest(flat: NDArray[np.float32], z: int) -> NDArray[np.bool_]:
    """A mask of the z highest values of (N,), without zeros; ties go to the lower place. Returns shape (N,)."""
    least = np.partition(flat, len(flat) - z)[len(flat) - z]
    chosen = flat > least
    ties = np.flatnonzero(flat == least)
    chosen[ties[: z - int(chosen.sum())]] = True
    return chosen & (flat != 0)
