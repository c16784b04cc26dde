"""The runs of an experiment, by kind and task, and how one is found again in the store. No torch.

A run is used again if its config, its neuron sets and its task file are the same.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace

from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.sets import NeuronSetFile
from neuron_core.errors import NeuronCoreError, RunError
from neuron_core.experiments.plan import OURS
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from neuron_core.runs.store import Store


@dataclass
class ExperimentRuns:
    """The runs of an experiment: for each kind, task → run. Kinds that its outputs do not need are empty."""

    tasks: dict[str, str] = field(default_factory=dict)
    "name of a task → the task of its runs: a bundled name, or the path of a file"
    main: dict[str, RunFolder] = field(default_factory=dict)
    "every method at one budget"
    sets: dict[str, RunFolder] = field(default_factory=dict)
    "common and task-specific neurons"
    budgets: dict[str, RunFolder] = field(default_factory=dict)
    "the budgets of Table 7"
    draws: dict[str, RunFolder] = field(default_factory=dict)
    "attribution on several draws of examples"
    draw_sets: dict[str, RunFolder] = field(default_factory=dict)
    "evaluation of each draw's neurons"
    steps: dict[str, RunFolder] = field(default_factory=dict)
    "attribution with more steps"
    content: dict[str, RunFolder] = field(default_factory=dict)
    "attribution by `content`"
    paper: dict[str, RunFolder] = field(default_factory=dict)
    "attribution by the paper's method"
    parts: dict[str, RunFolder] = field(default_factory=dict)
    "evaluation of the sets of both methods and of their parts"
    content_draws: dict[str, RunFolder] = field(default_factory=dict)
    "attribution by `content` on several draws of examples"
    dose: dict[str, RunFolder] = field(default_factory=dict)
    "evaluation of one set at several strengths"
    asked: dict[str, RunConfig] = field(default_factory=dict)
    "id of a run → the config with which it was found or made"

    def each(self) -> Iterator[tuple[str, str, RunFolder]]:
        """Yields (kind, task, run) for every run."""
        for kind in (one.name for one in fields(self) if one.name not in ("tasks", "asked")):
            for task, run in getattr(self, kind).items():
                yield kind, task, run

    def check_unchanged(self) -> None:
        """RunError if a run has another evaluation by now: what was read from it may belong to either."""
        for _, _, run in self.each():
            if run.id in self.asked and run_key(run.config()) != run_key(self.asked[run.id]):
                raise RunError(
                    "another evaluation of this run was made while its tables were",
                    where=run.id,
                    accepted="the same experiment again, which makes the run that it needs",
                )

    def rankings(self, method: str = OURS) -> dict[str, NeuronRanking]:
        """Task → the ranking of its main run by this method."""
        found = {task: run.ranking(method) for task, run in self.main.items()}
        return {task: ranking for task, ranking in found.items() if ranking is not None}

    def setting(self, task: str) -> Setting:
        """The setting of a task's main run. Raises RunError if that run has not begun."""
        setting = self.main[task].setting()
        if setting is None:
            raise RunError("the run has not begun", where=self.main[task].id, accepted="a finished run")
        return setting


def is_finished(run: RunFolder) -> bool:
    """Whether nothing of the run is missing."""
    config = run.config()
    ranked = len(run.rankings()) == len(config.attribution.methods)
    return run.status().state == "done" and ranked and (config.evaluation is None or run.evaluation() is not None)


def find_run(
    store: Store,
    config: RunConfig,
    files: Mapping[str, NeuronSetFile],
    task_fingerprint: str,
    is_of_model: Callable[[RunFolder], bool] = lambda run: True,
) -> RunFolder | None:
    """The newest finished run of the store with this config; else the newest unfinished one; else None.

    is_of_model: whether a run was made with the model that the config names now.
    """
    unfinished = None
    for run in store.runs():
        try:
            same = run_key(run.config()) == run_key(config) and run.sets() == dict(files)
            setting = run.setting()
        except NeuronCoreError:
            # A run of another version of this program can't be compared.
            continue
        if same and (setting is None or setting.task_fingerprint == task_fingerprint) and is_of_model(run):
            if is_finished(run):
                return run
            unfinished = unfinished or run
    return unfinished


def first_of(runs: Mapping[str, RunFolder]) -> RunFolder:
    """The run of the first task, from which everything that all tasks share is read."""
    return next(iter(runs.values()))


def run_key(config: RunConfig) -> RunConfig:
    """The config without the fields that change no result: paths of neuron sets, and the number of rows per pass."""
    attribution = replace(config.attribution, layers_per_pass=AttributionConfig().layers_per_pass)
    evaluation = config.evaluation and replace(config.evaluation, rows_per_pass=EvaluationConfig().rows_per_pass)
    sets = tuple(replace(use, path="") for use in config.sets)
    return replace(config, attribution=attribution, evaluation=evaluation, sets=sets)
