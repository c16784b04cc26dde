"""Runs from Python, results first: what `neuron_core.run`, `open` and `runs` give. Loads torch only to compute."""

import html
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import pandas as pd
import plotly.graph_objects as go

from neuron_core.analysis.answers import answers, chosen_ratios
from neuron_core.analysis.effects import effects_table
from neuron_core.analysis.layers import layer_counts, neuron_rows
from neuron_core.analysis.task_layers import score_map
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.commands.common import check_unchanged, is_finished, read_task, task_name
from neuron_core.commands.common import spec as spec_of
from neuron_core.control.results import Baseline, Evaluation
from neuron_core.errors import ConfigError, NeuronCoreError, RunError
from neuron_core.figures.baseline import letter_bars
from neuron_core.figures.control import budget_curves, ratio_curves
from neuron_core.figures.layers import completeness_bars, layer_heatmap, layer_score_bars
from neuron_core.figures.points import Metric
from neuron_core.figures.question import answer_bars
from neuron_core.figures.score_map import score_heatmap
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig
from neuron_core.runs.demo import demo_folders
from neuron_core.runs.repair import repair
from neuron_core.runs.results import Attribution, read_attribution, read_evaluated
from neuron_core.runs.setting import Setting
from neuron_core.runs.store import RunFolder, RunStatus, Store
from neuron_core.terminal import errors, progress_bars, stage_bars

if TYPE_CHECKING:
    from neuron_core.engine.engine import Engine

Figure = Literal["layers", "scores", "map", "gaps", "letters", "control", "budgets", "question"]
FIGURES: tuple[str, ...] = get_args(Figure)
SHOWN = 5
"neurons of either role in the table that a notebook shows"
Watch = Callable[[RunStatus], None]
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
        setting, ranking = self._attributed(method)
        rows = [asdict(row) for row in neuron_rows(ranking.cut(_budget(k, setting)))]
        return pd.DataFrame(rows, columns=["role", "layer", "index", "score"])

    def effects(self) -> pd.DataFrame:
        """What doubling and silencing does: a row for each method, budget and direction, at the best of its ratios.

        Columns acc, com (shares, before and under), rac, rcc (percent, positive in the intended direction) with 95%
        intervals, their held-out values, and the mean of the random sets. RunError before the evaluation is finished.
        """
        return effects_table(self._evaluation())

    def baseline(self) -> Baseline:
        """The unmodified model: on the evaluation questions, or on the attribution questions where there are none."""
        evaluation = self.folder.evaluation()
        return evaluation.baseline if evaluation is not None else self._attribution().baseline

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
        if name not in FIGURES:
            raise ConfigError(f"no figure is called {name!r}", accepted=", ".join(FIGURES))
        if name in ("layers", "scores", "map"):
            setting, ranking = self._attributed(method)
            if name == "scores":
                return layer_score_bars(ranking)
            if name == "map":
                return score_heatmap(score_map(ranking))
            budget = _budget(k, setting)
            return layer_heatmap(layer_counts(ranking.cut(budget), ranking.n_layers), budget)
        if name == "gaps":
            gaps = self._attribution().gaps
            return completeness_bars(gaps.mean, gaps.spread)
        if name == "letters":
            return letter_bars(self.baseline())
        evaluation = self._evaluation()
        source = method or evaluation.best[0].source
        if name == "budgets":
            return budget_curves(evaluation, "best", metric, source)
        budget = max(row.k for row in evaluation.grid) if k is None else k
        if name == "control":
            return ratio_curves(evaluation, budget, metric, source)
        return self._question(evaluation, question, budget)

    def evaluate(
        self,
        examples: int = 50,
        k: Sequence[int] = (10, 25, 50, 100),
        *,
        config: EvaluationConfig | None = None,
        progress: bool = True,
    ) -> "Run":
        """Tries the run's neurons on this many examples at these budgets, in place of its last evaluation.

        config: every setting of an evaluation; takes the place of examples and k.
        """
        wanted = replace(self.config, evaluation=config or EvaluationConfig(examples=examples, ks=tuple(k)))
        self._attributed(None)
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
            _finish(self.folder, progress)
        return self

    def resume(self, progress: bool = True) -> "Run":
        """Carries on a run that was stopped; what it finished is not computed again."""
        if not is_finished(self.folder):
            with self.folder.taken():
                _finish(self.folder, progress)
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

    def _attributed(self, method: str | None) -> tuple[Setting, NeuronRanking]:
        methods = self.config.attribution.methods
        if method is not None and method not in methods:
            raise ConfigError(f"the run has no method {method!r}", where=self.id, accepted=", ".join(methods))
        setting, ranking = self.folder.setting(), self.folder.ranking(method)
        if setting is None or ranking is None:
            raise RunError("the attribution is not finished", where=self.id, accepted="run.resume()")
        return setting, ranking

    def _attribution(self) -> Attribution:
        found = read_attribution(self.folder)
        if found is None:
            raise RunError("the attribution is not finished", where=self.id, accepted="run.resume()")
        return found

    def _evaluation(self) -> Evaluation:
        found = self.folder.evaluation()
        if found is None:
            raise RunError("the run has no finished evaluation", where=self.id, accepted="run.evaluate(50)")
        return found

    def _question(self, evaluation: Evaluation, question: int | str, k: int) -> go.Figure:
        found = read_evaluated(self.folder)
        if found is None:
            raise RunError("the run has no finished evaluation", where=self.id, accepted="run.evaluate(50)")
        ids = found.probabilities.question_ids
        number = ids.index(question) if isinstance(question, str) and question in ids else question
        if not isinstance(number, int) or not 0 <= number < len(ids):
            raise ConfigError(
                f"there is no question {question!r}", where=self.id, accepted=f"0 to {len(ids) - 1}, or an id: {ids[0]}"
            )
        shown = found.questions[number]
        labels = [f"{option.letter}. {option.text}" for option in shown.options]
        ratios = chosen_ratios(evaluation, k)
        if not ratios:
            budgets = sorted({row.k for row in evaluation.grid})
            raise ConfigError(f"K = {k} was not evaluated", where=self.id, accepted=", ".join(map(str, budgets)))
        return answer_bars(answers(found.probabilities, found.plan, number, k, ratios), shown.target, labels)


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
        model=model if isinstance(model, ModelSpec) else spec_of(model),
        seed=seed,
        attribution=AttributionConfig(methods=tuple(methods), examples=examples),
        evaluation=None if evaluate is None else EvaluationConfig(examples=evaluate, ks=tuple(k)),
    )


def run(config: RunConfig, progress: bool = True) -> Run:
    """A new run in the store, carried out. Where nothing was computed no folder is left."""
    read_task(config)
    folder = Store().create(config)
    try:
        with folder.taken():
            _carry_out(folder, progress)
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


def _finish(folder: RunFolder, progress: bool) -> None:
    """Sets aside what is damaged, and executes what is missing; the caller has taken the run."""
    repair(folder)
    if not is_finished(folder):
        _carry_out(folder, progress)


def _carry_out(folder: RunFolder, progress: bool) -> None:
    from neuron_core.engine.execute import execute

    with _progress(progress) as watch:
        execute(
            folder,
            lambda say: _engine(folder.config().model, say),
            other_engine=_engine,
            on_progress=watch,
        )


def _engine(spec: ModelSpec, say: Callable[[str], None]) -> "Engine":
    """The kept engine if it has this model, else another in its place: two models at once may be more than fits."""
    from neuron_core.engine.engine import Engine

    if not _loaded or _loaded[0][0] != spec:
        unload()
        _loaded.append((spec, Engine(spec, on_stage=say)))
    return _loaded[0][1]


@contextmanager
def _progress(wanted: bool) -> Iterator[Watch | None]:
    """A line that is drawn anew in a notebook, bars on a terminal, nothing where output goes elsewhere."""
    if not wanted:
        yield None
    elif errors.is_jupyter:
        yield _notebook_line()
    else:
        with progress_bars() as bars:
            yield stage_bars(bars)


def _notebook_line() -> Watch:
    from IPython.display import HTML, display

    shown = display(HTML(""), display_id=True)

    def show(status: RunStatus) -> None:
        shown.update(HTML(_status_html(status)))

    return show


def _status_html(status: RunStatus) -> str:
    """One line: the stage, a bar where its length is known, the count and the time left."""
    if status.state in ("done", "cancelled", "failed"):
        return f"<div>{html.escape(status.state)}</div>"
    stage = html.escape(status.message or status.stage)
    if not status.total:
        return f"<div>{stage} …</div>"
    left = "" if status.eta_s is None else f", about {status.eta_s:.0f} s left"
    bar = f'<progress value="{status.done}" max="{status.total}"></progress>'
    return f"<div>{stage} {bar} {status.done} of {status.total}{left}</div>"


def _budget(k: int | None, setting: Setting) -> int:
    if k is not None and k < 1:
        raise ConfigError(f"k is {k}", accepted="1 or more")
    return setting.k if k is None else k


def _summary(run: Run) -> str:
    setting = run.folder.setting()
    task = setting.task_name if setting else run.config.task
    model = setting.model.title if setting else run.config.model.title
    head = f"<b>{html.escape(run.id)}</b>: {html.escape(task)}, {html.escape(model)}, {html.escape(run.state)}"
    parts = [f"<div>{head}</div>"]
    if run.folder.ranking() is not None:
        baseline = run.baseline()
        parts.append(f"<div>Accuracy {baseline.acc:.1%}, chance 25%.</div>")
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
