"""Neuron sets as files: saved from a run, and tried on any task of the same model."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from neuron_core.cni.sets import set_of, to_json
from neuron_core.commands.common import new_run, read_task, spec, task_name
from neuron_core.commands.options import AsJson, Device, Dtype, EvaluationExamples, Model, OutDir, Run, Seed, Task
from neuron_core.commands.wording import with_wording
from neuron_core.errors import RunError
from neuron_core.models.spec import EMBEDDED
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.reports import text as report
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig, SetUse
from neuron_core.runs.files import write_file
from neuron_core.runs.store import Store
from neuron_core.terminal import emit


def save_neurons(
    run: Run,
    out: Annotated[Path, typer.Option(help="The JSON file to write.")],
    k: Annotated[int | None, typer.Option(min=1, help="Good and bad neurons saved of either; the run's K.")] = None,
    method: Annotated[str | None, typer.Option(help="One of the run's methods; the first.")] = None,
    as_json: AsJson = False,
) -> None:
    """Writes the neurons of a run to a file that other runs, programs and people can read."""
    folder = Store().open(run)
    setting, ranking = folder.setting(), folder.ranking(method)
    methods = folder.config().attribution.methods
    if setting is None or ranking is None:
        raise RunError(
            "the run has no such neurons", where=folder.id, accepted=f"a finished attribution by {', '.join(methods)}"
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
    write_file(out, to_json(found).encode())
    counts = {role: sum(one.role == role for one in found.neurons) for role in ("good", "bad")}
    emit({"file": str(out), **counts}, as_json, lambda r: f"{r['good']} good and {r['bad']} bad neurons in {r['file']}")


@with_wording
def try_neurons(
    files: Annotated[list[Path], typer.Argument(help="Neuron sets, as `save-neurons` writes them.")],
    task: Task = "sentiment",
    examples: EvaluationExamples = 100,
    k: Annotated[str, typer.Option("--k", help="Budgets, separated by commas.")] = "10,25,50,100",
    random_seeds: Annotated[int, typer.Option(min=0, help="Random control sets; 0 leaves them out.")] = 5,
    model: Model = EMBEDDED,
    dtype: Dtype = "float32",
    device: Device = "auto",
    seed: Seed = 0,
    prompt: PromptConfig = USUAL,
    out: OutDir = None,
    as_json: AsJson = False,
) -> None:
    """Enhancer and degrader with neurons that were found elsewhere, on this task; the result is a run."""
    try:
        ks = tuple(int(part) for part in k.split(","))
    except ValueError:
        raise typer.BadParameter("whole numbers separated by commas, for instance 10,25,50", param_hint="--k") from None
    config = RunConfig(
        task=task_name(task),
        model=spec(model, None, dtype, device),
        seed=seed,
        prompt=prompt,
        # Its examples stay out of the evaluation, as in the task's own run: the same questions are asked.
        attribution=AttributionConfig(methods=()),
        evaluation=EvaluationConfig(examples=examples, ks=ks, random_seeds=random_seeds),
        sets=tuple(SetUse(str(file.absolute()), file.stem) for file in files),
    )
    read_task(config)
    emit(report.evaluation(new_run(config, out)), as_json, report.evaluation_text)
