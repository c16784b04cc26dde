"""Results of a run that pages and reports show, combined from its files. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass

from neuron_core.analysis.layers import LayerGaps, layer_gaps
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.control.interventions import Direction, Intervention
from neuron_core.control.metrics import Baseline, Best, Evaluation, GridRow, RandomRow
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.errors import RunError
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.plan import plan_of
from neuron_core.runs.run_folder import RunFolder

BAND = "random+"
"source of the control sets: random neurons, as many in each layer as the ranking has"


@dataclass(frozen=True, eq=False)
class Attribution:
    """A finished attribution and its checks."""

    ranking: NeuronRanking
    "by the run's first method"
    rankings: dict[str, NeuronRanking]
    "by method"
    gaps: LayerGaps
    guard: float
    "largest distance of a full-value row from the unmodified model, over questions and layers"
    baseline: Baseline
    "the unmodified model on the attribution questions"


@dataclass(frozen=True)
class Cell:
    """One cell of the evaluated grid, with the random control sets and the best ratio that it is compared with."""

    row: GridRow
    random: RandomRow | None
    "random sets in the same cell; None when none were evaluated"
    best: Best
    "the best ratio of the same budget and direction"


@dataclass(frozen=True, eq=False)
class Evaluated:
    """The option probabilities of a finished evaluation, and the plan that gives the order of their columns."""

    probabilities: OptionProbabilities
    plan: tuple[Intervention, ...]
    questions: Sequence[ProxyQuestion]

    def column(self, k: int, ratio: float, direction: Direction, source: str = "ace") -> int:
        """Place in the plan of one cell of a source's grid. RunError when it was not evaluated."""
        for place, one in enumerate(self.plan):
            if (one.k, one.ratio, one.direction, one.source) == (k, ratio, direction, source):
                return place
        raise RunError(f"K = {k}, ratio {ratio}, {direction} was not evaluated")


def cell_of(evaluation: Evaluation, k: int, ratio: float, direction: Direction, source: str = "ace") -> Cell:
    """The cell of a source's grid: a method's, or a neuron set's. RunError when it was not evaluated."""
    where = (k, ratio, direction)
    row = next((r for r in evaluation.grid if (r.k, r.ratio, r.direction) == where and r.source == source), None)
    best = next((b for b in evaluation.best if (b.k, b.direction, b.source) == (k, direction, source)), None)
    if row is None or best is None:
        raise RunError(f"K = {k}, ratio {ratio:g}, {direction} was not evaluated")
    random = next((r for r in evaluation.random if (r.k, r.ratio, r.direction, r.source) == (*where, BAND)), None)
    return Cell(row, random, best)


def read_attribution(run: RunFolder) -> Attribution | None:
    """The finished attribution of a run; None before it is finished."""
    setting, ranking = run.setting(), run.ranking()
    if setting is None or ranking is None:
        return None
    checks = run.all_checks()
    return Attribution(
        ranking=ranking,
        rankings=run.rankings(),
        gaps=layer_gaps(checks.gaps),
        guard=float(checks.guards.max()),
        baseline=checks.baseline,
    )


def read_evaluated(run: RunFolder) -> Evaluated | None:
    """The option probabilities of a run; None before its evaluation is finished."""
    setting, config = run.setting(), run.config()
    probabilities = run.probabilities() if config.evaluation else None
    if setting is None or config.evaluation is None or probabilities is None:
        return None
    plan = plan_for(run)
    run.check_plan(plan, config.evaluation.position)
    return Evaluated(probabilities, tuple(plan), setting.evaluation)


def plan_for(run: RunFolder) -> list[Intervention]:
    """The interventions of a run's evaluation, in the order of its columns. RunError when it has none."""
    config = run.config()
    if config.evaluation is None:
        raise RunError("the run has no evaluation", where=run.id)
    return plan_of(config.evaluation, run.rankings(), config.sets, run.sets(), run.loudness())


def best_plan(run: RunFolder, plan: Sequence[Intervention]) -> list[Intervention]:
    """The best ratio of every source, budget and direction, and the first random set at the first source's ratios.

    RunError before the evaluation is finished.
    """
    evaluation = run.evaluation()
    if evaluation is None:
        raise RunError("the run has no evaluation", where=run.id)
    cells = {(one.source, one.k, one.ratio, one.direction): one for one in plan}
    chosen = [(best.source, best.k, best.ratio, best.direction) for best in evaluation.best]
    first = chosen[0][0] if chosen else ""
    random = [(f"{BAND}-0", *rest) for source, *rest in chosen if source == first]
    return [cells[cell] for cell in (*chosen, *random) if cell in cells]
