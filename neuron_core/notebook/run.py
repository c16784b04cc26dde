"""The class `Run`, and the functions behind `neuron_core.run`, `open` and `runs`. Opening a run imports no torch."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

from neuron_core.analysis.effects import effects_table
from neuron_core.analysis.layers import neuron_rows
from neuron_core.commands.common import check_unchanged, is_finished, model_spec, read_task, task_name
from neuron_core.control.results import Baseline
from neuron_core.engine.cluster_options import ClusterOptions
from neuron_core.errors import ConfigError, NeuronCoreError
from neuron_core.figures.points import Metric
from neuron_core.models.spec import ModelSpec
from neuron_core.notebook.computing import carry_out, finish
from neuron_core.notebook.summary import summary_html
from neuron_core.reports.run_figures import (
    Figure,
    budget_of,
    finished_attribution,
    finished_evaluation,
    ranked,
    run_figure,
)
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig
from neuron_core.runs.demo import demo_folders
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store


class Run:
    """A run: its settings, and its results as tables and figures. A notebook shows a run as a table and a figure."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    @property
    def id(self) -> str:
        """The name by which `open`, the app and the command line find the run."""
        return self.folder.id

    @property
    def path(self) -> Path:
        """The path of the run folder."""
        return self.folder.path

    @property
    def config(self) -> RunConfig:
        """Everything that the run was asked to do."""
        return self.folder.config()

    @property
    def state(self) -> str:
        """queued, running, done, cancelled, failed or interrupted."""
        return self.folder.status().state

    def neurons(self, k: int | None = None, method: str | None = None) -> pd.DataFrame:
        """The k best good and the k worst bad neurons, with the columns role, layer, index and score.

        k: the run's own budget by default. If the ranking has fewer neurons, all of them are returned. method: the
        run's first method by default. score: the task score of Eq. 5 in the unit of the target; for ace, a probability.
        Raises RunError before the attribution is finished, and ConfigError for a method that the run does not have.
        """
        setting, ranking = ranked(self.folder, method)
        rows = [asdict(row) for row in neuron_rows(ranking.cut(budget_of(k, setting)))]
        return pd.DataFrame(rows, columns=["role", "layer", "index", "score"])

    def effects(self) -> pd.DataFrame:
        """The effects of exciting and silencing: one row for each method, budget and direction, at the best ratio.

        acc and com are shares, without (`_before`) and with the intervention. rac and rcc are percent, positive in the
        intended direction, with 95% intervals, held-out values and the mean of the random sets. Raises RunError before
        the evaluation is finished.
        """
        return effects_table(finished_evaluation(self.folder))

    def baseline(self) -> Baseline:
        """The unmodified model on the evaluation questions, or without an evaluation on the attribution questions."""
        evaluation = self.folder.evaluation()
        return evaluation.baseline if evaluation is not None else finished_attribution(self.folder).baseline

    def figure(
        self,
        name: Figure = "layers",
        *,
        k: int | None = None,
        method: str | None = None,
        metric: Metric = "rac",
        question: int | str = 0,
    ) -> go.Figure:
        """A figure of the run, as the app draws it. `name` is one of:

        - layers: the good and bad neurons in each layer, at budget k
        - scores: the summed scores of each layer
        - map: the whole ranking
        - gaps: the completeness gap of each layer
        - letters: how often each letter is correct, and how often the model chooses it
        - control: `metric` (rac or rcc) against the ratio, at budget k
        - budgets: `metric` against the budget
        - question: the options of one evaluation question, without and with the interventions of budget k

        k: by default the run's own budget for layers, and the largest evaluated budget for control and question.
        question: the question's number, counted from 0, or its id. Raises RunError if the run has not come that far.
        """
        return run_figure(self.folder, name, k=k, method=method, metric=metric, question=question)

    def evaluate(
        self,
        examples: int = 50,
        k: Sequence[int] = (10, 25, 50, 100),
        *,
        config: EvaluationConfig | None = None,
        progress: bool = True,
        cluster: ClusterOptions | None = None,
    ) -> "Run":
        """Evaluates interventions on the run's neurons. The result replaces the run's last evaluation.

        examples: number of evaluation examples. k: the budgets. config: every setting of an evaluation; replaces
        examples and k. cluster: as in `neuron_core.run`.
        """
        wanted = replace(self.config, evaluation=config or EvaluationConfig(examples=examples, ks=tuple(k)))
        ranked(self.folder)
        if wanted == self.config and is_finished(self.folder):
            return self
        # The lock is held over config, questions and result, so that nobody else evaluates in between.
        with self.folder.taken():
            if wanted != self.folder.config():
                read_task(wanted)
                check_unchanged(self.folder, wanted)
                self.folder.set_evaluation(wanted)
            else:
                self.folder.drop_pending()
            finish(self.folder, progress, cluster)
        return self

    def resume(self, progress: bool = True, *, cluster: ClusterOptions | None = None) -> "Run":
        """Resumes a run that was stopped. Finished parts are not computed again. cluster: as in `neuron_core.run`."""
        if not is_finished(self.folder):
            with self.folder.taken():
                finish(self.folder, progress, cluster)
        return self

    def __repr__(self) -> str:
        config = self.config
        return f"<Run {self.id}: {config.task}, {config.model.title}, {self.state}>"

    def _repr_html_(self) -> str:
        """A small table: what the run is, its first neurons, and its effects at the largest budget."""
        return summary_html(self)

    def _ipython_display_(self) -> None:
        """Shows the small table and, once the attribution is finished, the figure of the layers."""
        from IPython.display import HTML, display

        display(HTML(self._repr_html_()))
        if self.folder.ranking() is not None:
            display(self.figure("layers"))


def config_of(
    task: str | Path | RunConfig,
    model: str | ModelSpec,
    examples: int,
    evaluate: int | None,
    methods: Sequence[str],
    k: Sequence[int],
    seed: int,
) -> RunConfig:
    """The arguments of `neuron_core.run` as a RunConfig. Raises ConfigError for a value out of range."""
    if isinstance(task, RunConfig):
        return task
    if isinstance(methods, str):
        raise ConfigError(f"methods is the text {methods!r}", accepted=f"a list of names, for instance [{methods!r}]")
    return RunConfig(
        task=task_name(str(task)),
        model=model if isinstance(model, ModelSpec) else model_spec(model),
        seed=seed,
        attribution=AttributionConfig(methods=tuple(methods), examples=examples),
        evaluation=None if evaluate is None else EvaluationConfig(examples=evaluate, ks=tuple(k)),
    )


def run(config: RunConfig, progress: bool = True, cluster: ClusterOptions | None = None) -> Run:
    """Creates a run in the store and carries it out. If nothing could be computed, the folder is deleted again."""
    read_task(config)
    folder = Store().create(config)
    try:
        with folder.taken():
            carry_out(folder, progress, cluster)
    except NeuronCoreError:
        if not folder.scored():
            shutil.rmtree(folder.path)
        raise
    return Run(folder)


def open_run(name: str | Path) -> Run:
    """The run with this id or path. "demo" and "demo-TASK" are finished runs that come with the program."""
    if (folder := demo_folders().get(str(name))) is not None and not (Store().root / str(name)).exists():
        return Run(RunFolder(folder))
    return Run(Store().open(name))


def all_runs() -> list[Run]:
    """Every run of the store, newest first."""
    return [Run(folder) for folder in Store().runs()]
