"""The figures of a run by name, as the app draws them. No torch."""

from typing import Literal, get_args

import plotly.graph_objects as go

from neuron_core.analysis.answers import answers, chosen_ratios
from neuron_core.analysis.layers import layer_counts
from neuron_core.analysis.task_layers import score_map
from neuron_core.cni.methods import score_unit
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.control.results import Evaluation
from neuron_core.errors import ConfigError, RunError, first_of
from neuron_core.figures.baseline import letter_bars
from neuron_core.figures.control import budget_curves, ratio_curves
from neuron_core.figures.layers import completeness_bars, layer_heatmap, layer_score_bars
from neuron_core.figures.points import Metric
from neuron_core.figures.question import answer_bars
from neuron_core.figures.score_map import score_heatmap
from neuron_core.runs.results import Attribution, read_attribution, read_evaluated
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting

Figure = Literal["layers", "scores", "map", "gaps", "letters", "control", "budgets", "question"]
FIGURES: tuple[str, ...] = get_args(Figure)


def run_figure(
    run: RunFolder,
    name: Figure,
    *,
    k: int | None = None,
    method: str | None = None,
    metric: Metric = "rac",
    question: int | str = 0,
) -> go.Figure:
    """A figure of FIGURES. Arguments and errors as in `neuron_core.notebook.run.Run.figure`."""
    if name not in FIGURES:
        raise ConfigError(f"no figure is called {name!r}", accepted=", ".join(FIGURES))
    if name in ("layers", "scores", "map"):
        setting, ranking = ranked(run, method)
        if name == "scores":
            return layer_score_bars(ranking, score_unit(method or run.config().attribution.methods[0]))
        if name == "map":
            return score_heatmap(score_map(ranking))
        budget = budget_of(k, setting)
        return layer_heatmap(layer_counts(ranking.cut(budget), ranking.n_layers), budget)
    if name == "gaps":
        gaps = finished_attribution(run).gaps
        return completeness_bars(gaps.mean, gaps.spread)
    if name == "letters":
        return letter_bars(
            evaluation.baseline if (evaluation := run.evaluation()) else finished_attribution(run).baseline
        )
    evaluation = finished_evaluation(run)
    source = method or evaluation.best[0].source
    if name == "budgets":
        return budget_curves(evaluation, "best", metric, source)
    budget = max(row.k for row in evaluation.grid) if k is None else k
    if name == "control":
        return ratio_curves(evaluation, budget, metric, source)
    return _question(run, evaluation, question, budget)


def ranked(run: RunFolder, method: str | None = None) -> tuple[Setting, NeuronRanking]:
    """The setting and a ranking of a run. method: the run's first by default. Raises RunError before both exist."""
    methods = run.config().attribution.methods
    if method is not None and method not in methods:
        raise ConfigError(f"the run has no method {method!r}", where=run.id, accepted=first_of(methods))
    setting, ranking = run.setting(), run.ranking(method)
    if setting is None or ranking is None:
        raise RunError("the attribution is not finished", where=run.id, accepted="run.resume()")
    return setting, ranking


def finished_attribution(run: RunFolder) -> Attribution:
    """The attribution of a run and its checks. Raises RunError before it is finished."""
    found = read_attribution(run)
    if found is None:
        raise RunError("the attribution is not finished", where=run.id, accepted="run.resume()")
    return found


def finished_evaluation(run: RunFolder) -> Evaluation:
    """The evaluation of a run. Raises RunError before it is finished."""
    found = run.evaluation()
    if found is None:
        raise RunError("the run has no finished evaluation", where=run.id, accepted="run.evaluate(50)")
    return found


def budget_of(k: int | None, setting: Setting) -> int:
    """k, or the run's own budget. Raises ConfigError for less than 1."""
    if k is not None and k < 1:
        raise ConfigError(f"k is {k}", accepted="1 or more")
    return setting.k if k is None else k


def _question(run: RunFolder, evaluation: Evaluation, question: int | str, k: int) -> go.Figure:
    found = read_evaluated(run)
    if found is None:
        raise RunError("the run has no finished evaluation", where=run.id, accepted="run.evaluate(50)")
    ids = found.probabilities.question_ids
    number = ids.index(question) if isinstance(question, str) and question in ids else question
    if not isinstance(number, int) or not 0 <= number < len(ids):
        raise ConfigError(
            f"there is no question {question!r}", where=run.id, accepted=f"0 to {len(ids) - 1}, or an id: {ids[0]}"
        )
    shown = found.questions[number]
    labels = [f"{option.letter}. {option.text}" for option in shown.options]
    ratios = chosen_ratios(evaluation, k)
    if not ratios:
        budgets = sorted({row.k for row in evaluation.grid})
        raise ConfigError(f"K = {k} was not evaluated", where=run.id, accepted=first_of(budgets))
    return answer_bars(answers(found.probabilities, found.plan, number, k, ratios), shown.target, labels)
