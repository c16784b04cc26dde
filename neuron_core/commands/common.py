"""What several commands do: read a task, make a run, carry it out."""

import os
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from neuron_core.collector import importing
from neuron_core.engine.cluster_options import ClusterOptions
from neuron_core.engine.engines import Engines, engines_for
from neuron_core.errors import NeuronCoreError, RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.reports import text
from neuron_core.reports.recipes.run import PROGRAM
from neuron_core.runs.config import RunConfig
from neuron_core.runs.repair import repair, verify
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from neuron_core.terminal import progress_bars, say, stage_bars, stage_line

if TYPE_CHECKING:
    from neuron_core.engine.engine import Engine
    from neuron_core.tasks.load import TaskReading


def read_task(config: RunConfig) -> "TaskReading":
    """Reads the task before a model is loaded, so that a mistake in it is found at once. Prints how many rows are
    rejected.
    """
    from neuron_core.qatt.draws import draw
    from neuron_core.qatt.prompt import check_wording
    from neuron_core.tasks.load import load_task

    reading = load_task(config.task)
    if reading.rejected:
        say(text.rejected_text(reading), style="yellow")
    n_evaluation = config.evaluation.examples if config.evaluation else 0
    draws = draw(reading.task, config.attribution.examples, n_evaluation, config.seed, config.prompt.demonstration)
    check_wording(reading.task, (*draws.attribution, *draws.evaluation), config.seed, config.prompt)
    return reading


def check_unchanged(run: RunFolder, wanted: RunConfig) -> None:
    """RunError if the task file no longer gives the questions of this run. Called before the run's evaluation is
    replaced.
    """
    from neuron_core.runs.questions import make_setting, what_changed

    before = run.setting()
    if before is None:
        return
    made = make_setting(wanted, before.model)
    if made.attribution != before.attribution:
        raise RunError(what_changed(wanted, before, made), where=run.id, accepted="a new run")


def new_run(config: RunConfig, out: Path | None, cluster: ClusterOptions | None = None) -> RunFolder:
    """Makes a run in the store, or at `out`, and carries it out. If it fails before anything was computed, its folder
    is removed.
    """
    existed = out is not None and out.exists()
    run = Store().create(config, out and out.absolute())
    try:
        with run.taken():
            carry_through(run, cluster)
    except NeuronCoreError as error:
        if run.scored():
            error.add_note(f"Run {run_name(run)}: what was finished is kept.")
        else:
            # A second try finds the folder free.
            shutil.rmtree(run.path)
            if existed:
                run.path.mkdir()
        raise
    return run


def is_finished(run: RunFolder) -> bool:
    """Whether nothing is missing or damaged. Such a run can be read without its task file and its model."""
    return not verify(run) and run.status().state == "done"


def finish(run: RunFolder, cluster: ClusterOptions | None = None) -> None:
    """Sets damaged files aside and computes what is missing."""
    repair(run)
    if not is_finished(run):
        carry_through(run, cluster)


def carry_through(run: RunFolder, cluster: ClusterOptions | None = None) -> None:
    """Carries out a run in this process or on a cluster, with progress bars."""
    engines: Engines | None = None
    try:
        # The import takes seconds, and Ctrl-C may be pressed meanwhile.
        from neuron_core.engine.execute import execute

        engines = engines_for(cluster)
        engine_for = engines.engine
        with progress_bars() as progress:
            execute(
                run,
                lambda say: engine_for(run.config().model, say),
                other_engine=engine_for,
                on_progress=stage_bars(progress),
            )
        setting = run.setting()
        for note in setting.model.notes if setting else ():
            say(f"Note: {note}.", style="yellow")
    except KeyboardInterrupt:
        say(f"Stopped. What was finished is kept: {PROGRAM} resume --run {run_name(run)} goes on.")
        raise
    finally:
        if engines is not None:
            engines.close()


def load_engine(spec: ModelSpec) -> "Engine":
    """Loads the model of a command that makes no run."""
    with stage_line() as on_stage:
        with importing():
            from neuron_core.engine.engine import Engine

        return Engine(spec, on_stage=on_stage)


def run_name(run: RunFolder) -> str:
    """What --run takes for this run, from any folder."""
    path = run.path.resolve()
    return run.id if path == (Store().root / run.id).resolve() else shlex.quote(str(path))


def task_name(task: str) -> str:
    """The name of a bundled task, or an absolute path, so that a run finds its file from any folder."""
    from neuron_core.tasks.load import bundled_tasks

    return task if task in bundled_tasks() else absolute(task)


def model_spec(model: str, revision: str | None = None) -> ModelSpec:
    """The model that the options name."""
    return with_absolute_paths(ModelSpec(model, revision))


def with_absolute_paths(spec: ModelSpec) -> ModelSpec:
    """The same model. Its paths are absolute, so that a run finds its files from any folder. ModelError for a revision
    of what is no hub model: it would have no effect.
    """
    spec.check_revision()
    return replace(
        spec,
        source=spec.source if spec.is_embedded else absolute(spec.source),
        adapter=spec.adapter and absolute(spec.adapter),
        architecture=spec.architecture and absolute(spec.architecture),
    )


def absolute(name: str) -> str:
    """The absolute path of an existing file or folder; any other name, for instance a hub id, unchanged."""
    path = os.path.expanduser(name)
    return os.path.abspath(path) if os.path.exists(path) else name
