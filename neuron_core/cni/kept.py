"""What remains of question scores when a run is over: enough for every ranking, small for any number of questions.

Of an example, the top and bottom z under each target (all that Eq. 5 asks for); of all examples together,
running dense sums. No torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neuron_core.cni.scores import AttributionScores
from neuron_core.cni.selection import Extremes, extremes_of
from neuron_core.errors import AttributionError

KN_LEVELS = (0.2, 0.15, 0.1, 0.05)
"a neuron counts in a question from this share of the question's highest score on"


@dataclass(frozen=True, eq=False)
class ScoreSums:
    """Dense sums over the examples taken in so far."""

    targets: tuple[str, ...]
    n_examples: int
    n_questions: int
    scores: NDArray[np.float64]
    "sum of example scores ES (Eq. 4), (n_targets, L, I)"
    values: NDArray[np.float64]
    "sum of neuron values ŵ over questions, (L, I)"
    magnitudes: NDArray[np.float64]
    "sum of |ŵ| over questions, (L, I)"
    kn_counts: NDArray[np.int32]
    "questions in which a neuron counts, by level of KN_LEVELS, (4, L, I); empty without the target `qrnca`"
    kn_scores: NDArray[np.float64]
    "sum of its scores in those questions, (4, L, I); empty without the target `qrnca`"


def loudness_of(sums: ScoreSums, write_norms: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean |ŵ| over the questions times the length of the write vector, (L, I): how much a neuron writes."""
    return (sums.magnitudes / sums.n_questions * write_norms).astype(np.float32)


def no_sums(targets: Sequence[str], n_layers: int, n_neurons: int) -> ScoreSums:
    """Before the first example."""
    shape = (n_layers, n_neurons)
    levels = len(KN_LEVELS) if "qrnca" in targets else 0
    return ScoreSums(
        targets=tuple(targets),
        n_examples=0,
        n_questions=0,
        scores=np.zeros((len(targets), *shape)),
        values=np.zeros(shape),
        magnitudes=np.zeros(shape),
        kn_counts=np.zeros((levels, *shape), dtype=np.int32),
        kn_scores=np.zeros((levels, *shape)),
    )


def add_example(
    sums: ScoreSums, questions: Sequence[AttributionScores], z: int
) -> tuple[ScoreSums, dict[str, Extremes]]:
    """The sums with one more example, and what is kept of that example. questions: its proxy questions.

    AttributionError for scores that are not finite.
    """
    example = np.stack([one.ig for one in questions]).sum(axis=0, dtype=np.float64).astype(np.float32)
    if not np.isfinite(example).all():
        raise AttributionError(
            "example scores that are not finite can't be ranked", where=f"question {questions[0].question_id}"
        )
    kept = {name: extremes_of(example[t].reshape(-1), z) for t, name in enumerate(sums.targets)}
    counts, scores = sums.kn_counts.copy(), sums.kn_scores.copy()
    for one in questions if len(counts) else ():
        probability = one.of("qrnca")
        highest = float(probability.max())
        for level, share in enumerate(KN_LEVELS if highest > 0 else ()):
            counting = probability >= share * highest
            counts[level] += counting
            scores[level] += np.where(counting, probability, 0)
    grown = replace(
        sums,
        n_examples=sums.n_examples + 1,
        n_questions=sums.n_questions + len(questions),
        scores=sums.scores + example,
        values=sums.values + np.sum([one.neurons for one in questions], axis=0, dtype=np.float64),
        magnitudes=sums.magnitudes + np.sum([np.abs(one.neurons) for one in questions], axis=0, dtype=np.float64),
        kn_counts=counts,
        kn_scores=scores,
    )
    return grown, kept
