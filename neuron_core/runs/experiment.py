"""The paper's tables and figures from the runs of an experiment, each a table and its figures. No torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neuron_core.analysis.common import CommonNeurons
from neuron_core.analysis.cross import CrossMatrix, cross_entries, cross_matrix, cross_printed
from neuron_core.analysis.distribution import layer_change_table, layers_table
from neuron_core.analysis.letters import letter_scores, without_letters
from neuron_core.analysis.options import option_table, question_answers, question_to_show
from neuron_core.analysis.specific import opposed_neurons, overlap
from neuron_core.analysis.stability import agreement, spread
from neuron_core.analysis.tables import (
    GOOD_ONLY,
    ablation_table,
    as_printed,
    baseline_table,
    budget_table,
    enabled_table,
    methods_table,
    parts_table,
    set_table,
)
from neuron_core.analysis.task_layers import task_layers
from neuron_core.cni.methods import METHODS
from neuron_core.control.interventions import Direction
from neuron_core.control.metrics import Evaluation
from neuron_core.errors import ConfigError, RunError
from neuron_core.figures.cross import cross_heatmaps, overlap_heatmap
from neuron_core.figures.experiments import agreement_bars, cost_lines, entry_bars
from neuron_core.figures.question import answer_bars
from neuron_core.figures.task_layers import change_heatmaps, share_lines, task_heatmaps
from neuron_core.runs.experiment_plan import MORE_STEPS, OURS, ExperimentSetting
from neuron_core.runs.experiment_runs import (
    BUDGET_SOURCES,
    COMMON,
    ExperimentRuns,
    common_of,
    rankings_of_draws,
    specific_names,
    specific_of,
)
from neuron_core.runs.results import read_evaluated
from neuron_core.runs.store import RunFolder

RIVALS = ("qrnca", "tn")
"of Figure 10"
DOWN: tuple[Direction, ...] = ("degrader", "enhancer")
"the paper's order"


@dataclass(frozen=True, eq=False)
class Output:
    """One table or figure of the paper."""

    name: str
    title: str
    text: str
    "what it shows and how to read it"
    table: pd.DataFrame
    "one row an entry, for files"
    printed: Sequence[tuple[str, pd.DataFrame]] = field(default_factory=tuple)
    "captions and tables as the paper prints them"
    figures: Sequence[tuple[str, go.Figure]] = field(default_factory=tuple)


def make_output(
    name: str, setting: ExperimentSetting, runs: ExperimentRuns, cost: pd.DataFrame | None = None
) -> Output:
    """One output by name. cost: what was measured for Figure 9. RunError when a run it needs is not finished."""
    if name == "fig9":
        if cost is None:
            raise ConfigError("Figure 9 without a measurement", accepted="a table of `answer_cost`")
        return _fig9(cost)
    return BUILDERS[name](setting, runs)


def _evaluations(runs: Mapping[str, RunFolder]) -> dict[str, Evaluation]:
    found = {}
    for task, run in runs.items():
        evaluation = run.evaluation()
        if evaluation is None:
            raise RunError("the evaluation of this run is not finished", where=run.id, accepted="a finished run")
        found[task] = evaluation
    return found


OPTIMISTIC = (
    "RAC/RCC in percent of the unmodified model, positive in the intended direction; Fail: the opposite happened. The "
    "ratio of good to bad neurons is the best of all, as in the paper, which is optimistic. Held out, it is chosen on "
    "one half of the examples and measured on the other."
)


def _entries(name: str, title: str, table: pd.DataFrame, line: Sequence[str] = ("method",), more: str = "") -> Output:
    printed = [
        ("Best ratio (optimistic)", as_printed(table, line)),
        ("Held out", as_printed(table, line, heldout=True)),
    ]
    figures = [(f"{metric.upper()} by task", entry_bars(table, metric, line)) for metric in ("rac", "rcc")]
    return Output(name, title, f"{OPTIMISTIC} {more}".strip(), table, printed, figures)


def _table1(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    table = methods_table(_evaluations(runs.main), setting.k, list(METHODS))
    more = f"Intervals are 95% over examples; of random sets the range over {setting.random_seeds} seeds."
    return _entries("table1", f"Table 1: every method, K = {setting.k}", table, more=more)


def _table2(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    table = enabled_table(_evaluations(runs.main), setting.k)
    more = "A method with a plus has good and bad neurons; without, good ones only."
    return _entries("table2", "Table 2: rivals, original and enabled", table, more=more)


def _table3(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    table = parts_table(_evaluations(runs.main), setting.k)
    return _entries("table3", "Table 3: good neurons, bad neurons, both", table, ("method", "part"))


def _table4(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    table = baseline_table({task: one.baseline for task, one in _evaluations(runs.main).items()})
    text = "Accuracy and comprehension of the unmodified model in percent, with 95% intervals; chance is 25%."
    return Output("table4", "Table 4: baselines", text, table, [("Baselines", table)])


def _table5(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    common = common_of(runs, setting.k)
    text = f"{_said_of(common)} {OPTIMISTIC}"
    rows = _common_rows(common)
    if not runs.sets or not len(common.ranking().scores):
        return Output("table5", "Table 5: common neurons", text, rows)
    table = set_table(_evaluations(runs.sets), setting.k, COMMON)
    made = _entries("table5", "Table 5: common neurons", table)
    return Output(made.name, made.title, text, table, [*made.printed, ("The neurons", rows)], made.figures)


def _table6(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    table = ablation_table(_evaluations(runs.main), setting.k)
    return _entries("table6", "Table 6: full ablation of good, bad and both", table, ("method", "part"))


def _table7(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    evaluations = _evaluations(runs.budgets)
    first = next(iter(evaluations.values()))
    there = [name for name in BUDGET_SOURCES if any(best.source == name for best in first.best)]
    table = budget_table(evaluations, setting.budgets, there)
    table["method"] = table["method"].map(BUDGET_SOURCES)
    table.loc[table["method"].isin(GOOD_ONLY), "part"] = "good"
    made = _entries("table7", "Table 7: budgets", table, ("k", "method"))
    return Output(made.name, made.title, made.text, table, made.printed)


def _matrices(setting: ExperimentSetting, runs: ExperimentRuns) -> list[CrossMatrix]:
    evaluations, names = _evaluations(runs.sets), specific_names(runs)
    there = {best.source for one in evaluations.values() for best in one.best}
    sets = {task: name for task, name in names.items() if name in there}
    return [cross_matrix(evaluations, sets, setting.k, direction) for direction in DOWN] if sets else []


def _table8(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
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


def _fig2(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
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


def _fig5(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    sets = {task: ranking.cut(setting.k) for task, ranking in runs.rankings().items()}
    n_layers = runs.setting(next(iter(runs.main))).model.n_layers
    found = task_layers(sets, n_layers)
    figures = [("Share by layer", share_lines(found)), ("Neurons by layer and task", task_heatmaps(found, setting.k))]
    text = f"Where the top {setting.k} good and bad neurons of each task are; the mean over tasks is dashed."
    return Output("fig5", "Figure 5: layers of good and bad neurons", text, layers_table(sets, n_layers), (), figures)


def _fig6(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    common = common_of(runs, setting.k)
    sets = {COMMON: common.ranking().cut(setting.k)}
    figures = [("Share by layer", share_lines(task_layers(sets, common.n_layers)))]
    printed = [("The neurons", _common_rows(common))]
    table = layers_table(sets, common.n_layers)
    return Output("fig6", "Figure 6: layers of common neurons", _said_of(common), table, printed, figures)


def _fig7(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    rankings, specific = runs.rankings(), specific_of(runs, setting.k).sets()
    n_layers = next(iter(rankings.values())).n_layers
    before = task_layers({task: ranking.cut(setting.k) for task, ranking in rankings.items()}, n_layers)
    figures = [("Change by layer", change_heatmaps(before, task_layers(specific, n_layers)))]
    text = "Neurons that each layer gains or loses when common neurons are removed and the next ranks take their place."
    table = layer_change_table(rankings, specific, setting.k)
    return Output("fig7", "Figure 7: change after removing common neurons", text, table, (), figures)


def _fig9(cost: pd.DataFrame) -> Output:
    text = (
        "Seconds a layer of attribution, mean of the repeats. Without QATT every token of the answer is a problem of "
        "its own (Eq. 2); a letter is one. The full-sequence form is timed on few steps and scaled to all of them."
    )
    return Output(
        "fig9", "Figure 9: time against answer length", text, cost, [("Seconds", cost)], [("Time", cost_lines(cost))]
    )


def _fig10(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    tables, printed, figures = [], [], []
    for task, run in runs.main.items():
        evaluated, evaluation = read_evaluated(run), run.evaluation()
        if evaluated is None or evaluation is None:
            raise RunError("the evaluation of this run is not finished", where=run.id, accepted="a finished run")
        p = evaluated.probabilities
        if setting.question is not None and setting.question not in p.question_ids:
            continue
        for direction in reversed(DOWN):
            asked = setting.question
            number = p.question_ids.index(asked) if asked is not None else question_to_show(p, direction)
            question, correct = evaluated.questions[number], int(p.targets[number])
            found = question_answers(p, evaluated.plan, evaluation, number, setting.k, direction, RIVALS)
            table = option_table(found, correct)
            caption = f"{task}, {direction}: {question.id}"
            printed.append((caption, table))
            labels = tuple(f"{option.letter}. {option.text}" for option in question.options)
            figures.append((caption, answer_bars(found, correct, labels)))
            tables.append(table.assign(task=task, question=question.id, direction=direction))
    text = "Probabilities among the four options and cross entropy in nats, before and under each method."
    if setting.question is None:
        text += " Shown: the first question that the unmodified model gets wrong (enhancer) or right (degrader)."
    if not tables:
        raise ConfigError(
            f"no task was asked the question {setting.question!r}",
            where="--question",
            accepted="an evaluation question, as e01c5a7f#2",
        )
    whole = pd.concat(tables, ignore_index=True)
    # A column of true, false and nothing.
    whole["success"] = whole["success"].astype("boolean")
    return Output("fig10", "Figure 10: one question under every method", text, whole, printed, figures)


def _overlap(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    rankings, tables, printed, figures = runs.rankings(), [], [], []
    pairs = (("good", "good"), ("bad", "bad"), ("good", "bad"))
    for role, other in pairs:
        matrix = overlap(rankings, setting.k, role, other)  # type: ignore[arg-type]
        caption = f"{role} for, {other} for"
        figures.append((caption, overlap_heatmap(matrix, f"{role} for", f"{other} for")))
        printed.append((caption, matrix.rename_axis("task").reset_index()))
        long = (
            matrix.rename_axis("row_task").reset_index().melt("row_task", var_name="column_task", value_name="jaccard")
        )
        tables.append(long.assign(row_role=role, column_role=other))
    printed.append(("Neurons good for one task and bad for another", opposed_neurons(rankings, setting.k)))
    text = f"Jaccard overlap of the top {setting.k} sets of every two tasks."
    whole = pd.concat(tables, ignore_index=True)
    return Output("overlap", "Overlap of the tasks' neurons", text, whole, printed, figures)


def _letters(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    tables, printed = [], []
    for task, run in runs.main.items():
        made, ranking = runs.setting(task), run.ranking(OURS)
        if ranking is None or not run.has_whole_scores():
            continue
        found = [run.scores(number) for number in range(len(made.attribution))]
        scores = np.stack([one.of(OURS) for one in found])
        targets = [question.target for question in made.attribution]
        ids = list(dict.fromkeys(question.example_id for question in made.attribution))
        examples = [ids.index(question.example_id) for question in made.attribution]
        right = [int(one.letter_probabilities.argmax()) == target for one, target in zip(found, targets, strict=True)]
        by_letter = letter_scores(scores, targets, right, ranking, setting.k)
        left = without_letters(scores, examples, targets, made.z, setting.k)
        printed += [(f"{task}: by correct letter", by_letter), (f"{task}: a letter left out", left)]
        tables += [by_letter.assign(task=task, what="by letter"), left.assign(task=task, what="left out")]
    text = (
        "Neurons of the task score alike whatever the correct letter is; neurons that write a letter leave the set "
        "with its questions. good, bad: mean summed score of the set over the questions; n_left: neurons that stay."
    )
    whole = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    if not tables:
        text += " The scores of single questions were not kept."
    return Output("letters", "Letter control", text, whole, printed)


def _stability(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    sets, tables, printed = {}, [], []
    for task in runs.draws:
        rankings = rankings_of_draws(runs, setting, task)
        sets[task] = agreement({str(i): ranking for i, ranking in enumerate(rankings)}, setting.k)
        tables.append(sets[task].assign(task=task, what="draws"))
    figures = [("Jaccard over draws", agreement_bars(sets))]
    printed.append((f"Sets over {setting.draws} draws", pd.concat(tables, ignore_index=True)))
    for task, run in runs.steps.items():
        both = {"few": runs.main[task].ranking(OURS), "many": run.ranking(OURS)}
        steps = agreement({name: one for name, one in both.items() if one is not None}, setting.k)
        steps = steps.assign(task=task, what=f"m = {setting.steps} against {MORE_STEPS}")
        tables.append(steps)
        printed.append((f"m = {setting.steps} against {MORE_STEPS} on {task}", steps))
    spreads = []
    for task, evaluation in _evaluations(runs.draw_sets).items():
        sources = dict.fromkeys(best.source for best in evaluation.best)
        each = [set_table({task: evaluation}, setting.k, source) for source in sources]
        spreads.append(spread([one[one["task"] == task] for one in each]))
    if spreads:
        metrics = pd.concat(spreads, ignore_index=True)
        printed.append(("Effects over draws", metrics))
        tables.append(metrics.assign(what="effects"))
    text = (
        f"The same with {setting.draws} disjoint draws of the attribution examples: overlap of the sets, and mean, "
        "standard deviation and range of their effects on examples that no draw has."
    )
    return Output("stability", "Stability over draws", text, pd.concat(tables, ignore_index=True), printed, figures)


def _said_of(common: CommonNeurons) -> str:
    return (
        f"Neurons in the top D of two tasks or more: D = {common.good.depth} gives {common.good.n_pool} good ones, "
        f"D = {common.bad.depth} gives {common.bad.n_pool} bad ones. {common.n_dropped} in both pools are dropped; "
        f"{len(common.good.neurons)} good and {len(common.bad.neurons)} bad are used, {common.k} were asked for."
    )


def _common_rows(common: CommonNeurons) -> pd.DataFrame:
    rows = [
        (role, rank, f"{layer}.{index}", n_tasks, worst)
        for role, one in (("good", common.good), ("bad", common.bad))
        for rank, ((layer, index), n_tasks, worst) in enumerate(
            zip(one.neurons.tolist(), one.n_tasks.tolist(), one.worst_rank.tolist(), strict=True), start=1
        )
    ]
    return pd.DataFrame(rows, columns=["role", "rank", "neuron", "n_tasks", "worst_rank"])


BUILDERS: dict[str, Callable[[ExperimentSetting, ExperimentRuns], Output]] = {
    "table1": _table1,
    "table2": _table2,
    "table3": _table3,
    "table4": _table4,
    "table5": _table5,
    "table6": _table6,
    "table7": _table7,
    "table8": _table8,
    "fig2": _fig2,
    "fig5": _fig5,
    "fig6": _fig6,
    "fig7": _fig7,
    "fig10": _fig10,
    "overlap": _overlap,
    "letters": _letters,
    "stability": _stability,
}
