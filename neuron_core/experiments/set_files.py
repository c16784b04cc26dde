"""The neuron sets that the runs of an experiment exchange, as files. No torch."""

import json
from collections.abc import Mapping
from dataclasses import asdict

from neuron_core.analysis.common import CommonNeurons, common_neurons
from neuron_core.analysis.specific import SpecificNeurons, specific_neurons
from neuron_core.analysis.stability import draw_rankings
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.sets import NeuronSetFile, set_of
from neuron_core.experiments.plan import OURS, ExperimentSetting, set_names
from neuron_core.experiments.runs import ExperimentRuns, first_of, run_key
from neuron_core.runs.run_folder import RunFolder

COMMON = "common"
"name of the set of common neurons"
BUDGET_SOURCES = {"ours": OURS, "rival-tn": "tn", "rival-qrnca": "qrnca"}
"name of a neuron set in the runs of Table 7 → method"


def common_of(runs: ExperimentRuns, k: int) -> CommonNeurons:
    """The common neurons of the tasks' ACE rankings."""
    return common_neurons(runs.rankings(), k)


def specific_of(runs: ExperimentRuns, k: int) -> SpecificNeurons:
    """The task-specific neurons of the tasks' ACE rankings."""
    return specific_neurons(runs.rankings(), k)


def specific_names(runs: ExperimentRuns) -> Mapping[str, str]:
    """Task → the name of its specific set in the runs of neuron sets."""
    return set_names("specific", list(runs.tasks))


def shared_files(runs: ExperimentRuns, setting: ExperimentSetting) -> dict[str, NeuronSetFile]:
    """The common set and each task's specific set as files. A set without neurons is left out."""
    names, found = specific_names(runs), {}
    wanted = {COMMON: ("all", common_of(runs, setting.k).ranking())}
    wanted |= {names[task]: (task, ranking) for task, ranking in specific_of(runs, setting.k).rankings.items()}
    for name, (task, ranking) in wanted.items():
        if len(ranking.scores):
            found[name] = neuron_set_file(first_of(runs.main or runs.draws), ranking, setting.k, name, task)
    return found


def budget_files(runs: ExperimentRuns, setting: ExperimentSetting, task: str) -> dict[str, NeuronSetFile]:
    """The sets of our method and of its two rivals in Table 7, with enough neurons for the largest budget."""
    rankings = {name: runs.main[task].ranking(method) for name, method in BUDGET_SOURCES.items()}
    return {
        name: neuron_set_file(first_of(runs.main or runs.draws), ranking, max(setting.budgets), name, task)
        for name, ranking in rankings.items()
        if ranking is not None and len(ranking.scores)
    }


def draw_files(runs: ExperimentRuns, setting: ExperimentSetting, task: str) -> dict[str, NeuronSetFile]:
    """The set of each draw of attribution examples."""
    return {
        f"draw-{number}": neuron_set_file(first_of(runs.main or runs.draws), ranking, setting.k, f"draw-{number}", task)
        for number, ranking in enumerate(rankings_of_draws(runs, setting, task), start=1)
        if len(ranking.scores)
    }


def rankings_of_draws(runs: ExperimentRuns, setting: ExperimentSetting, task: str) -> list[NeuronRanking]:
    """The ACE ranking of each draw."""
    run = runs.draws[task]
    made = run.setting()
    assert made is not None
    kept = [example[OURS] for example in run.examples()]
    return draw_rankings(kept, made.model.n_layers, made.model.n_neurons, made.z, setting.attribution_examples)


def task_file(task: str) -> str:
    """The name of a task in a form that is allowed in file names."""
    return set_names("task", [task])[task].removeprefix("task-1-")


def neuron_set_file(
    run: RunFolder, ranking: NeuronRanking, k: int, name: str, task: str, method: str = OURS
) -> NeuronSetFile:
    """A ranking as a neuron set file with the top `k` neurons of each role; `run` is the run that found them."""
    made = run.setting()
    assert made is not None
    # The path of the file is not part of its content, so the same neurons give the same file.
    config = {"k": k, "z": made.z, "attribution": asdict(run_key(run.config()).attribution), "seed": run.config().seed}
    return set_of(ranking, k, name=name, task=task, method=method, model=made.model, config=_as_json(config))


def _as_json(value: object) -> dict[str, object]:
    """The value as it comes back from JSON, with lists for tuples."""
    found: dict[str, object] = json.loads(json.dumps(value))
    return found
