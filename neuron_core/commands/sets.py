"""Neuron sets as files: saved from a run, and tried on any task of the same model."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from neuron_core.cni.sets import set_of, to_json
from neuron_core.commands.common import new_run, read_task, task_name
from neuron_core.commands.groups import with_groups
from neuron_core.commands.options import (
    AsJson,
    ModelOptions,
    OutDir,
    Run,
    Seed,
    Task,
    TrialOptions,
)
from neuron_core.commands.outputs import check_output
from neuron_core.commands.wording import USUAL_WORDING, WordingOptions
from neuron_core.errors import RunError
from neuron_core.reports import results, text
from neuron_core.runs.config import AttributionConfig, RunConfig, SetUse
from neuron_core.runs.store import Store
from neuron_core.tasks.export import write_file
from neuron_core.terminal import emit


def save_neurons(
    run: Run,
    out: Annotated[Path, typer.Option(help="The JSON file to write.")],
    k: Annotated[
        int | None,
        typer.Option(min=1, help="How many good and how many bad neurons are saved; by default the run's K."),
    ] = None,
    method: Annotated[str | None, typer.Option(help="One of the run's methods; by default the first.")] = None,
    as_json: AsJson = False,
) -> None:
    """Writes the neurons of a run to a file that other runs, programs and people can read."""
    check_output(out, "--out")
    folder = Store().open(run)
    setting, ranking = folder.setting(), folder.ranking(method)
    methods = folder.config().attribution.methods
    if setting is None or ranking is None:
        raise RunError(
            "the run has no neurons of this method",
            where=folder.id,
            accepted=f"a finished attribution by {', '.join(methods)}",
        )
    found = set_of(
        ranking,
        k or setting.k,
        name=out.stem,
        task=setting.task_name,
        method=method or methods[0],
        model=setting.model,
        config=asdict(folder.config()),
    )
    write_file(out.expanduser(), to_json(found).encode())
    counts = {role: sum(one.role == role for one in found.neurons) for role in ("good", "bad")}
    emit({"file": str(out), **counts}, as_json, lambda r: f"{r['good']} good and {r['bad']} bad neurons in {r['file']}")


@with_groups
def try_neurons(
    files: Annotated[list[Path], typer.Argument(help="Neuron sets, as `save-neurons` writes them.")],
    model: ModelOptions,
    trial: TrialOptions,
    task: Task = "sentiment",
    seed: Seed = 0,
    wording: WordingOptions = USUAL_WORDING,
    out: OutDir = None,
    as_json: AsJson = False,
) -> None:
    """Evaluates enhancer and degrader on a task with neurons that were found elsewhere. The result is a run."""
    config = RunConfig(
        task=task_name(task),
        model=model.spec(),
        seed=seed,
        prompt=wording.config(),
        # As in the task's own run, the attribution examples are not evaluated, so the same questions are asked.
        attribution=AttributionConfig(methods=()),
        evaluation=trial.config(),
        sets=tuple(SetUse(str(file.absolute()), file.stem) for file in files),
    )
    read_task(config)
    emit(results.evaluation(new_run(config, out)), as_json, text.evaluation_text)
