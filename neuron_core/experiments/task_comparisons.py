"""The outputs of an experiment that compare tasks, and what all outputs share. No torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
import plotly.graph_objects as go

from neuron_core.analysis.common import CommonNeurons, common_table
from neuron_core.analysis.cross import CrossMatrix, cross_entries, cross_matrix, cross_printed
from neuron_core.analysis.distribution import layer_change_table, layers_table
from neuron_core.analysis.entries import AVERAGE
from neuron_core.analysis.specific import PAIRS, opposed_neurons, overlap, overlap_table
from neuron_core.analysis.table_side_effects import has_side_effects, side_effects_printed, with_mean_effects
from neuron_core.analysis.tables import (
    as_printed,
    set_table,
)
from neuron_core.analysis.task_layers import task_layers
from neuron_core.control.interventions import Direction
from neuron_core.control.metrics import Evaluation
from neuron_core.control.results import SideEffects
from neuron_core.errors import RunError
from neuron_core.experiments.plan import ExperimentSetting
from neuron_core.experiments.runs import ExperimentRuns
from neuron_core.experiments.set_files import COMMON, common_of, specific_names, specific_of
from neuron_core.figures.cross import cross_heatmaps, overlap_heatmap
from neuron_core.figures.experiments import entry_bars
from neuron_core.figures.task_layers import change_heatmaps, share_lines, task_heatmaps
from neuron_core.runs.run_folder import RunFolder

PAPER_DIRECTIONS: tuple[Direction, ...] = ("degrader", "enhancer")
"the paper's order"
OPTIMISTIC = (
    "RAC/RCC in percent of the unmodified model, positive in the intended direction; Fail: the opposite happened. The "
    "ratio of good to bad neurons is the best of all, as in the paper, which is optimistic. Held out, it is chosen on "
    "one half of the examples and measured on the other."
)
BESIDE = (
    "Side effects: P(A-D) is the probability left on the four letters, perplexity that of a neutral text; average "
    "columns are means over tasks. Those of Random (good and bad) are of one set at the first method's "
    "ratio. Empty: not measured."
)


@dataclass(frozen=True, eq=False)
class Output:
    """An output: a table of the paper with its figures."""

    name: str
    title: str
    text: str
    "what the output shows and how to read it"
    table: pd.DataFrame
    "one row per entry, for files"
    printed: Sequence[tuple[str, pd.DataFrame]] = field(default_factory=tuple)
    "captions and tables as the paper prints them"
    figures: Sequence[tuple[str, go.Figure]] = field(default_factory=tuple)


def evaluations_of(runs: Mapping[str, RunFolder]) -> dict[str, Evaluation]:
    """Task → the evaluation of its run. Raises RunError if a run is not finished."""
    found = {}
    for task, run in runs.items():
        evaluation = run.evaluation()
        if evaluation is None:
            raise RunError("the evaluation of this run is not finished", where=run.id, accepted="a finished run")
        found[task] = evaluation
    return found


def effects_of(runs: Mapping[str, RunFolder]) -> dict[str, SideEffects]:
    """Task → the side effects that its run measured. Tasks without them are left out."""
    found = {task: run.side_effects() for task, run in runs.items()}
    return {task: effects for task, effects in found.items() if effects is not None}


def entries_output(
    name: str,
    title: str,
    table: pd.DataFrame,
    line: Sequence[str] = ("method",),
    more: str = "",
    *,
    measures: Sequence[str] = ("rac", "rcc"),
) -> Output:
    """An output from a table of entries: printed as in the paper and held out, with bars. more: additional text."""
    best, heldout = as_printed(table, line), as_printed(table, line, heldout=True)
    printed = [("Best ratio (optimistic)", best), ("Held out", heldout)]
    words = [OPTIMISTIC, _undefined_in_words(table), more]
    if has_side_effects(table):
        printed[0] = (printed[0][0], with_mean_effects(best, table, line))
        printed.append(("Side effects at the best ratio: P(A-D) / perplexity", side_effects_printed(table, line)))
        words.append(BESIDE)
    figures = [(f"{metric.upper()} by task", entry_bars(table, metric, line)) for metric in measures]
    return Output(name, title, " ".join(filter(None, words)), table, printed, figures)


def table5(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    """Table 5: the effect of the common neurons on every task. If there are none, only their empty list."""
    common = common_of(runs, setting.k)
    rows = common_table(common)
    if not runs.sets or not len(common.ranking().scores):
        return Output("table5", "Table 5: common neurons", _said_of(common), rows)
    table = set_table(evaluations_of(runs.sets), setting.k, COMMON, effects_of(runs.sets))
    made = entries_output("table5", "Table 5: common neurons", table)
    text = f"{_said_of(common)} {made.text}"
    return Output(made.name, made.title, text, table, [*made.printed, ("The neurons", rows)], made.figures)


def _matrices(setting: ExperimentSetting, runs: ExperimentRuns) -> list[CrossMatrix]:
    evaluations, names = evaluations_of(runs.sets), specific_names(runs)
    there = {best.source for one in evaluations.values() for best in one.best}
    sets = {task: name for task, name in names.items() if name in there}
    return [cross_matrix(evaluations, sets, setting.k, direction) for direction in PAPER_DIRECTIONS] if sets else []


def table8(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    """Table 8: enhancing with each task's specific neurons; rows are the source tasks."""
    matrices = _matrices(setting, runs)[1:]
    table = pd.concat([cross_entries(matrix) for matrix in matrices]) if matrices else pd.DataFrame()
    if len(table):
        table = table.sort_values("source", kind="stable", key=lambda names: names.map(list(runs.tasks).index))
    text = (
        "What enhancing the task-specific neurons of one task (rows) does to every task (columns). The ratio is the "
        "best one of the row's own task. Fail: the neurons that help their own task harm this one."
    )
    printed = [("Enhancer", cross_printed(matrix, sources_down=True)) for matrix in matrices]
    return Output("table8", "Table 8: neurons of one task on another", text, table, printed)


def fig2(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    """Figure 2: the cross-task matrices of the specific neurons."""
    matrices, specific = _matrices(setting, runs), specific_of(runs, setting.k)
    table = pd.concat([cross_entries(matrix) for matrix in matrices]) if matrices else pd.DataFrame()
    sizes = ", ".join(f"{task} {len(cut.good)} good and {len(cut.bad)} bad" for task, cut in specific.sets().items())
    text = (
        f"Rows: evaluated task; columns: source of the task-specific neurons, whose own task fixes the ratio. "
        f"{len(specific.banned)} neurons of two or more tasks were banned in {specific.rounds} rounds. Left: {sizes}."
    )
    figures = [("RAC", cross_heatmaps(matrices, "rac")), ("RCC", cross_heatmaps(matrices, "rcc"))] if matrices else []
    printed = [(matrix.direction.capitalize(), cross_printed(matrix)) for matrix in matrices]
    return Output("fig2", "Figures 2 and 4: cross-task evaluation", text, table, printed, figures)


def fig5(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    """Figure 5: the layers of each task's neurons and their mean."""
    sets = {task: ranking.cut(setting.k) for task, ranking in runs.rankings().items()}
    n_layers = runs.setting(next(iter(runs.main))).model.n_layers
    found = task_layers(sets, n_layers)
    figures = [("Share by layer", share_lines(found)), ("Neurons by layer and task", task_heatmaps(found, setting.k))]
    text = f"The layers of the top {setting.k} good and bad neurons of each task; the mean over tasks is dashed."
    return Output("fig5", "Figure 5: layers of good and bad neurons", text, layers_table(sets, n_layers), (), figures)


def fig6(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    """Figure 6: the layers of the common neurons."""
    common = common_of(runs, setting.k)
    sets = {COMMON: common.ranking().cut(setting.k)}
    figures = [("Share by layer", share_lines(task_layers(sets, common.n_layers)))]
    printed = [("The neurons", common_table(common))]
    table = layers_table(sets, common.n_layers)
    return Output("fig6", "Figure 6: layers of common neurons", _said_of(common), table, printed, figures)


def fig7(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    """Figure 7: how the layers change when common neurons are removed."""
    rankings, specific = runs.rankings(), specific_of(runs, setting.k).sets()
    n_layers = next(iter(rankings.values())).n_layers
    before = task_layers({task: ranking.cut(setting.k) for task, ranking in rankings.items()}, n_layers)
    figures = [("Change by layer", change_heatmaps(before, task_layers(specific, n_layers)))]
    text = "Neurons that each layer gains or loses when common neurons are removed and the next ranks take their place."
    table = layer_change_table(rankings, specific, setting.k)
    return Output("fig7", "Figure 7: change after removing common neurons", text, table, (), figures)


def overlaps(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    """The overlap of good and bad sets between tasks, and neurons that are good for one task and bad for another."""
    rankings, printed, figures = runs.rankings(), [], []
    for role, other in PAIRS:
        matrix = overlap(rankings, setting.k, role, other)
        caption = f"{role.capitalize()} for one task, {other} for another"
        figures.append((caption, overlap_heatmap(matrix, f"{role} for", f"{other} for")))
        printed.append((caption, matrix.rename_axis("task").reset_index()))
    printed.append(("Neurons good for one task and bad for another", opposed_neurons(rankings, setting.k)))
    text = f"Jaccard overlap of the top {setting.k} sets of every two tasks."
    whole = overlap_table(rankings, setting.k)
    return Output("overlap", "Overlap of the tasks' neurons", text, whole, printed, figures)


def _undefined_in_words(table: pd.DataFrame) -> str:
    """Says how many entries are left out of averages; empty if there are none."""
    single = table[table["task"] != AVERAGE]
    n = int((single["verdict"] == "undefined").sum())
    return f"{n} of {len(single)} entries are undefined and left out of averages." if n else ""


def _said_of(common: CommonNeurons) -> str:
    return (
        f"Neurons in the top D of two tasks or more: D = {common.good.depth} gives {common.good.n_pool} good ones, "
        f"D = {common.bad.depth} gives {common.bad.n_pool} bad ones. {common.n_dropped} in both pools are dropped; "
        f"{len(common.good.neurons)} good and {len(common.bad.neurons)} bad are used, {common.k} were asked for."
    )
