"""What pages and reports read from a run folder, put together from its files. No torch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuron_core.analysis.layers import LayerGaps, layer_gaps
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.control.interventions import Direction, Intervention
from neuron_core.control.metrics import Baseline, Best, Evaluation, GridRow, RandomRow, baseline_of
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.errors import RunError
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.setting import plan_of
from neuron_core.runs.store import RunFolder

TASK = "task"


@dataclass(frozen=True, eq=False)
class Attribution:
    """A finished attribution beside its checks."""

    ranking: NeuronRanking
    gaps: LayerGaps
    guard: float
    "largest distance of a full-value row from the unmodified model, over questions and layers"
    baseline: Baseline
    "the unmodified model on the attribution questions"


@dataclass(frozen=True)
class Cell:
    """One cell of the evaluated grid beside what it is judged by."""

    row: GridRow
    random: RandomRow | None
    "random sets in the same cell; None when none were evaluated"
    best: Best
    "the best ratio of the same budget and direction"


@dataclass(frozen=True, eq=False)
class Evaluated:
    """The option probabilities of a finished evaluation beside the plan that orders their columns."""

    probabilities: OptionProbabilities
    plan: tuple[Intervention, ...]
    questions: tuple[ProxyQuestion, ...]

    def column(self, k: int, ratio: float, direction: Direction) -> int:
        """Place in the plan of one cell of the task's own grid. RunError when it was not evaluated."""
        for place, one in enumerate(self.plan):
            if (one.k, one.ratio, one.direction, one.source) == (k, ratio, direction, TASK):
                return place
        raise RunError(f"K = {k}, ratio {ratio}, {direction} was not evaluated")


def cell_of(evaluation: Evaluation, k: int, ratio: float, direction: Direction) -> Cell:
    """The cell of the task's own grid. RunError when it was not evaluated."""
    where = (k, ratio, direction)
    row = next((r for r in evaluation.grid if (r.k, r.ratio, r.direction) == where and r.source == TASK), None)
    best = next((b for b in evaluation.best if (b.k, b.direction, b.source) == (k, direction, TASK)), None)
    if row is None or best is None:
        raise RunError(f"K = {k}, ratio {ratio:g}, {direction} was not evaluated")
    random = next((r for r in evaluation.random if (r.k, r.ratio, r.direction) == where), None)
    return Cell(row, random, best)


def read_attribution(run: RunFolder) -> Attribution | None:
    """None before the attribution is finished."""
    setting, ranking = run.setting(), run.ranking()
    if setting is None or ranking is None:
        return None
    scores = [run.scores(number) for number in range(len(setting.attribution))]
    letters = np.stack([one.letter_probabilities for one in scores])
    return Attribution(
        ranking=ranking,
        gaps=layer_gaps(np.stack([one.completeness_gap[0] for one in scores])),
        guard=max(one.guard for one in scores),
        baseline=_baseline(setting.attribution, letters),
    )


def read_evaluated(run: RunFolder) -> Evaluated | None:
    """None before the evaluation is finished."""
    setting, ranking, config = run.setting(), run.ranking(), run.config()
    probabilities = run.probabilities() if config.evaluation else None
    if setting is None or ranking is None or config.evaluation is None or probabilities is None:
        return None
    return Evaluated(probabilities, tuple(plan_of(config.evaluation, ranking)), setting.evaluation)


def _baseline(questions: tuple[ProxyQuestion, ...], letters: NDArray[np.float32]) -> Baseline:
    """letters: (Q, 4)."""
    examples = {name: i for i, name in enumerate(dict.fromkeys(q.example_id for q in questions))}
    return baseline_of(
        OptionProbabilities(
            values=letters[:, None],
            targets=np.array([q.target for q in questions], dtype=np.int8),
            examples=np.array([examples[q.example_id] for q in questions], dtype=np.int32),
            question_ids=tuple(q.id for q in questions),
        )
    )
