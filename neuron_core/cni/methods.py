"""Every way of finding neurons, by name: ours, its rivals and its controls. No torch.

A new method is one function from kept scores to a ranking, and one line in METHODS.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neuron_core.cni.kept import KN_LEVELS, ScoreSums
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.selection import DROP, Extremes, dense_ranking, select_extremes
from neuron_core.errors import ConfigError

Examples = Iterable[Mapping[str, Extremes]]
Ranker = Callable[[ScoreSums, Examples, int, int, str], NeuronRanking]


@dataclass(frozen=True)
class Method:
    """One way of finding neurons."""

    name: str
    title: str
    description: str
    source: str
    "where it is defined"
    target: str | None
    "the function F whose integrated gradients it ranks; None when it needs none"
    sides: Literal["both", "good"]
    "good: it names helpful neurons only and is evaluated at ratio 1 alone"
    rank: Ranker | None
    "(sums, examples in order, z, largest budget in use, rule for ambiguous) → ranking; None for a control"
    by_budget: bool = False
    "its ranking depends on the largest budget in use"


def _selected(target: str) -> Ranker:
    """Eq. 5 over the example scores of one target."""

    def rank(sums: ScoreSums, examples: Examples, z: int, k: int, ambiguous: str) -> NeuronRanking:
        _, n_layers, n_neurons = sums.scores.shape
        return select_extremes((kept[target] for kept in examples), n_layers, n_neurons, z, ambiguous)

    return rank


def _content(sums: ScoreSums, examples: Examples, z: int, k: int, ambiguous: str) -> NeuronRanking:
    """Σ_j ES_j over all examples and all neurons: no z, and no neuron is ambiguous."""
    return dense_ranking(sums.scores[sums.targets.index("content")], z)


def _kn(sums: ScoreSums, examples: Examples, z: int, k: int, ambiguous: str) -> NeuronRanking:
    """By the number of questions in which a neuron counts, then by its summed scores there.

    The threshold falls from 0.2 of a question's highest score until k neurons count somewhere; the note says where.
    """
    level = next((i for i in range(len(KN_LEVELS)) if np.count_nonzero(sums.kn_counts[i]) >= k), len(KN_LEVELS) - 1)
    counts, scores = sums.kn_counts[level].astype(np.float64), sums.kn_scores[level]
    # Counts are whole numbers and the sum's share stays below 1: one number that orders by both.
    return dense_ranking(counts + scores / (1 + scores.max()), z, f"threshold {KN_LEVELS[level]:g}")


def _act(sums: ScoreSums, examples: Examples, z: int, k: int, ambiguous: str) -> NeuronRanking:
    """Highest mean ŵ over the questions; only values above 0 rank."""
    return dense_ranking(np.maximum(sums.values / sums.n_questions, 0), z)


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "ace",
            "NeuronLLM (ACE)",
            "Integrated gradients of P(correct) among the four letters; good and bad neurons.",
            "this tool's paper, Eq. 1 and 3 to 5",
            "ace",
            "both",
            _selected("ace"),
        ),
        Method(
            "tn",
            "TN",
            "Integrated gradients of P(correct) less the mean of the wrong letters, within the vocabulary; good "
            "neurons only.",
            "task neurons, as the paper compares them (Table 1)",
            "tn",
            "good",
            _selected("tn"),
        ),
        Method(
            "qrnca",
            "QRNCA",
            "Integrated gradients of P(correct) within the vocabulary; good neurons only.",
            "query-relevant neuron cluster attribution, as the paper compares it (Table 1)",
            "qrnca",
            "good",
            _selected("qrnca"),
        ),
        Method(
            "tn+",
            "TN, enabled",
            "The scores of TN with good and bad neurons, as the paper enables its rivals.",
            "the paper, Table 2",
            "tn",
            "both",
            _selected("tn"),
        ),
        Method(
            "qrnca+",
            "QRNCA, enabled",
            "The scores of QRNCA with good and bad neurons, as the paper enables its rivals.",
            "the paper, Table 2",
            "qrnca",
            "both",
            _selected("qrnca"),
        ),
        Method(
            "kn",
            "KN",
            "Neurons that reach a fifth of a question's highest score in the most questions.",
            "knowledge neurons, as the paper compares them (Table 1)",
            "qrnca",
            "good",
            _kn,
            by_budget=True,
        ),
        Method(
            "content",
            "Content, logit difference over rotations",
            "Integrated gradients of the correct letter's logit less the mean of the others, summed over all "
            "questions; over four rotations what depends on the letter alone cancels.",
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
            "Neurons drawn uniformly, several seeds: mean and range.",
            "a control",
            None,
            "good",
            None,
        ),
        Method(
            "random+",
            "Random, good and bad",
            "As many random neurons a layer as the ranked sets have, with the ratio chosen like ours: the null.",
            "a control",
            None,
            "both",
            None,
        ),
        Method(
            "random-loud",
            "Random, as loud",
            "For each ranked neuron one at random among those of its layer that are nearest in mean |value| times "
            "the length of the write vector: a stronger null, for what any loud neuron does.",
            "docs/method.md, Loud neurons",
            None,
            "both",
            None,
        ),
    )
}
RANKED = tuple(name for name, method in METHODS.items() if method.rank is not None)
OF_PAPER = tuple(name for name in RANKED if name != "content")
"the methods of the paper's tables"
PAPER_CONTROLS = ("random", "random+")
CONTROLS = tuple(name for name, method in METHODS.items() if method.rank is None)
TARGETS = ("ace", "tn", "qrnca", "content")
OF_LETTERS = ("ace", "content")
"targets that need the letters' logits only"


def method(name: str) -> Method:
    """The method of that name; ConfigError lists what there is."""
    if name not in METHODS:
        raise ConfigError(f"unknown method {name!r}", accepted=", ".join(METHODS))
    return METHODS[name]


def targets_of(names: Sequence[str]) -> tuple[str, ...]:
    """The targets that these methods rank; `ace` where none is asked for."""
    wanted = {method(name).target for name in names}
    return tuple(target for target in TARGETS if target in wanted) or ("ace",)


def rank(name: str, sums: ScoreSums, examples: Examples, z: int, k: int, ambiguous: str = DROP) -> NeuronRanking:
    """The ranking of one method. ambiguous: as of `select`. ConfigError for a control, which has none."""
    ranker = method(name).rank
    if ranker is None:
        raise ConfigError(f"the method {name!r} has no ranking", accepted=", ".join(RANKED))
    return ranker(sums, examples, z, k, ambiguous)
