"""Results as dicts that `--json` prints; `reports.text` makes lines for a terminal from the same dicts. No torch."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_core.analysis.layers import neuron_rows
from neuron_core.cni.neurons import NeuronRanking, NeuronSet
from neuron_core.control.interventions import DIRECTIONS
from neuron_core.control.metrics import baseline_of
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.errors import RunError
from neuron_core.qatt.prompt import TEMPLATE_VERSION
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.results import read_attribution
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from neuron_core.tasks.load import TaskReading

Result = dict[str, Any]


def rejected(reading: TaskReading) -> Result:
    """The rejected rows of a task file, each with its reason."""
    return {"n_rejected": len(reading.rejected), "rejected": [str(row) for row in reading.rejected]}


def preview(reading: TaskReading, questions: Sequence[ProxyQuestion]) -> Result:
    """A task, with some of its questions exactly as the model reads them."""
    return {
        "task": reading.task.name,
        "kind": reading.task.kind,
        "n_examples": len(reading.task.examples),
        "notes": list(reading.notes),
        **rejected(reading),
        "template_version": TEMPLATE_VERSION,
        "questions": [_question(question) for question in questions],
    }


def baseline(setting: Setting, letters: Sequence[NDArray[np.float32]], seed: int) -> Result:
    """The unmodified model on the evaluation questions. letters: the option probabilities of each question, (4,)."""
    found = baseline_of(OptionProbabilities.of(setting.evaluation, np.stack(letters)[:, None]), seed)
    return {"task": setting.task_name, "model": asdict(setting.model), **asdict(found)}


def attribution(run: RunFolder) -> Result:
    """The neurons of a run. Raises RunError before its attribution is finished."""
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


def evaluation(run: RunFolder) -> Result:
    """The effects of a run's interventions. Raises RunError before its evaluation is finished."""
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


def demo(run: RunFolder, seconds: float) -> Result:
    """All results of a demo run: its evaluation, one question, its neurons, and the time it took."""
    setting, _ = _attributed(run)
    return {
        **evaluation(run),
        "preview": _question(setting.attribution[0]),
        "attribution": attribution(run),
        "total_s": seconds,
    }


def _head(run: RunFolder, setting: Setting) -> Result:
    return {
        "run": run.id,
        "path": str(run.path.resolve()),
        "task": setting.task_name,
        "n_rejected": setting.n_rejected,
        "model": asdict(setting.model),
    }


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
