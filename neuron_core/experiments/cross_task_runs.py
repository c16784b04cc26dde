"""The runs of a cross-task comparison, in which each task's specific neurons are evaluated on every task. No torch."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from neuron_core.analysis.specific import SpecificNeurons
from neuron_core.cni.sets import NeuronSetFile, set_of, to_json
from neuron_core.control.interventions import RATIOS
from neuron_core.models.fingerprint import same_model
from neuron_core.runs.config import EvaluationConfig, RunConfig, SetUse, config_to_json
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import ModelFacts
from neuron_core.runs.store import write_file
from neuron_core.runs.summary import summary_of

METHOD = "specific"


def cross_names(tasks: Sequence[str]) -> dict[str, str]:
    """Task → the name of its specific neurons in an evaluation. No two tasks have the same name."""
    return {
        task: f"specific-{number}-{re.sub(r'[^A-Za-z0-9]+', '-', task).strip('-')[:40]}"
        for number, task in enumerate(sorted(tasks), start=1)
    }


def specific_files(
    found: SpecificNeurons, model: ModelFacts, configs: Mapping[str, RunConfig]
) -> dict[str, NeuronSetFile]:
    """Task → its specific neurons as a file. configs: task → the config of the run that found them."""
    names = cross_names(tuple(found.rankings))
    return {
        task: set_of(
            ranking,
            found.k,
            name=names[task],
            task=task,
            method=METHOD,
            model=model,
            config=json.loads(config_to_json(configs[task])),
        )
        for task, ranking in found.rankings.items()
    }


def cross_config(
    own: RunConfig, task: str, files: Mapping[str, NeuronSetFile], folder: Path, k: int, usual: EvaluationConfig
) -> RunConfig:
    """The config of a run that evaluates every task's specific neurons on `task`.

    The task's own neurons come first, because random sets are matched to the first set. own: the config of the run that
    found the task's neurons; the same attribution examples are drawn, so that none of them is evaluated. The neuron
    files are written into `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    uses = []
    for name in (task, *(other for other in files if other != task)):
        path = folder / f"{files[name].name}-k{k}.json"
        write_file(path, to_json(files[name]).encode())
        uses.append(SetUse(str(path), files[name].name, k))
    evaluation = replace(own.evaluation or usual, ks=(k,), ratios=RATIOS, methods=None)
    return replace(own, attribution=replace(own.attribution, methods=()), evaluation=evaluation, sets=tuple(uses))


def cross_runs(
    runs: Iterable[RunFolder], files: Mapping[str, NeuronSetFile], k: int, fingerprints: Mapping[str, str]
) -> dict[str, RunFolder]:
    """Task → the first of these runs that evaluates exactly these sets on it at this budget, finished or not.

    fingerprints: task → that of the task itself. A run whose questions come from other examples does not count.
    """
    wanted = {file.name: _neurons(file) for file in files.values()}
    own_task = {file.name: task for task, file in files.items()}
    found: dict[str, RunFolder] = {}
    for run in runs:
        config = run.config()
        if {use.name for use in config.sets} != set(wanted) or {use.k for use in config.sets} != {k}:
            continue
        there = run.sets()
        same = all(
            _neurons(there[file.name]) == wanted[file.name]
            and same_model(there[file.name].model_fingerprint, file.model_fingerprint)
            for file in files.values()
        )
        task = own_task[config.sets[0].name]
        if (
            same
            # It is empty before a run has begun.
            and summary_of(run).task_fingerprint in ("", fingerprints[task])
        ):
            found.setdefault(task, run)
    return found


def missing_seconds(run: RunFolder, n_without: int, n_untried: int) -> float | None:
    """Seconds that the missing runs would take at the speed of `run`; None if `run` has not been evaluated.

    n_without: number of tasks without neurons, each of which needs an attribution and an evaluation. n_untried: number
    of tasks on which the sets of all tasks have not been evaluated.
    """
    seconds = run.status().seconds
    evaluation, attribution = seconds.get("evaluation", 0.0), seconds.get("attribution", 0.0)
    if run.config().evaluation is None or not evaluation:
        return None
    return n_without * (attribution + evaluation) + n_untried * evaluation


def _neurons(file: NeuronSetFile) -> frozenset[tuple[int, int, str]]:
    return frozenset((one.layer, one.index, one.role) for one in file.neurons)
