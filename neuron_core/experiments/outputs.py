"""Makes the outputs of an experiment: the paper's tables and figures. No torch."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from neuron_core.analysis.letters import letter_scores, without_letters
from neuron_core.analysis.options import option_table, question_answers, question_to_show
from neuron_core.analysis.stability import agreement, spread
from neuron_core.analysis.tables import (
    GOOD_ONLY,
    ablation_table,
    baseline_table,
    budget_table,
    enabled_table,
    methods_table,
    parts_table,
    set_table,
)
from neuron_core.cni.methods import PAPER_CONTROLS, PAPER_METHODS, source_title
from neuron_core.errors import ConfigError, RunError
from neuron_core.experiments.dose import dose_output
from neuron_core.experiments.part_stability import stability_output
from neuron_core.experiments.parts import parts_output
from neuron_core.experiments.plan import MORE_STEPS, OURS, ExperimentSetting
from neuron_core.experiments.runs import ExperimentRuns
from neuron_core.experiments.set_files import BUDGET_SOURCES, rankings_of_draws
from neuron_core.experiments.task_comparisons import (
    PAPER_DIRECTIONS,
    Output,
    effects_of,
    entries_output,
    evaluations_of,
    fig2,
    fig5,
    fig6,
    fig7,
    overlaps,
    table5,
    table8,
)
from neuron_core.figures.experiments import agreement_bars, cost_lines
from neuron_core.figures.question import answer_bars
from neuron_core.runs.results import read_evaluated

RIVALS = ("qrnca", "tn")
"the rivals of Figure 10"


def make_output(
    name: str, setting: ExperimentSetting, runs: ExperimentRuns, cost: pd.DataFrame | None = None
) -> Output:
    """The output with this name. cost: the measurements of Figure 9. Raises RunError if a run is not finished."""
    if name == "fig9":
        if cost is None:
            raise ConfigError("Figure 9 needs a measurement", accepted="a table of `answer_cost`")
        return _fig9(cost)
    return BUILDERS[name](setting, runs)


def _table1(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    table = methods_table(
        evaluations_of(runs.main), setting.k, [*PAPER_METHODS, *PAPER_CONTROLS], effects_of(runs.main)
    )
    more = f"Intervals are 95% over examples; for random sets, the range over {setting.random_seeds} seeds."
    # For example the threshold that KN used.
    notes = {
        f"{source_title(method)} on {task}: {ranking.note}"
        for task, run in runs.main.items()
        for method, ranking in run.rankings().items()
        if ranking.note
    }
    if notes:
        more += f" {'; '.join(sorted(notes))}."
    return entries_output("table1", f"Table 1: every method, K = {setting.k}", table, more=more)


def _table2(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    table = enabled_table(evaluations_of(runs.main), setting.k, effects_of(runs.main))
    more = "Methods with a plus have good and bad neurons; those without have only good ones."
    return entries_output("table2", "Table 2: rivals, original and enabled", table, more=more)


def _table3(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    table = parts_table(evaluations_of(runs.main), setting.k, effects_of(runs.main))
    return entries_output("table3", "Table 3: good neurons, bad neurons, both", table, ("method", "part"))


def _table4(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    baselines = {task: one.baseline for task, one in evaluations_of(runs.main).items()}
    table = baseline_table(baselines, effects_of(runs.main))
    text = (
        "Accuracy and comprehension of the unmodified model in percent, with 95% intervals; chance is 25%, "
        "more if neutral options were added. Also shown: the probability on the four letters, and the perplexity of a "
        "neutral text."
    )
    return Output("table4", "Table 4: baselines", text, table, [("Baselines", table)])


def _table6(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    table = ablation_table(evaluations_of(runs.main), setting.k, effects=effects_of(runs.main))
    return entries_output("table6", "Table 6: full ablation of good, bad and both", table, ("method", "part"))


def _table7(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    evaluations = evaluations_of(runs.budgets)
    first = next(iter(evaluations.values()))
    there = [name for name in BUDGET_SOURCES if any(best.source == name for best in first.best)]
    table = budget_table(evaluations, setting.budgets, there, effects_of(runs.budgets))
    table["method"] = table["method"].map(BUDGET_SOURCES)
    table.loc[table["method"].isin(GOOD_ONLY), "part"] = "good"
    # Bars of every method and budget would be too many to tell apart.
    return entries_output("table7", "Table 7: budgets", table, ("k", "method"), measures=())


def _fig9(cost: pd.DataFrame) -> Output:
    text = (
        "Seconds per layer of an attribution, mean of the repeats. Without QATT, each token of the answer is "
        "attributed separately (Eq. 2); with QATT, only one letter is. The full-sequence form is timed on a few steps "
        "and at most four tokens, and scaled up."
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
        for direction in reversed(PAPER_DIRECTIONS):
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
    text = "Probabilities of the four options and cross entropy in nats, unmodified and under each method."
    if setting.question is None:
        text += " Shown: the first question that the unmodified model gets wrong (enhancer) or right (degrader)."
    if not tables:
        raise ConfigError(
            f"no task was asked the question {setting.question!r}",
            where="--question",
            accepted="the id of an evaluation question, such as e01c5a7f#2",
        )
    whole = pd.concat(tables, ignore_index=True)
    # This column holds true, false or nothing.
    whole["success"] = whole["success"].astype("boolean")
    return Output("fig10", "Figure 10: one question under every method", text, whole, printed, figures)


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
        "Neurons of the task have similar scores for every correct letter. Neurons that write a letter leave the set "
        "if the questions with this letter are left out. good, bad: summed score of the set, averaged over the "
        "questions; n_left: neurons that stay in the set."
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
    for task, evaluation in evaluations_of(runs.draw_sets).items():
        sources = dict.fromkeys(best.source for best in evaluation.best)
        each = [set_table({task: evaluation}, setting.k, source) for source in sources]
        spreads.append(spread([one[one["task"] == task] for one in each]))
    if spreads:
        metrics = pd.concat(spreads, ignore_index=True)
        printed.append(("Effects over draws", metrics))
        tables.append(metrics.assign(what="effects"))
    text = (
        f"The same with {setting.draws} disjoint draws of the attribution examples: overlap of the sets, and mean, "
        "standard deviation and range of their effects on examples that are in none of the draws."
    )
    return Output("stability", "Stability over draws", text, pd.concat(tables, ignore_index=True), printed, figures)


BUILDERS: dict[str, Callable[[ExperimentSetting, ExperimentRuns], Output]] = {
    "table1": _table1,
    "table2": _table2,
    "table3": _table3,
    "table4": _table4,
    "table5": table5,
    "table6": _table6,
    "table7": _table7,
    "table8": table8,
    "fig2": fig2,
    "fig5": fig5,
    "fig6": fig6,
    "fig7": fig7,
    "fig10": _fig10,
    "overlap": overlaps,
    "letters": _letters,
    "stability": _stability,
    "parts": parts_output,
    "parts-stability": stability_output,
    "dose": dose_output,
}
