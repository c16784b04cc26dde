"""The dose-response curve of a set: content margin, accuracy, letters and perplexity against the strength."""

import pandas as pd

from neuron_core.analysis.letter_free import letter_free_columns
from neuron_core.control.interventions import SILENCES
from neuron_core.experiments.plan import ExperimentSetting
from neuron_core.experiments.runs import ExperimentRuns
from neuron_core.experiments.task_comparisons import PAPER_DIRECTIONS, Output, effects_of, evaluations_of
from neuron_core.figures.dose import dose_lines


def dose_output(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    """The effect of each task's content set at every strength."""
    evaluations, effects = evaluations_of(runs.dose), effects_of(runs.dose)
    rows = []
    for task, evaluation in evaluations.items():
        measured = effects.get(task)
        texts = {(one.source, one.direction): one.perplexity for one in measured.rows} if measured else {}
        before = letter_free_columns(evaluation.baseline)
        for direction in PAPER_DIRECTIONS:
            for silence in SILENCES:
                head = {"task": task, "direction": direction, "silence": silence, "excite": 1.0}
                rows.append({**head, **before, "perplexity": measured.perplexity if measured else None})
            for row in evaluation.grid:
                if row.direction == direction:
                    head = {"task": task, "direction": direction, "silence": row.silence, "excite": row.excite}
                    found = texts.get((row.source, direction))
                    rows.append({**head, **letter_free_columns(row), "perplexity": found})
    table = pd.DataFrame(rows).sort_values(["task", "direction", "silence", "excite"], kind="stable", ignore_index=True)
    shown = table[["task", "direction", "silence", "excite", "acc", "content_acc", "content_margin", "letter_spread"]]
    printed = [("Strength", pd.concat([shown, table["perplexity"]], axis=1).round(3))]
    figures = [(task, dose_lines(table[table["task"] == task])) for task in evaluations]
    text = (
        f"The content set, K = {setting.k_of_parts}, half good and half bad. Excite 1: the unmodified model, in which "
        "nothing is silenced either. Elsewhere excited neurons are multiplied by the factor; silenced ones are set to "
        "zero, or to their mean over the evaluation prompts. The paper's is excite 2, silence zero."
    )
    return Output("dose", "Strength: dose and response", text, table, printed, figures)
