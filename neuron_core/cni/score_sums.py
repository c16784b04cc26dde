"""What a run keeps of its question scores: enough for every ranking, and small for any number of questions.

For each example, the top and bottom z under each target are kept, which is all that Eq. 5 needs. For all examples
together, dense sums are kept. No torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neuron_core.cni.scores import AttributionScores
from neuron_core.cni.selection import Extremes, extremes_of
from neuron_core.errors import AttributionError

KN_LEVELS = (0.2, 0.15, 0.1, 0.05)
"a neuron counts in a question if its score is at least this share of the question's highest score"


@dataclass(frozen=True, eq=False)
class ScoreSums:
    """Dense sums over the examples added so far."""

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
    "number of questions in which a neuron counts, for each of KN_LEVELS, (4, L, I); empty without target `qrnca`"
    kn_scores: NDArray[np.float64]
    "sum of the neuron's scores in those questions, (4, L, I); empty without target `qrnca`"


def loudness_of(sums: ScoreSums, write_norms: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much each neuron writes: mean |ŵ| over the questions times the length of its write vector, (L, I)."""
    return (sums.magnitudes / sums.n_questions * write_norms).astype(np.float32)


def no_sums(targets: Sequence[str], n_layers: int, n_neurons: int) -> ScoreSums:
    """The sums before the first example: all zeros."""
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
    """Adds an example to the sums. Returns the new sums, and target → the example's top and bottom z.

    questions: the scores of the example's proxy questions.

    Raises AttributionError for scores that are not finite.
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
