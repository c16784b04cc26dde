"""Results of a run as one JSON-able dict and as text for a terminal. No torch."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from neuron_core.control.metrics import Baseline
from neuron_core.errors import RunError
from neuron_core.qatt.prompt import TEMPLATE_VERSION
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.setting import Setting
from neuron_core.runs.store import RunFolder
from neuron_core.tasks.load import TaskReading

Result = dict[str, Any]


def preview(reading: TaskReading, questions: Sequence[ProxyQuestion]) -> Result:
    return {
        "task": reading.task.name,
        "kind": reading.task.kind,
        "n_examples": len(reading.task.examples),
        "rejected": [str(row) for row in reading.rejected],
        "template_version": TEMPLATE_VERSION,
        "questions": [{"id": q.id, "correct": q.options[q.target].letter, "prompt": q.prompt} for q in questions],
    }


def preview_text(result: Result) -> str:
    head = f"{result['task']} ({result['kind']}): {result['n_examples']} examples, {len(result['rejected'])} rejected"
    blocks = [f"--- {q['id']}  correct: {q['correct']}\n{q['prompt']}" for q in result["questions"]]
    return "\n".join([head, *result["rejected"], *blocks])


def baseline(setting: Setting, found: Baseline) -> Result:
    return {"task": setting.task_name, "model": asdict(setting.model), **asdict(found)}


def baseline_text(result: Result) -> str:
    low, high = result["acc_interval"]
    letters = ", ".join(f"{letter} {share:.0%}" for letter, share in result["letters"].items())
    lines = [
        f"{result['model']['title']} on {result['task']}: {result['n_questions']} questions, {result['n_examples']} examples",
        f"accuracy {result['acc']:.1%} [{low:.1%}, {high:.1%}], chance 25%; comprehension {result['com']:.1%}",
        f"letters chosen: {letters}",
    ]
    return "\n".join([*lines, *([f"Warning: {result['complaint']}"] if result["complaint"] else [])])


def attribution(run: RunFolder) -> Result:
    setting, ranking = _finished(run)
    cut = ranking.cut(setting.k)
    gaps = np.stack([run.scores(n).completeness_gap for n in range(len(setting.attribution))])
    guard = max(run.scores(n).guard for n in range(len(setting.attribution)))
    return {
        "run": run.id,
        "path": str(run.path),
        "task": setting.task_name,
        "model": asdict(setting.model),
        "n_questions": len(setting.attribution),
        "z": setting.z,
        "k": setting.k,
        "preset": setting.preset,
        "share": setting.k / setting.model.n_total,
        "n_ambiguous": ranking.n_ambiguous,
        "completeness_gap": {"mean": float(np.abs(gaps).mean()), "largest": float(np.abs(gaps).max())},
        "guard": guard,
        "good": _neurons(cut.good, cut.good_scores),
        "bad": _neurons(cut.bad, cut.bad_scores),
        "seconds": dict(run.status().seconds),
    }


def attribution_text(result: Result) -> str:
    model = result["model"]
    lines = [
        f"run {result['run']}  ({result['path']})",
        f"{model['title']}, {model['dtype']} on {model['device']}; {result['task']}, {result['n_questions']} questions",
        f"z = {result['z']}, K = {result['k']} ({result['share']:.3%} of {model['n_layers']} x {model['n_neurons']} "
        f"neurons, preset {result['preset']}); {result['n_ambiguous']} ambiguous neurons set to 0",
        f"completeness gap |mean| {result['completeness_gap']['mean']:.1%}, largest {result['completeness_gap']['largest']:.1%}",
        f"{'good':>10} {'score':>11}   {'bad':>10} {'score':>11}",
    ]
    for i in range(min(10, max(len(result["good"]), len(result["bad"])))):
        cells = [
            f"{side[i]['id']:>10} {side[i]['score']:>11.3e}" if i < len(side) else " " * 22
            for side in (result["good"], result["bad"])
        ]
        lines.append("   ".join(cells))
    for role in ("good", "bad"):
        if len(result[role]) < result["k"]:
            lines.append(f"only {len(result[role])} {role} neurons were found; K is {result['k']}")
    return "\n".join(lines)


def evaluation(run: RunFolder) -> Result:
    setting, _ = _finished(run)
    found, config = run.evaluation(), run.config().evaluation
    if found is None or config is None:
        raise RunError("the run has no evaluation", where=run.id, accepted="a finished evaluation")
    result = asdict(found)
    return {
        "run": run.id,
        "path": str(run.path),
        "task": setting.task_name,
        "model": asdict(setting.model),
        "n_questions": len(setting.evaluation),
        "n_examples": found.baseline.n_examples,
        "random_seeds": config.random_seeds,
        "baseline": result["baseline"],
        "grid": result["grid"],
        "random": result["random"],
        "best": {d: [best for best in result["best"] if best["direction"] == d] for d in ("enhancer", "degrader")},
        "random_best": result["random_best"],
        "seconds": dict(run.status().seconds),
    }


def evaluation_text(result: Result) -> str:
    lines = [
        f"run {result['run']}  ({result['path']})",
        baseline_text({**result, **result["baseline"]}),
        f"{'K':>5} {'direction':>10} {'ratio':>6} {'RAC':>8} {'RCC':>8}   held out: {'RAC':>8} {'RCC':>8}   random: {'RAC':>8}",
    ]
    controls = {(row["k"], row["direction"]): row for row in result["random_best"]}
    for direction, rows in result["best"].items():
        for row in rows:
            control = controls.get((row["k"], direction))
            lines.append(
                f"{row['k']:>5} {direction:>10} {row['ratio']:>6.1f} {_percent(row['rac'])} {_percent(row['rcc'])}"
                f"             {_percent(row['heldout_rac'])} {_percent(row['heldout_rcc'])}"
                f"           {_percent(control['rac'] if control else None)}"
            )
    lines.append("RAC and RCC in percent, positive in the intended direction; the best of all ratios is optimistic,")
    lines.append("the held-out value chooses the ratio on one half of the examples and reports it on the other.")
    return "\n".join(lines)


def demo(run: RunFolder, seconds: float) -> Result:
    setting, _ = _finished(run)
    first = setting.attribution[0]
    return {
        **evaluation(run),
        "preview": {"id": first.id, "prompt": first.prompt, "correct": first.options[first.target].letter},
        "attribution": attribution(run),
        "total_s": seconds,
    }


def demo_text(result: Result) -> str:
    parts = [
        "--- one of the questions",
        f"{result['preview']['prompt']}   (correct: {result['preview']['correct']})",
        "--- neurons",
        attribution_text(result["attribution"]),
        "--- interventions",
        evaluation_text(result),
        f"finished in {result['total_s']:.1f} s",
    ]
    return "\n".join(parts)


def _percent(value: float | None) -> str:
    return "   undef" if value is None else f"{value:+7.1f}%"


def _neurons(neurons: Any, scores: Any) -> list[dict[str, Any]]:
    return [
        {"id": f"{layer}.{index}", "layer": layer, "index": index, "score": float(score)}
        for (layer, index), score in zip(neurons.tolist(), scores, strict=True)
    ]


def _finished(run: RunFolder) -> Any:
    setting, ranking = run.setting(), run.ranking()
    if setting is None or ranking is None:
        raise RunError("the attribution of this run is not finished", where=run.id, accepted="a finished run")
    return setting, ranking
