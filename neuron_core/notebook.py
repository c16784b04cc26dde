"""Runs from Python, results first: what `neuron_core.run`, `open` and `runs` give. Loads torch only to compute."""

import html
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go

from neuron_core.analysis.effects import effects_table
from neuron_core.analysis.layers import neuron_rows
from neuron_core.commands.common import check_unchanged, is_finished, model_spec, read_task, task_name
from neuron_core.control.results import Baseline
from neuron_core.engine.cluster_options import ClusterOptions
from neuron_core.engine.engines import engines_for
from neuron_core.errors import ConfigError, NeuronCoreError
from neuron_core.figures.points import Metric
from neuron_core.models.spec import ModelSpec
from neuron_core.notebook_progress import shown_progress
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
from neuron_core.runs.repair import repair
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store

if TYPE_CHECKING:
    from neuron_core.engine.engine import Engine
    from neuron_core.engine.run_engine import OtherEngine

SHOWN = 5
"neurons of either role in the table that a notebook shows"
_loaded: "list[tuple[ModelSpec, Engine]]" = []


class Run:
    """One run: its settings, and its results as tables and figures. In a notebook it shows itself."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    @property
    def id(self) -> str:
        """The name by which `open`, the app and the command line find it."""
        return self.folder.id

    @property
    def path(self) -> Path:
        """The run folder."""
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
        """The k best good and the k worst bad neurons: columns role, layer, index, score.

        k: the run's own budget by default; where the ranking has fewer, all of them are given. method: the run's first
        by default. score: the task score of Eq. 5, in units of the target (for ace: probability).
        RunError before the attribution is finished; ConfigError for a method that the run has not.
        """
        setting, ranking = ranked(self.folder, method)
        rows = [asdict(row) for row in neuron_rows(ranking.cut(budget_of(k, setting)))]
        return pd.DataFrame(rows, columns=["role", "layer", "index", "score"])

    def effects(self) -> pd.DataFrame:
        """What doubling and silencing does: a row for each method, budget and direction, at the best of its ratios.

        Columns acc, com (shares, before and under), rac, rcc (percent, positive in the intended direction) with 95%
        intervals, their held-out values, and the mean of the random sets. RunError before the evaluation is finished.
        """
        return effects_table(finished_evaluation(self.folder))

    def baseline(self) -> Baseline:
        """The unmodified model: on the evaluation questions, or on the attribution questions where there are none."""
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
        """A figure of the run, as the app draws it.

        layers: good and bad neurons over the layers, at budget k; scores: summed scores over the layers; map: the
        whole ranking; gaps: completeness gap over the layers; letters: letters of the correct answers and of the
        model's; control: `metric` (rac or rcc) over the ratio at budget k; budgets: `metric` over the budgets;
        question: the options of one evaluation question before and under the interventions of budget k.

        k: without it the run's own budget for layers, and the largest evaluated one for control and question.
        question: its number from 0, or its id. RunError where the run has not got so far.
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
        """Tries the run's neurons on this many examples at these budgets, in place of its last evaluation.

        config: every setting of an evaluation; takes the place of examples and k. cluster: as of `run`.
        """
        wanted = replace(self.config, evaluation=config or EvaluationConfig(examples=examples, ks=tuple(k)))
        ranked(self.folder)
        if wanted == self.config and is_finished(self.folder):
            return self
        # One lock over config, questions and result: nobody else evaluates in between.
        with self.folder.taken():
            if wanted != self.folder.config():
                read_task(wanted)
                check_unchanged(self.folder, wanted)
                self.folder.set_evaluation(wanted)
            else:
                self.folder.drop_due()
            _finish(self.folder, progress, cluster)
        return self

    def resume(self, progress: bool = True, *, cluster: ClusterOptions | None = None) -> "Run":
        """Carries on a run that was stopped; what it finished is not computed again. cluster: as of `run`."""
        if not is_finished(self.folder):
            with self.folder.taken():
                _finish(self.folder, progress, cluster)
        return self

    def __repr__(self) -> str:
        config = self.config
        return f"<Run {self.id}: {config.task}, {config.model.title}, {self.state}>"

    def _repr_html_(self) -> str:
        """A small table: what the run is, its first neurons, its effects at the largest budget."""
        return _summary(self)

    def _ipython_display_(self) -> None:
        """The small table, and below it the layers figure once the attribution is finished."""
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
    """The settings that `neuron_core.run` was given, as a run keeps them. ConfigError for one out of its range."""
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
    """A new run in the store, carried out. Where nothing was computed no folder is left."""
    read_task(config)
    folder = Store().create(config)
    try:
        with folder.taken():
            _carry_out(folder, progress, cluster)
    except NeuronCoreError:
        if not folder.scored():
            shutil.rmtree(folder.path)
        raise
    return Run(folder)


def open_run(name: str | Path) -> Run:
    """The run of this id or path; "demo" and "demo-TASK" are the finished demos that come with the program."""
    if (folder := demo_folders().get(str(name))) is not None and not (Store().root / str(name)).exists():
        return Run(RunFolder(folder))
    return Run(Store().open(name))


def all_runs() -> list[Run]:
    """Every run of the store, newest first."""
    return [Run(folder) for folder in Store().runs()]


def unload() -> None:
    """Closes the engine that is kept, if there is one."""
    while _loaded:
        _loaded.pop()[1].close()


def _finish(folder: RunFolder, progress: bool, cluster: ClusterOptions | None = None) -> None:
    """Sets aside what is damaged, and executes what is missing; the caller has taken the run."""
    repair(folder)
    if not is_finished(folder):
        _carry_out(folder, progress, cluster)


def _carry_out(folder: RunFolder, progress: bool, cluster: ClusterOptions | None = None) -> None:
    from neuron_core.engine.execute import execute

    engines = engines_for(cluster) if cluster else None
    engine_for: OtherEngine = engines.engine if engines else _engine
    try:
        with shown_progress(progress) as watch:
            execute(
                folder,
                lambda say: engine_for(folder.config().model, say),
                other_engine=engine_for,
                on_progress=watch,
            )
    finally:
        if engines:
            engines.close()


def _engine(spec: ModelSpec, say: Callable[[str], None]) -> "Engine":
    """The kept engine if it has this model, else another in its place: two models at once may be more than fits."""
    from neuron_core.engine.engine import Engine

    if not _loaded or _loaded[0][0] != spec:
        unload()
        _loaded.append((spec, Engine(spec, on_stage=say)))
    return _loaded[0][1]


def _summary(run: Run) -> str:
    setting = run.folder.setting()
    task = setting.task_name if setting else run.config.task
    model = setting.model.title if setting else run.config.model.title
    head = f"<b>{html.escape(run.id)}</b>: {html.escape(task)}, {html.escape(model)}, {html.escape(run.state)}"
    parts = [f"<div>{head}</div>"]
    if run.folder.ranking() is not None:
        baseline = run.baseline()
        parts.append(f"<div>Accuracy {baseline.acc:.1%}, chance {baseline.chance:.0%}.</div>")
        if baseline.complaint:
            parts.append(f"<div><b>{html.escape(baseline.complaint)}</b></div>")
        parts.append(_table(run.neurons(SHOWN)))
    if run.folder.evaluation() is not None:
        effects = run.effects()
        columns = ["method", "k", "direction", "ratio", "rac", "heldout_rac", "random_rac", "verdict"]
        parts.append(_table(effects.loc[effects["k"] == effects["k"].max(), columns]))
    return "".join(parts)


def _table(frame: pd.DataFrame) -> str:
    text: Any = frame.to_html(index=False, border=0, na_rep="", float_format=lambda value: f"{value:.3g}")
    return str(text)
