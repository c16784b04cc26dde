"""The methods that find neurons, by name: the paper's, its rivals and the controls. No torch.

A new method needs a function from the kept scores to a ranking, and an entry in METHODS.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.score_sums import KN_LEVELS, ScoreSums
from neuron_core.cni.selection import DROP, Extremes, dense_ranking, select_extremes
from neuron_core.errors import ConfigError

Examples = Iterable[Mapping[str, Extremes]]
Ranker = Callable[[ScoreSums, Examples, int, int, str], NeuronRanking]


@dataclass(frozen=True)
class Method:
    """A method that finds neurons."""

    name: str
    title: str
    description: str
    source: str
    "publication that defines the method"
    target: str | None
    "the function F whose integrated gradients are ranked; None if the method needs none"
    sides: Literal["both", "good"]
    "roles that the method finds; with `good` alone, it is only evaluated at ratio 1"
    rank: Ranker | None
    "(sums, examples in order, z, largest budget in use, rule for ambiguous neurons) → ranking; None for a control"
    by_budget: bool = False
    "whether the ranking depends on the largest budget in use"


def _selected(target: str) -> Ranker:
    """The ranking function that applies Eq. 5 to the example scores of one target."""

    def rank(sums: ScoreSums, examples: Examples, z: int, k: int, ambiguous: str) -> NeuronRanking:
        _, n_layers, n_neurons = sums.scores.shape
        return select_extremes((kept[target] for kept in examples), n_layers, n_neurons, z, ambiguous)

    return rank


def _content(sums: ScoreSums, examples: Examples, z: int, k: int, ambiguous: str) -> NeuronRanking:
    """Ranks all neurons by Σ_j ES_j over all examples. There is no z, and no neuron is ambiguous."""
    return dense_ranking(sums.scores[sums.targets.index("content")], z)


def _kn(sums: ScoreSums, examples: Examples, z: int, k: int, ambiguous: str) -> NeuronRanking:
    """Ranks by the number of questions in which a neuron counts, then by its summed scores in these questions.

    The threshold starts at 0.2 of a question's highest score. It is lowered until k neurons count in some question, and
    the ranking's note says which threshold was used.
    """
    level = next((i for i in range(len(KN_LEVELS)) if np.count_nonzero(sums.kn_counts[i]) >= k), len(KN_LEVELS) - 1)
    counts, scores = sums.kn_counts[level].astype(np.float64), sums.kn_scores[level]
    # Counts are whole numbers and the added share is below 1, so that one number sorts by both.
    return dense_ranking(counts + scores / (1 + scores.max()), z, f"threshold {KN_LEVELS[level]:g}")


def _act(sums: ScoreSums, examples: Examples, z: int, k: int, ambiguous: str) -> NeuronRanking:
    """Ranks by the mean ŵ over the questions. Only neurons with a mean above 0 are ranked."""
    return dense_ranking(np.maximum(sums.values / sums.n_questions, 0), z)


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "ace",
            "NeuronLLM (ACE)",
            "Integrated gradients of P(correct) among the four letters; good and bad neurons.",
            "the NeuronLLM paper, Eq. 1 and 3 to 5",
            "ace",
            "both",
            _selected("ace"),
        ),
        Method(
            "tn",
            "TN",
            "Integrated gradients of P(correct) minus the mean P of the wrong letters, within the vocabulary; good "
            "neurons only.",
            "task neurons, as compared in the paper (Table 1)",
            "tn",
            "good",
            _selected("tn"),
        ),
        Method(
            "qrnca",
            "QRNCA",
            "Integrated gradients of P(correct) within the vocabulary; good neurons only.",
            "query-relevant neuron cluster attribution, as compared in the paper (Table 1)",
            "qrnca",
            "good",
            _selected("qrnca"),
        ),
        Method(
            "tn+",
            "TN (enabled)",
            "The scores of TN, used with good and bad neurons, as the paper enables its rivals.",
            "the paper, Table 2",
            "tn",
            "both",
            _selected("tn"),
        ),
        Method(
            "qrnca+",
            "QRNCA (enabled)",
            "The scores of QRNCA, used with good and bad neurons, as the paper enables its rivals.",
            "the paper, Table 2",
            "qrnca",
            "both",
            _selected("qrnca"),
        ),
        Method(
            "kn",
            "KN",
            "Neurons that reach a fifth of the question's highest score in the largest number of questions.",
            "knowledge neurons, as compared in the paper (Table 1)",
            "qrnca",
            "good",
            _kn,
            by_budget=True,
        ),
        Method(
            "content",
            "Content (letter-free)",
            "Integrated gradients of the correct letter's logit minus the mean of the others, summed over all "
            "questions; over four rotations, whatever depends on the letter alone cancels.",
            "docs/method.md, Letter, answering or task",
            "content",
            "both",
            _content,
        ),
        Method(
            "act",
            "Activation",
            "Neurons with the highest mean value at the last prompt token.",
            "a baseline without gradients",
            None,
            "good",
            _act,
        ),
        Method(
            "random",
            "Random",
            "Neurons drawn uniformly from the model; mean and range over several seeds.",
            "a control",
            None,
            "good",
            None,
        ),
        Method(
            "random+",
            "Random (good and bad)",
            "The null: as many random neurons in each layer as the ranked sets have, each with its own best ratio.",
            "a control",
            None,
            "both",
            None,
        ),
        Method(
            "random-loud",
            "Random (as loud)",
            "A stronger null: for each ranked neuron, a random one among those of its layer that are nearest in "
            "loudness, which is mean |value| times the length of the write vector.",
            "docs/method.md, Interventions",
            None,
            "both",
            None,
        ),
    )
}
RANKED = tuple(name for name, method in METHODS.items() if method.rank is not None)
PAPER_METHODS = tuple(name for name in RANKED if name != "content")
"the methods of the paper's tables"
PAPER_CONTROLS = ("random", "random+")
CONTROLS = tuple(name for name, method in METHODS.items() if method.rank is None)
TARGETS = ("ace", "tn", "qrnca", "content")
LETTER_TARGETS = ("ace", "content")
"targets that need only the logits of the letters"


def method(name: str) -> Method:
    """The method with this name. Raises ConfigError, which lists the known ones, for any other name."""
    if name not in METHODS:
        raise ConfigError(f"unknown method {name!r}", accepted=", ".join(METHODS))
    return METHODS[name]


def source_title(source: str) -> str:
    """Whose neurons an intervention takes, in words. source: `ace`, `ace, good`, or the name of a neuron set."""
    name, _, part = source.partition(", ")
    title = METHODS[name].title if name in METHODS else name
    return f"{title}, {part} only" if part else title


def targets_of(names: Sequence[str]) -> tuple[str, ...]:
    """The targets that these methods rank; `ace` if they rank none."""
    wanted = {method(name).target for name in names}
    return tuple(target for target in TARGETS if target in wanted) or ("ace",)


def rank(name: str, sums: ScoreSums, examples: Examples, z: int, k: int, ambiguous: str = DROP) -> NeuronRanking:
    """The ranking by one method. ambiguous: as in `select`. Raises ConfigError for a control, which has no ranking."""
    ranker = method(name).rank
    if ranker is None:
        raise ConfigError(f"the method {name!r} has no ranking", accepted=", ".join(RANKED))
    return ranker(sums, examples, z, k, ambiguous)


def score_unit(name: str) -> str:
    """The unit of a method's scores, or of the IG of a target of that name: most are probabilities."""
    return {"content": "logits", "kn": "questions", "act": "activation"}.get(name, "probability")
