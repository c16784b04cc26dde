"""Makes the runs of an experiment: finds them in the store, makes the missing ones, resumes stopped ones.

Importing this module does not import torch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from neuron_core.cni.sets import NeuronSetFile, to_json
from neuron_core.errors import RunError
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
    sets_config,
    steps_config,
)
from neuron_core.experiments.runs import ExperimentRuns, find_run, is_finished
from neuron_core.experiments.set_files import (
    BUDGET_SOURCES,
    budget_files,
    draw_files,
    neuron_set_file,
    shared_files,
    task_file,
)
from neuron_core.models.fingerprint import same_model
from neuron_core.models.local_files import changed_at
from neuron_core.runs.config import RunConfig, SetUse
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store, write_file

if TYPE_CHECKING:
    from neuron_core.engine.reporter import Progress
    from neuron_core.engine.run_engine import RunEngine

EngineSource = Callable[[Callable[[str], None]], "RunEngine"]
"loads the engine; it is given a function that takes the name of each stage"
OnRun = Callable[[str, str, RunFolder], None]
"called with kind, task and run"


def make_runs(
    setting: ExperimentSetting,
    outputs: Sequence[str],
    store: Store,
    folder: Path,
    engine_for: EngineSource,
    *,
    on_run: OnRun = lambda kind, task, run: None,
    on_progress: "Progress | None" = None,
) -> ExperimentRuns:
    """Makes all runs that these outputs need. Neuron sets that runs exchange are written to `folder`/sets.

    on_run is called before each run is carried out. The error of a run is raised as it is; what was finished stays on
    disk and is used the next time.
    """
    from neuron_core.tasks.load import load_task

    runs = ExperimentRuns()
    fingerprints = {}
    for task in setting.tasks:
        reading = load_task(task)
        if reading.task.name in runs.tasks:
            raise RunError(f"two tasks are called {reading.task.name}", accepted="different names")
        runs.tasks[reading.task.name] = task
        fingerprints[reading.task.name] = reading.task.fingerprint
    making = _Making(setting, store, folder, engine_for, on_run, on_progress, runs, fingerprints)
    kinds = {kind for name in outputs for kind in OUTPUTS[name]}
    for kind, make in _ORDER.items():
        if kind in kinds:
            make(making)
    return runs


@dataclass(frozen=True)
class _Making:
    """What every run of the experiment is made with, and the runs so far."""

    setting: ExperimentSetting
    store: Store
    folder: Path
    engine_for: EngineSource
    on_run: OnRun
    on_progress: "Progress | None"
    runs: ExperimentRuns
    fingerprints: Mapping[str, str]

    @property
    def chosen(self) -> list[str]:
        """Names of the tasks of Table 7, of more steps and of the dose."""
        return [task for task, given in self.runs.tasks.items() if given in self.setting.tasks_of_budgets]

    def run(
        self, kind: str, task: str, config: RunConfig, files: Mapping[str, NeuronSetFile] | None = None
    ) -> RunFolder:
        """Finds or creates a run and carries out what it lacks. files: the neuron sets that its config names."""
        found = find_run(self.store, config, files or {}, self.fingerprints[task], self.is_of_model)
        run = found or self.store.create(config)
        self.on_run(kind, task, run)
        if not is_finished(run):
            # Importing it takes seconds.
            from neuron_core.engine.execute import execute

            execute(run, self.engine_for, on_progress=self.on_progress)
        self.runs.asked[run.id] = config
        return run

    def is_of_model(self, run: RunFolder) -> bool:
        """Whether a run was made with the model as it is now. It is loaded only if its files changed since."""
        setting = run.setting()
        if setting is None or changed_at(self.setting.model) <= run.status().created:
            return True
        return same_model(setting.model.fingerprint, self.engine_for(lambda _: None).facts().fingerprint)

    def uses(self, kind: str, task: str, files: Mapping[str, NeuronSetFile]) -> list[SetUse]:
        """Writes neuron sets to the folder and returns how a config names them."""
        uses = []
        for name, file in files.items():
            path = self.folder / "sets" / f"{kind}-{task_file(task)}-{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, to_json(file).encode())
            uses.append(SetUse(str(path.absolute()), name))
        return uses

    def run_on_sets(
        self,
        kind: str,
        task: str,
        files: Mapping[str, NeuronSetFile],
        ks: Sequence[int] = (),
        n_attribution: int | None = None,
    ) -> RunFolder:
        """A run that evaluates neuron sets on a task at the budgets `ks`."""
        uses = self.uses(kind, task, files)
        if kind == "budgets":
            uses = [use if BUDGET_SOURCES[use.name] == OURS else replace(use, ratios=good_only()) for use in uses]
        config = sets_config(self.setting, self.runs.tasks[task], uses, ks, n_attribution)
        return self.run(kind, task, config, files)


def _main(making: _Making) -> None:
    for task, given in making.runs.tasks.items():
        making.runs.main[task] = making.run("main", task, main_config(making.setting, given))


def _sets(making: _Making) -> None:
    files = shared_files(making.runs, making.setting)
    for task in making.runs.tasks if files else ():
        making.runs.sets[task] = making.run_on_sets("sets", task, files)


def _budgets(making: _Making) -> None:
    for task in making.chosen:
        files = budget_files(making.runs, making.setting, task)
        making.runs.budgets[task] = making.run_on_sets("budgets", task, files, making.setting.budgets)


def _draws(making: _Making) -> None:
    setting, runs = making.setting, making.runs
    for task, given in runs.tasks.items():
        runs.draws[task] = making.run("draws", task, draws_config(setting, given))
        n_attribution = setting.attribution_examples * setting.draws
        if files := draw_files(runs, setting, task):
            runs.draw_sets[task] = making.run_on_sets("draw_sets", task, files, n_attribution=n_attribution)


def _steps(making: _Making) -> None:
    for task in making.chosen:
        making.runs.steps[task] = making.run("steps", task, steps_config(making.setting, making.runs.tasks[task]))


def _content(making: _Making) -> None:
    for task, given in making.runs.tasks.items():
        making.runs.content[task] = making.run("content", task, content_config(making.setting, given))


def _paper(making: _Making) -> None:
    for task, given in making.runs.tasks.items():
        making.runs.paper[task] = making.run("paper", task, paper_config(making.setting, given))


def _parts(making: _Making) -> None:
    setting, runs = making.setting, making.runs
    for task, given in runs.tasks.items():
        wanted = part_sets(runs.content, runs.paper, setting, task)
        files = {
            name: neuron_set_file(one.run, one.ranking, one.deepest, name, one.task, one.method)
            for name, one in wanted.items()
        }
        uses = [replace(use, k=wanted[use.name].k) for use in making.uses("parts", task, files)]
        ks = (setting.k_of_parts, 2 * setting.k_of_parts)
        config = parts_config(setting, given, uses, ks, setting.random_seeds)
        runs.parts[task] = making.run("parts", task, config, files)


def _content_draws(making: _Making) -> None:
    setting, runs = making.setting, making.runs
    for task, given in runs.tasks.items():
        config = content_config(setting, given, setting.draws)
        runs.content_draws[task] = making.run("content_draws", task, config)


def _dose(making: _Making) -> None:
    setting, runs = making.setting, making.runs
    for task in making.chosen:
        run, k = runs.content[task], setting.k_of_parts
        ranking = run.ranking("content")
        assert ranking is not None
        files = {name: neuron_set_file(run, ranking, k, name, task, "content") for name in dose_names()}
        uses = [
            replace(use, excite=excite, silence=silence)
            for use in making.uses("dose", task, files)
            for excite, silence in [dose_names()[use.name]]
        ]
        config = parts_config(setting, runs.tasks[task], uses, (k,), 0)
        runs.dose[task] = making.run("dose", task, config, files)


_ORDER: dict[str, Callable[[_Making], None]] = {
    "main": _main,
    "sets": _sets,
    "budgets": _budgets,
    "draws": _draws,
    "steps": _steps,
    "content": _content,
    "paper": _paper,
    "parts": _parts,
    "content_draws": _content_draws,
    "dose": _dose,
}
"kind of run → function that makes it; later kinds use the runs of earlier ones"
