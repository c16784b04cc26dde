"""Results as one dict for JSON, and as text for a terminal. No torch.

A function NAME returns the dict that `--json` prints; NAME_text makes the lines for a terminal from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_core.analysis.layers import neuron_rows
from neuron_core.cni.neurons import NeuronRanking, NeuronSet
from neuron_core.control.interventions import DIRECTIONS
from neuron_core.control.metrics import baseline_of
from neuron_core.control.probabilities import EVEN, OptionProbabilities
from neuron_core.errors import RunError
from neuron_core.qatt.prompt import TEMPLATE_VERSION
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.reports.letter_free import baseline_lines, effect_lines
from neuron_core.runs.results import BAND, read_attribution
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from neuron_core.tasks.load import TaskReading

Result = dict[str, Any]
REASONS_SHOWN = 5
NEURONS_SHOWN = 10


def rejected(reading: TaskReading) -> Result:
    """Rows of a task file that are not used, each with its reason."""
    return {"n_rejected": len(reading.rejected), "rejected": [str(row) for row in reading.rejected]}


def rejected_text(reading: TaskReading) -> str:
    """How many rows are not used, and the first reasons."""
    n, n_rows = len(reading.rejected), len(reading.rejected) + len(reading.task.examples)
    return "\n".join([f"{n} of {n_rows} rows of {reading.task.source} are not used:", *_reasons(rejected(reading))])


def preview(reading: TaskReading, questions: Sequence[ProxyQuestion]) -> Result:
    """A task and some of its questions, exactly as the model reads them."""
    return {
        "task": reading.task.name,
        "kind": reading.task.kind,
        "n_examples": len(reading.task.examples),
        "notes": list(reading.notes),
        **rejected(reading),
        "template_version": TEMPLATE_VERSION,
        "questions": [_question(question) for question in questions],
    }


def preview_text(result: Result) -> str:
    head = f"{result['task']} ({result['kind']}): {result['n_examples']} examples, {result['n_rejected']} rows rejected"
    blocks = [f"--- {q['id']}  correct: {q['correct']}\n{q['prompt']}" for q in result["questions"]]
    return "\n".join([head, *result["notes"], *_reasons(result), *blocks])


def baseline(setting: Setting, letters: Sequence[NDArray[np.float32]], seed: int) -> Result:
    """The unmodified model on the evaluation questions; letters: their option probabilities, (4,) each."""
    found = baseline_of(OptionProbabilities.of(setting.evaluation, np.stack(letters)[:, None]), seed)
    return {"task": setting.task_name, "model": asdict(setting.model), **asdict(found)}


def baseline_text(result: Result) -> str:
    counts = f"{result['n_questions']} questions, {result['n_examples']} examples"
    head = f"{result['model']['title']} on {result['task']}: {counts}"
    return "\n".join([head, *_competence(result)])


def attribution(run: RunFolder) -> Result:
    """The neurons of a run. RunError before its attribution is finished."""
    setting, ranking = _attributed(run)
    found = read_attribution(run)
    assert found is not None
    cut = ranking.cut(setting.k)
    gaps = np.abs(run.all_checks().gaps)
    return {
        **_head(run, setting),
        "n_questions": len(setting.attribution),
        "baseline": asdict(found.baseline),
        "z": setting.z,
        "k": setting.k,
        "preset": setting.preset,
        "share": setting.k / setting.model.n_total,
        "n_ambiguous": ranking.n_ambiguous,
        "completeness_gap": {"mean": float(gaps.mean()), "largest": float(gaps.max())},
        "guard": found.guard,
        **_neurons(cut),
        "seconds": dict(run.status().seconds),
    }


def attribution_text(result: Result) -> str:
    model, gap = result["model"], result["completeness_gap"]
    lines = [
        f"run {result['run']}  ({result['path']})",
        f"{model['title']}, {model['dtype']} on {model['device']}; {result['task']}, {result['n_questions']} questions",
        *_competence(result["baseline"]),
        f"z = {result['z']}, K = {result['k']} ({result['share']:.3%} of {model['n_layers']} x {model['n_neurons']} "
        f"neurons, preset {result['preset']}); {result['n_ambiguous']} ambiguous neurons set to 0",
        f"completeness gap |mean| {gap['mean']:.1%}, largest {gap['largest']:.1%}",
        f"{'good':>10} {'score':>11}   {'bad':>10} {'score':>11}",
    ]
    most = max(len(result["good"]), len(result["bad"]))
    for i in range(min(NEURONS_SHOWN, most)):
        sides = [result[role][i : i + 1] for role in ("good", "bad")]
        cells = [f"{one[0]['id']:>10} {one[0]['score']:>11.3e}" if one else " " * 22 for one in sides]
        lines.append("   ".join(cells).rstrip())
    if most > NEURONS_SHOWN:
        lines.append(f"… the first {NEURONS_SHOWN} of {most}; --json gives all")
    for role in ("good", "bad"):
        if len(result[role]) < result["k"]:
            lines.append(f"only {len(result[role])} {role} neurons were found; K is {result['k']}")
    return "\n".join(lines)


def evaluation(run: RunFolder) -> Result:
    """The interventions of a run. RunError before its evaluation is finished."""
    setting, found, config = run.setting(), run.evaluation(), run.config().evaluation
    if setting is None or found is None or config is None:
        raise RunError("the run has no evaluation", where=run.id, accepted="a finished evaluation")
    effects = run.side_effects()
    rankings = {**run.rankings(), **{name: neurons.ranking() for name, neurons in run.sets().items()}}
    result = asdict(found)
    return {
        **_head(run, setting),
        "n_questions": len(setting.evaluation),
        "n_examples": found.baseline.n_examples,
        "random_seeds": config.random_seeds,
        "position": config.position,
        "sample": None if setting.sample is None else _sample(setting),
        "n_ranked": {
            name: {"good": int((one.scores > 0).sum()), "bad": int((one.scores < 0).sum())}
            for name, one in rankings.items()
        },
        "baseline": result["baseline"],
        "grid": result["grid"],
        "random": result["random"],
        "best": {d: [best for best in result["best"] if best["direction"] == d] for d in DIRECTIONS},
        "random_best": result["random_best"],
        "side_effects": None if effects is None else asdict(effects),
        "seconds": dict(run.status().seconds),
    }


def evaluation_text(result: Result) -> str:
    head = f"run {result['run']}  ({result['path']})"
    return "\n".join([head, baseline_text({**result, **result["baseline"]}), _best_text(result)])


def demo(run: RunFolder, seconds: float) -> Result:
    """Everything of a demo run: its evaluation, one question, its neurons, and the time it took."""
    setting, _ = _attributed(run)
    return {
        **evaluation(run),
        "preview": _question(setting.attribution[0]),
        "attribution": attribution(run),
        "total_s": seconds,
    }


def demo_text(result: Result) -> str:
    parts = [
        "--- preview: one of the questions",
        f"{result['preview']['prompt']}   (correct: {result['preview']['correct']})",
        "--- baseline",
        baseline_text({**result, **result["baseline"]}),
        "--- neurons",
        attribution_text(result["attribution"]),
        "--- interventions",
        _best_text(result),
        f"finished in {result['total_s']:.1f} s",
    ]
    return "\n".join(parts)


def _head(run: RunFolder, setting: Setting) -> Result:
    return {
        "run": run.id,
        "path": str(run.path.resolve()),
        "task": setting.task_name,
        "n_rejected": setting.n_rejected,
        "model": asdict(setting.model),
    }


def _side_effects(effects: Result) -> list[str]:
    """The perplexity and letter mass of the best ratios, one line for each random set and source beside."""
    lines = [f"neutral text: perplexity {effects['perplexity']:.3g} unmodified; at the best ratios:"]
    for row in effects["rows"]:
        mass = "" if row["letter_mass"] is None else f", P(A-D) {row['letter_mass']:.1%}"
        lines.append(f"  {row['source']:10} K = {row['k']:<4} {row['direction']}: {row['perplexity']:.3g}{mass}")
    return lines


def _sample(setting: Setting) -> Result:
    """How the evaluation examples were chosen."""
    sample = setting.sample
    assert sample is not None
    return {
        "kind": sample.kind,
        "chosen_by": sample.chosen_by,
        "wanted": sample.wanted,
        "comprehended": len(sample.comprehended),
        "others": len(sample.others),
        "asked": len(sample.right),
        "said": sample.in_words,
    }


def _question(question: ProxyQuestion) -> Result:
    return {"id": question.id, "correct": question.options[question.target].letter, "prompt": question.prompt}


def _reasons(result: Result) -> list[str]:
    """The first reasons why rows are not used, one a line."""
    shown = [f"  {reason}" for reason in result["rejected"][:REASONS_SHOWN]]
    more = result["n_rejected"] - len(shown)
    return [*shown, *([f"  … and {more} more; `preview --json` gives all"] if more else [])]


def _competence(baseline: Mapping[str, Any]) -> list[str]:
    low, high = baseline["acc_interval"]
    letters = ", ".join(f"{letter} {share:.0%}" for letter, share in baseline["letters"].items())
    lines = [
        f"accuracy {baseline['acc']:.1%} [{low:.1%}, {high:.1%}], chance {baseline.get('chance', EVEN):.0%}; "
        f"comprehension {baseline['com']:.1%}",
        f"letters chosen: {letters}",
    ]
    lines += baseline_lines(baseline)
    return [*lines, *([f"Warning: {baseline['complaint']}"] if baseline["complaint"] else [])]


def _best_text(result: Result) -> str:
    """The best ratio of every budget and direction, beside its held-out value and random neurons."""
    names = f"{'RAC':>9} {'RCC':>9}"
    controls = {(row["k"], row["direction"]): row for row in result["random_best"] if row["source"] == BAND}
    several = len(result["n_ranked"]) > 1
    lead = f"{'source':12}" if several else ""
    lines = [
        f"{lead and ' ' * 12}{'':>23}{'best of all ratios':>19}  {'':10}{'held out':>19}  {'random, best':>19}",
        f"{lead}{'K':>5} {'direction':>10} {'ratio':>5} {names}  {'verdict':10}{names}  {names}",
    ]
    for direction, rows in result["best"].items():
        for row in rows:
            control = controls.get((row["k"], direction))
            random = f"{_percent(control['rac'])} {_percent(control['rcc'])}" if control else f"{'-':>9} {'-':>9}"
            lines.append(
                f"{row['source'][:11]:12}"
                * several
                + f"{row['k']:>5} {direction:>10} {row['ratio']:>5.1f} {_percent(row['rac'])} {_percent(row['rcc'])}  "
                f"{row['verdict']:10}{_percent(row['heldout_rac'])} {_percent(row['heldout_rcc'])}  {random}"
            )
    for source, ranked in result["n_ranked"].items():
        rows = [row for row in result["grid"] if row["source"] == source]
        if short := sorted({row["k"] for row in rows if row["n_good"] + row["n_bad"] < row["k"]}):
            lines.append(
                f"the ranking of {source} has {ranked['good']} good and {ranked['bad']} bad neurons: "
                f"K = {', '.join(map(str, short))} uses fewer than K at some ratios"
            )
    lines += effect_lines([row for rows in result["best"].values() for row in rows])
    if effects := result["side_effects"]:
        lines += _side_effects(effects)
    if result["sample"]:
        lines.append(result["sample"]["said"])
    lines += [
        "RAC and RCC in percent, positive in the intended direction. The best of all ratios is optimistic;",
        "held out, the ratio is chosen on one half of the examples and measured on the other.",
    ]
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return f"{'undef':>9}" if value is None else f"{value:+8.1f}%"


def _neurons(cut: NeuronSet) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {"good": [], "bad": []}
    for row in neuron_rows(cut):
        found[row.role].append({"id": row.id, "layer": row.layer, "index": row.index, "score": row.score})
    return found


def _attributed(run: RunFolder) -> tuple[Setting, NeuronRanking]:
    setting, ranking = run.setting(), run.ranking()
    if setting is None or ranking is None:
        raise RunError("the attribution of this run is not finished", where=run.id, accepted="a finished attribution")
    return setting, ranking
