"""Finds the runs of an experiment in the store, makes the missing ones, and resumes those that were stopped. Imports
no torch itself.

A run is used again if its config, its neuron sets and its task file are the same.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from neuron_core.analysis.common import CommonNeurons, common_neurons
from neuron_core.analysis.specific import SpecificNeurons, specific_neurons
from neuron_core.analysis.stability import draw_rankings
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.sets import NeuronSetFile, set_of, to_json
from neuron_core.errors import NeuronCoreError, RunError
from neuron_core.experiments.part_sets import dose_names, part_sets
from neuron_core.experiments.plan import (
    OURS,
    OUTPUTS,
    ExperimentSetting,
    content_config,
    draws_config,
    good_only,
    main_config,
    paper_config,
    parts_config,
    set_names,
    sets_config,
    steps_config,
)
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig, SetUse
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from neuron_core.runs.store import Store, write_file

if TYPE_CHECKING:
    from neuron_core.engine.reporter import Progress
    from neuron_core.engine.run_engine import RunEngine

EngineSource = Callable[[Callable[[str], None]], "RunEngine"]
COMMON = "common"
BUDGET_SOURCES = {"ours": OURS, "rival-tn": "tn", "rival-qrnca": "qrnca"}
"name of a neuron set in the runs of Table 7 → method"


@dataclass
class ExperimentRuns:
    """The runs of an experiment by the name of the task, as far as its outputs need them."""

    tasks: dict[str, str] = field(default_factory=dict)
    "name of a task → what its runs call it: a bundled name, or the path of a file"
    main: dict[str, RunFolder] = field(default_factory=dict)
    sets: dict[str, RunFolder] = field(default_factory=dict)
    budgets: dict[str, RunFolder] = field(default_factory=dict)
    draws: dict[str, RunFolder] = field(default_factory=dict)
    draw_sets: dict[str, RunFolder] = field(default_factory=dict)
    steps: dict[str, RunFolder] = field(default_factory=dict)
    content: dict[str, RunFolder] = field(default_factory=dict)
    paper: dict[str, RunFolder] = field(default_factory=dict)
    parts: dict[str, RunFolder] = field(default_factory=dict)
    content_draws: dict[str, RunFolder] = field(default_factory=dict)
    dose: dict[str, RunFolder] = field(default_factory=dict)

    def each(self) -> Iterator[tuple[str, str, RunFolder]]:
        """(kind, task, run) of all of them."""
        for kind in (one.name for one in fields(self) if one.name != "tasks"):
            for task, run in getattr(self, kind).items():
                yield kind, task, run

    def rankings(self, method: str = OURS) -> dict[str, NeuronRanking]:
        """Each task's ranking of the main run."""
        found = {task: run.ranking(method) for task, run in self.main.items()}
        return {task: ranking for task, ranking in found.items() if ranking is not None}

    def setting(self, task: str) -> Setting:
        """What the main run of a task was made from. RunError when it has not begun."""
        setting = self.main[task].setting()
        if setting is None:
            raise RunError("the run has not begun", where=self.main[task].id, accepted="a finished run")
        return setting


def make_runs(
    setting: ExperimentSetting,
    outputs: Sequence[str],
    store: Store,
    folder: Path,
    engine_for: EngineSource,
    *,
    on_run: Callable[[str, str, RunFolder], None] = lambda kind, task, run: None,
    on_progress: "Progress | None" = None,
) -> ExperimentRuns:
    """All runs that these outputs are made from. Neuron sets that runs share are written to the folder `sets` in
    `folder`.

    on_run is called with kind, task and run before each run is carried out. An error of a run is raised as it is;
    what was finished stays and is used the next time.
    """
    from neuron_core.tasks.load import load_task

    kinds = {kind for name in outputs for kind in OUTPUTS[name]}
    runs = ExperimentRuns()
    fingerprints = {}
    for task in setting.tasks:
        reading = load_task(task)
        if reading.task.name in runs.tasks:
            raise RunError(f"two tasks are called {reading.task.name}", accepted="different names")
        runs.tasks[reading.task.name] = task
        fingerprints[reading.task.name] = reading.task.fingerprint

    def carried(kind: str, task: str, config: RunConfig, files: Mapping[str, NeuronSetFile] | None = None) -> RunFolder:
        run = find_run(store, config, files or {}, fingerprints[task]) or store.create(config)
        on_run(kind, task, run)
        if not is_finished(run):
            # It takes seconds to import.
            from neuron_core.engine.execute import execute

            execute(run, engine_for, on_progress=on_progress)
        return run

    def used(kind: str, task: str, files: Mapping[str, NeuronSetFile]) -> list[SetUse]:
        """The sets, written to the folder."""
        uses = []
        for name, file in files.items():
            path = folder / "sets" / f"{kind}-{task_file(task)}-{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, to_json(file).encode())
            uses.append(SetUse(str(path.absolute()), name))
        return uses

    def on_sets(
        kind: str,
        task: str,
        files: Mapping[str, NeuronSetFile],
        ks: Sequence[int] = (),
        n_attribution: int | None = None,
    ) -> RunFolder:
        uses = used(kind, task, files)
        if kind == "budgets":
            uses = [use if BUDGET_SOURCES[use.name] == OURS else replace(use, ratios=good_only()) for use in uses]
        config = sets_config(setting, runs.tasks[task], uses, ks, n_attribution)
        return carried(kind, task, config, files)

    if "main" in kinds:
        for task, given in runs.tasks.items():
            runs.main[task] = carried("main", task, main_config(setting, given))
    if "sets" in kinds:
        files = shared_files(runs, setting)
        for task in runs.tasks if files else ():
            runs.sets[task] = on_sets("sets", task, files)
    chosen = [task for task, given in runs.tasks.items() if given in setting.tasks_of_budgets]
    if "budgets" in kinds:
        for task in chosen:
            runs.budgets[task] = on_sets("budgets", task, budget_files(runs, setting, task), setting.budgets)
    if "draws" in kinds:
        for task, given in runs.tasks.items():
            runs.draws[task] = carried("draws", task, draws_config(setting, given))
            n_attribution = setting.attribution_examples * setting.draws
            if files := draw_files(runs, setting, task):
                runs.draw_sets[task] = on_sets("draw_sets", task, files, n_attribution=n_attribution)
    if "steps" in kinds:
        for task in chosen:
            runs.steps[task] = carried("steps", task, steps_config(setting, runs.tasks[task]))
    if "content" in kinds:
        for task, given in runs.tasks.items():
            runs.content[task] = carried("content", task, content_config(setting, given))
    if "paper" in kinds:
        for task, given in runs.tasks.items():
            runs.paper[task] = carried("paper", task, paper_config(setting, given))
    if "parts" in kinds:
        for task, given in runs.tasks.items():
            wanted = part_sets(runs.content, runs.paper, setting, task)
            files = {
                name: _file(one.run, one.ranking, one.deepest, name, one.task, one.method)
                for name, one in wanted.items()
            }
            uses = [replace(use, k=wanted[use.name].k) for use in used("parts", task, files)]
            ks = (setting.k_of_parts, 2 * setting.k_of_parts)
            config = parts_config(setting, given, uses, ks, setting.random_seeds)
            runs.parts[task] = carried("parts", task, config, files)
    if "content_draws" in kinds:
        for task, given in runs.tasks.items():
            runs.content_draws[task] = carried("content_draws", task, content_config(setting, given, setting.draws))
    if "dose" in kinds:
        for task in chosen:
            run, k = runs.content[task], setting.k_of_parts
            ranking = run.ranking("content")
            assert ranking is not None
            files = {name: _file(run, ranking, k, name, task, "content") for name in dose_names()}
            uses = [
                replace(use, excite=excite, silence=silence)
                for use in used("dose", task, files)
                for excite, silence in [dose_names()[use.name]]
            ]
            runs.dose[task] = carried("dose", task, parts_config(setting, runs.tasks[task], uses, (k,), 0), files)
    return runs


def is_finished(run: RunFolder) -> bool:
    """Whether nothing of the run is missing."""
    config = run.config()
    ranked = len(run.rankings()) == len(config.attribution.methods)
    return run.status().state == "done" and ranked and (config.evaluation is None or run.evaluation() is not None)


def find_run(
    store: Store, config: RunConfig, files: Mapping[str, NeuronSetFile], task_fingerprint: str
) -> RunFolder | None:
    """The newest finished run of the store with exactly this config; otherwise the newest unfinished one; otherwise
    None.
    """
    unfinished = None
    for run in store.runs():
        try:
            same = _key(run.config()) == _key(config) and run.sets() == dict(files)
            setting = run.setting()
        except NeuronCoreError:
            # A run of another version of this program is not the one looked for.
            continue
        if same and (setting is None or setting.task_fingerprint == task_fingerprint):
            if is_finished(run):
                return run
            unfinished = unfinished or run
    return unfinished


def common_of(runs: ExperimentRuns, k: int) -> CommonNeurons:
    """Common neurons of the tasks' ACE rankings."""
    return common_neurons(runs.rankings(), k)


def specific_of(runs: ExperimentRuns, k: int) -> SpecificNeurons:
    """Task-specific neurons of the tasks' ACE rankings."""
    return specific_neurons(runs.rankings(), k)


def specific_names(runs: ExperimentRuns) -> Mapping[str, str]:
    """task → the name of its specific set in the runs of neuron sets."""
    return set_names("specific", list(runs.tasks))


def shared_files(runs: ExperimentRuns, setting: ExperimentSetting) -> dict[str, NeuronSetFile]:
    """The common set and each task's specific set as files. A set without neurons is left out."""
    names, found = specific_names(runs), {}
    wanted = {COMMON: ("all", common_of(runs, setting.k).ranking())}
    wanted |= {names[task]: (task, ranking) for task, ranking in specific_of(runs, setting.k).rankings.items()}
    for name, (task, ranking) in wanted.items():
        if len(ranking.scores):
            found[name] = _file(first_of(runs.main or runs.draws), ranking, setting.k, name, task)
    return found


def budget_files(runs: ExperimentRuns, setting: ExperimentSetting, task: str) -> dict[str, NeuronSetFile]:
    """The sets of our method and of its two rivals in Table 7, with enough neurons for the largest budget."""
    rankings = {name: runs.main[task].ranking(method) for name, method in BUDGET_SOURCES.items()}
    return {
        name: _file(first_of(runs.main or runs.draws), ranking, max(setting.budgets), name, task)
        for name, ranking in rankings.items()
        if ranking is not None and len(ranking.scores)
    }


def draw_files(runs: ExperimentRuns, setting: ExperimentSetting, task: str) -> dict[str, NeuronSetFile]:
    """The set of each draw of attribution examples."""
    return {
        f"draw-{number}": _file(first_of(runs.main or runs.draws), ranking, setting.k, f"draw-{number}", task)
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


def first_of(runs: Mapping[str, RunFolder]) -> RunFolder:
    """The run of the first task, from which everything is read that all tasks share."""
    return next(iter(runs.values()))


def _file(run: RunFolder, ranking: NeuronRanking, k: int, name: str, task: str, method: str = OURS) -> NeuronSetFile:
    made = run.setting()
    assert made is not None
    # Where the file itself lies is no part of what it says: the same neurons make the same file.
    config = {"k": k, "z": made.z, "attribution": asdict(_key(run.config()).attribution), "seed": run.config().seed}
    return set_of(ranking, k, name=name, task=task, method=method, model=made.model, config=_plain(config))


def _plain(value: object) -> dict[str, object]:
    """As JSON gives it back: lists for tuples."""
    found: dict[str, object] = json.loads(json.dumps(value))
    return found


def _key(config: RunConfig) -> RunConfig:
    """A config without what changes no result: where neuron files lie, and how many rows go through the model at
    once.
    """
    attribution = replace(config.attribution, layers_per_pass=AttributionConfig().layers_per_pass)
    evaluation = config.evaluation and replace(config.evaluation, rows_per_pass=EvaluationConfig().rows_per_pass)
    sets = tuple(replace(use, path="") for use in config.sets)
    return replace(config, attribution=attribution, evaluation=evaluation, sets=sets)
