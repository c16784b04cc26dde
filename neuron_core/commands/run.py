"""Commands that ask a model: baseline, attribute, evaluate, resume, demo."""

import time
from contextlib import nullcontext
from dataclasses import replace
from typing import Annotated, cast

import typer

from neuron_core.cni.selection import DROP
from neuron_core.commands.common import (
    check_unchanged,
    finish,
    is_finished,
    load_engine,
    new_run,
    read_task,
    spec,
    task_name,
)
from neuron_core.commands.options import (
    AsJson,
    Device,
    DeviceMap,
    Dtype,
    EvaluationExamples,
    Methods,
    Model,
    OutDir,
    Proxies,
    Revision,
    Run,
    Seed,
    Task,
    TrustRemoteCode,
)
from neuron_core.commands.wording import with_wording
from neuron_core.control.interventions import EXCITE, Silence
from neuron_core.models.spec import EMBEDDED
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.qatt.proxies import SHUFFLES
from neuron_core.reports import text as report
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig
from neuron_core.runs.demo import demo_config
from neuron_core.runs.store import Store
from neuron_core.terminal import emit, progress_bars


@with_wording
def baseline(
    task: Task = "sentiment",
    examples: EvaluationExamples = 100,
    proxies: Proxies = SHUFFLES,
    model: Model = EMBEDDED,
    revision: Revision = None,
    dtype: Dtype = "float32",
    device: Device = "auto",
    device_map: DeviceMap = None,
    trust_remote_code: TrustRemoteCode = False,
    seed: Seed = 0,
    prompt: PromptConfig = USUAL,
    as_json: AsJson = False,
) -> None:
    """Accuracy, comprehension and letter use of the unmodified model, on the questions that `evaluate` asks."""
    from neuron_core.runs.setting import make_setting

    config = RunConfig(
        task_name(task), spec(model, revision, dtype, device, device_map, trust_remote_code), seed, prompt
    )
    config = replace(config, evaluation=EvaluationConfig(examples=examples, proxies=proxies))
    reading = read_task(config)
    engine = load_engine(config.model)
    setting = make_setting(config, engine.facts())
    with progress_bars() as progress:
        asked = engine.baseline(setting.evaluation)
        letters = list(progress.track(asked, total=len(setting.evaluation), description="baseline"))
    emit({**report.baseline(setting, letters, seed), **report.rejected(reading)}, as_json, report.baseline_text)


@with_wording
def attribute(
    task: Task = "sentiment",
    examples: Annotated[int, typer.Option(min=1, help="tr of Eq. 5, three questions each; four with rotations.")] = 5,
    methods: Methods = "ace",
    model: Model = EMBEDDED,
    revision: Revision = None,
    dtype: Dtype = "float32",
    device: Device = "auto",
    device_map: DeviceMap = None,
    trust_remote_code: TrustRemoteCode = False,
    steps: Annotated[int, typer.Option("--steps", "-m", min=1, help="m of Eq. 1.")] = 16,
    rule: Annotated[str, typer.Option(help="right, midpoint or gauss-legendre.")] = "right",
    z: Annotated[int | None, typer.Option(min=1, help="Neurons kept at either end; by the model's size.")] = None,
    k: Annotated[int | None, typer.Option(min=1, help="Neurons shown of either kind; by the model's size.")] = None,
    proxies: Proxies = SHUFFLES,
    ambiguous: Annotated[
        str, typer.Option(help="drop: neurons good in one example and bad in another score 0 (Eq. 5); keep: their sum.")
    ] = DROP,
    seed: Seed = 0,
    prompt: PromptConfig = USUAL,
    out: OutDir = None,
    as_json: AsJson = False,
) -> None:
    """Finds the good and bad neurons of a task; the result is a run folder."""
    config = RunConfig(
        task=task_name(task),
        model=spec(model, revision, dtype, device, device_map, trust_remote_code),
        seed=seed,
        prompt=prompt,
        attribution=AttributionConfig(
            methods=tuple(methods.split(",")),
            steps=steps,
            rule=rule,
            examples=examples,
            z=z,
            k=k,
            proxies=proxies,
            ambiguous=ambiguous,
        ),
    )
    reading = read_task(config)
    run = new_run(config, out)
    emit({**report.attribution(run), **report.rejected(reading)}, as_json, report.attribution_text)


def evaluate(
    run: Run,
    k: Annotated[str, typer.Option("--k", help="Budgets, separated by commas.")] = "10,25,50,100",
    examples: EvaluationExamples = 100,
    random_seeds: Annotated[int, typer.Option(min=0, help="Random control sets; 0 leaves them out.")] = 5,
    position: Annotated[
        str, typer.Option(help="last: neurons are scaled at the last prompt token; all: at every token, far slower.")
    ] = "last",
    sample: Annotated[
        str,
        typer.Option(
            help="natural, balanced (half of the examples comprehended by the model, half not), or comprehended "
            "(by --comprehended-by); the last two ask a model about further examples first."
        ),
    ] = "natural",
    comprehended_by: Annotated[str | None, typer.Option(help="The model that chooses; else the run's own.")] = None,
    methods: Annotated[
        str | None, typer.Option("--methods", help="Of the run's methods, and random; without it all of the run's.")
    ] = None,
    proxies: Proxies = SHUFFLES,
    excite: Annotated[float, typer.Option(help="Factor of excited neurons, as 1.5, 2, 3 or 5.")] = EXCITE,
    silence: Annotated[
        str, typer.Option(help="What silenced neurons are set to: zero, or mean (over the evaluation prompts).")
    ] = "zero",
    as_json: AsJson = False,
) -> None:
    """Enhancer and degrader over budgets and ratios, beside random neurons; replaces the run's last evaluation."""
    try:
        ks = tuple(int(part) for part in k.split(","))
    except ValueError:
        raise typer.BadParameter("whole numbers separated by commas, for instance 10,25,50", param_hint="--k") from None
    folder = Store().open(run)
    config = folder.config()
    evaluation = EvaluationConfig(
        examples=examples,
        ks=ks,
        random_seeds=random_seeds,
        position=position,
        sample=sample,
        comprehended_by=spec(comprehended_by) if comprehended_by else None,
        methods=tuple(methods.split(",")) if methods else None,
        proxies=proxies,
        excite=excite,
        silence=cast(Silence, silence),
    )
    wanted = replace(config, evaluation=evaluation)
    if wanted == config and is_finished(folder):
        emit(report.evaluation(folder), as_json, report.evaluation_text)
        return
    # Config, units and result under one lock: what is printed is what was asked for.
    with folder.taken():
        if wanted != folder.config():
            read_task(wanted)
            check_unchanged(folder, wanted)
            folder.set_evaluation(wanted)
        else:
            folder.drop_due()
        finish(folder)
        emit(report.evaluation(folder), as_json, report.evaluation_text)


def resume(run: Run, as_json: AsJson = False) -> None:
    """Carries a run that was stopped to its end; what it finished is not computed again."""
    folder = Store().open(run)
    finished = is_finished(folder)
    with nullcontext() if finished else folder.taken():
        if not finished:
            finish(folder)
        if folder.config().evaluation is None:
            emit(report.attribution(folder), as_json, report.attribution_text)
        else:
            emit(report.evaluation(folder), as_json, report.evaluation_text)


def demo(model: Model = EMBEDDED, out: OutDir = None, as_json: AsJson = False) -> None:
    """Questions, baseline, neurons and interventions of a bundled task in one go."""
    began = time.monotonic()
    run = new_run(demo_config(spec(model)), out)
    emit(report.demo(run, time.monotonic() - began), as_json, report.demo_text)
