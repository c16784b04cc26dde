"""Finished runs as one HTML file that opens without a network. No torch."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from neuron_core.analysis.available_tables import ENTRY_TABLES, can_be_made, common_budgets, entry_table, lacking
from neuron_core.analysis.layers import layer_counts, neuron_rows
from neuron_core.analysis.letter_free import letter_free_table
from neuron_core.analysis.tables import GOOD_ONLY, baseline_table, run_table
from neuron_core.cni.methods import source_title
from neuron_core.control.effect import Effect
from neuron_core.control.metrics import Best, Evaluation
from neuron_core.errors import RunError
from neuron_core.experiments.task_comparisons import effects_of, entries_output, evaluations_of
from neuron_core.figures.baseline import letter_bars
from neuron_core.figures.control import ratio_curves
from neuron_core.figures.effect import effect_split, effect_splits
from neuron_core.figures.html_page import Section, html_report
from neuron_core.figures.layers import completeness_bars, layer_heatmap
from neuron_core.figures.theme import significant
from neuron_core.reports.comparison import config_differences, metric_differences, set_overlaps
from neuron_core.reports.verdict import letters_lost, verdict_of
from neuron_core.runs.config import config_to_json
from neuron_core.runs.results import cell_of, read_attribution
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting

OVERLAP_KS = (10, 25, 50, 100, 250)
EFFECTS: dict[Effect, str] = {
    "clear": "Clear effect, beyond random.",
    "clear, no random sets": "Clear effect; there are no random sets to compare with.",
    "not distinguishable": "Not distinguishable from random.",
    "against": "Against the intention.",
    "undefined": "The effect is undefined.",
}
MEASURED = {
    "Table 1": "every method at its best ratio",
    "Table 2": "rivals, original and enabled",
    "Table 3": "good neurons, bad neurons, both",
    "Table 6": "good, bad and both neurons of each method",
    "Table 7": "every method at every budget",
}


def runs_html(runs: Mapping[str, RunFolder]) -> str:
    """A report of one run, or of two runs with a comparison. runs: the name of a run in the report → its folder.

    Raises RunError for a run of which neither the attribution nor the evaluation is finished.
    """
    ends = {name: f" of {said}" if len(runs) > 1 else "" for name, said in _names(runs).items()}
    sections = [section for name, run in runs.items() for section in _sections(name, run, ends[name])]
    if len(runs) == 2:
        sections.append(_comparison(*runs.values()))
    lead = [sentence for name, run in runs.items() for sentence in _lead(ends[name].removeprefix(" of "), run)]
    return html_report(f"NeuronLLM: {', '.join(map(_titled, runs.values()))}", _whole_setting(runs), sections, lead)


def tables_html(runs: Mapping[str, RunFolder], k: int) -> str:
    """The paper's tables that can be made from these runs, at budget k; Table 7 has all budgets that they share.

    runs: task → its run.

    Raises RunError for a run without an evaluation.
    """
    evaluations, effects = evaluations_of(runs), effects_of(runs)
    baselines = baseline_table({task: one.baseline for task, one in evaluations.items()}, effects)
    sections = []
    for name, line in ENTRY_TABLES.items():
        if not can_be_made(name, evaluations, k):
            continue
        table = entry_table(name, evaluations, k, common_budgets(evaluations), effects)
        missing = lacking(name, evaluations, k)
        more = f"Not evaluated on every task: {', '.join(map(source_title, missing))}." if missing else ""
        anchor = name.lower().replace(" ", "")
        # Bars of every budget would be too many to tell apart.
        measures = () if name == "Table 7" else ("rac", "rcc")
        title = f"{name}: {MEASURED[name]}" + (f", K = {k}" if measures else "")
        made = entries_output(anchor, title, table, line, more, measures=measures)
        sections.append(Section(made.name, made.title, made.text, made.printed, made.figures, name))
    text = (
        "Accuracy and comprehension in percent, with 95% intervals; chance is 25%, or more where neutral options were "
        "added."
    )
    sections.append(
        Section("table4", "Table 4: the unmodified model", text, [("Baselines", baselines)], link="Table 4")
    )
    return html_report("NeuronLLM tables", {"K": k, **_whole_setting(runs)}, sections)


def _names(runs: Mapping[str, RunFolder]) -> dict[str, str]:
    """What each run is called: as somebody called it, else its task; with its name where two would be called alike."""
    settings = {name: run.setting() for name, run in runs.items()}
    said = {name: run.label() or (one.task_name if (one := settings[name]) else name) for name, run in runs.items()}
    times = Counter(said.values())
    return {name: one if times[one] == 1 else f"{one} ({name})" for name, one in said.items()}


def _sections(name: str, run: RunFolder, end: str) -> list[Section]:
    """The finished sections of a run: baseline, neurons and effects. end: of their titles."""
    setting = run.setting()
    attribution, evaluation = read_attribution(run), run.evaluation()
    if setting is None or (attribution is None and evaluation is None):
        raise RunError("there is nothing to report yet", where=name, accepted="a run with a finished attribution")
    measured = evaluation or attribution
    assert measured is not None
    table = baseline_table({setting.task_name: measured.baseline}, effects_of({setting.task_name: run}))
    asked = "evaluation" if evaluation is not None else "attribution"
    text = (
        f"The unmodified model on the {asked} questions, in percent with 95% intervals; chance is "
        f"{measured.baseline.chance:.0%}."
    )
    figures = [("How often each letter is chosen", letter_bars(measured.baseline))]
    found = []
    if evaluation is not None:
        found.append(_effects(name, run, setting, evaluation, end))
    if attribution is not None:
        found.append(_neurons(name, run, setting, end))
    title = f"Unmodified model{end}"
    return [*found, Section(f"{name}-baseline", title, text, [("Baseline", table)], figures, title)]


def _titled(run: RunFolder) -> str:
    """What somebody called the run, or its task, and the model."""
    setting = run.setting()
    assert setting is not None
    return f"{run.label() or setting.task_name}, {setting.model.title}"


def _lead(name: str, run: RunFolder) -> list[str]:
    """What the run comes to: degrader and enhancer of its first method at the largest budget and its best ratio, also
    where the model stops answering with letters at all, and a word where it does not do the task.
    """
    setting, evaluation, found = run.setting(), run.evaluation(), read_attribution(run)
    assert setting is not None
    begun = f"{name}: " if name else ""
    if evaluation is None:
        measured = found.baseline if found else None
        said = [f"{begun}The neurons are found; no evaluation has tried them yet."]
    else:
        measured, said, effects = evaluation.baseline, [], run.side_effects()
        source = evaluation.grid[0].source
        k = max(best.k for best in evaluation.best if best.source == source)
        for best in evaluation.best:
            if (best.source, best.k) == (source, k):
                cell = cell_of(evaluation, k, best.ratio, best.direction, source)
                verdict = verdict_of(cell, measured, setting.task_name)
                lost = letters_lost(effects, cell) if effects is not None else None
                words = (EFFECTS[verdict.effect], verdict.sentence, lost, verdict.parts)
                said.append(begun + " ".join(filter(None, words)))
    if measured is not None and not measured.competent:
        said.append(f"This model does not do this task here. {measured.complaint}")
    return said


def _neurons(name: str, run: RunFolder, setting: Setting, end: str) -> Section:
    """The top K neurons of every method, their layers, and the completeness gap."""
    found = read_attribution(run)
    assert found is not None
    tables, figures = [], []
    for method, ranking in found.rankings.items():
        cut = ranking.cut(setting.k)
        columns = ["role", "rank", "id", "layer", "index", "score"]
        table = pd.DataFrame([{column: getattr(row, column) for column in columns} for row in neuron_rows(cut)])
        # Formatted here, because a report rounds numbers and scores are small.
        shown = table.assign(score=[significant(score) for score in table["score"]]) if len(table) else table
        called = source_title(method)
        tables.append((f"{called}: top {setting.k} good and bad", shown))
        figures.append((f"{called}: layers", layer_heatmap(layer_counts(cut, ranking.n_layers), setting.k)))
    figures.append(("Completeness gap by layer", completeness_bars(found.gaps.mean, found.gaps.spread)))
    text = (
        f"z = {setting.z}, K = {setting.k} (preset {setting.preset}) of {setting.model.n_total:,} neurons; "
        f"{found.ranking.n_ambiguous:,} ambiguous ones set to 0. Largest guard distance {significant(found.guard, 2)}."
    )
    title = f"Neurons{end}"
    return Section(f"{name}-neurons", title, text, tables, figures, title)


def _effects(name: str, run: RunFolder, setting: Setting, evaluation: Evaluation, end: str) -> Section:
    """The effects of every source and budget at its best ratio, held out, with side effects, and curves over the
    ratio.
    """
    table = run_table(setting.task_name, evaluation, effects_of({setting.task_name: run}))
    title = f"Interventions{end}"
    made = entries_output(f"{name}-effects", title, table, ("method", "k"), measures=())
    source = evaluation.best[0].source
    figures = [
        (
            f"{source_title(source)}: {metric.upper()} over the ratio, K = {k}",
            ratio_curves(evaluation, k, metric, source),
        )
        for k in dict.fromkeys(best.k for best in evaluation.best if best.source == source)
        for metric in ("rac", "rcc")
        if source not in GOOD_ONLY
    ]
    whole = table.drop(columns=["task", "n_tasks", "n_undefined"])
    parts = letter_free_table({setting.task_name: evaluation}).drop(columns="task")
    shown = evaluation.best[: len({best.source for best in evaluation.best}) * 8]
    figures.insert(0, ("RAC as content and letters", effect_splits(_rows(shown))))
    largest = max(evaluation.best, key=lambda one: (one.source == source, one.direction == "degrader", one.k))
    cell = cell_of(evaluation, largest.k, largest.ratio, largest.direction, source)
    caption = f"{_called(largest)}, ratio {largest.ratio:g}: the change of accuracy and its parts. Grey: random sets."
    figures.insert(0, (caption, effect_split(cell.row, cell.random, evaluation.baseline)))
    printed = [*made.printed, ("Measures without the preference for letters", parts), ("All entries", whole)]
    return Section(made.name, made.title, made.text, printed, figures, title)


def _rows(shown: Sequence[Best]) -> list[tuple[str, Best]]:
    """Rows of a figure with short names: titles of methods without what stands in parentheses, if they still differ."""
    titles = {best.source: source_title(best.source) for best in shown}
    short = {source: title.partition(" (")[0] for source, title in titles.items()}
    named = short if len(set(short.values())) == len(short) else titles
    return [(f"{named[best.source]}, K={best.k}, {best.direction}", best) for best in shown]


def _called(best: Best) -> str:
    return f"{source_title(best.source)}, K = {best.k}, {best.direction}"


def _comparison(one: RunFolder, two: RunFolder) -> Section:
    """The differences between two runs, and the overlap of their neurons."""
    tables = [("Settings that differ", config_differences(one.config(), two.config()))]
    evaluations, rankings = [run.evaluation() for run in (one, two)], [run.ranking() for run in (one, two)]
    if evaluations[0] is not None and evaluations[1] is not None:
        tables.append(("Metrics in percent", metric_differences(evaluations[0], evaluations[1])))
    if rankings[0] is not None and rankings[1] is not None:
        sizes = {(ranking.n_layers, ranking.n_neurons) for ranking in rankings if ranking is not None}
        if len(sizes) == 1:
            tables.append(("Neurons that both have", set_overlaps(rankings[0], rankings[1], OVERLAP_KS)))
    return Section("comparison", "Comparison of the two runs", "", tables, link="Comparison")


def _whole_setting(runs: Mapping[str, RunFolder]) -> dict[str, Any]:
    """The settings behind the results of every run."""
    return {name: _setting_of(run) for name, run in runs.items()}


def _setting_of(run: RunFolder) -> dict[str, Any]:
    setting = run.setting()
    if setting is None:
        raise RunError("the run has not begun", where=run.id, accepted="a finished run")
    model = setting.model
    return {
        "run": run.id,
        "label": run.label() or None,
        "task": f"{setting.task_name} ({setting.task_kind}), fingerprint {setting.task_fingerprint}",
        "examples of the file": f"{setting.n_examples}, {setting.n_rejected} rows rejected",
        "model": f"{model.title}, {model.architecture}, fingerprint {model.fingerprint}",
        **({"notes": "; ".join(model.notes)} if model.notes else {}),
        "layers x neurons": f"{model.n_layers} x {model.n_neurons}",
        "dtype and device": f"{model.dtype} on {model.device}",
        "z, K": f"{setting.z}, {setting.k} (preset {setting.preset})",
        "demonstration": setting.demonstration_id,
        "attribution examples": list(dict.fromkeys(question.example_id for question in setting.attribution)),
        "evaluation questions": len(setting.evaluation),
        "sample": setting.sample.in_words if setting.sample else "natural",
        "config": json.loads(config_to_json(run.config())),
    }
