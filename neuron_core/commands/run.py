"""Commands that ask a model: baseline, attribute, evaluate, resume, demo."""

import time
from contextlib import nullcontext
from dataclasses import replace
from typing import Annotated

import typer

from neuron_core.commands.cluster import ClusterGroup
from neuron_core.commands.common import (
    check_unchanged,
    finish,
    is_finished,
    load_engine,
    model_spec,
    new_run,
    read_task,
    task_name,
)
from neuron_core.commands.groups import with_groups
from neuron_core.commands.options import (
    AsJson,
    AttributionOptions,
    EvaluationExamples,
    EvaluationOptions,
    Model,
    ModelOptions,
    OutDir,
    Proxies,
    Run,
    Seed,
    Task,
)
from neuron_core.commands.wording import USUAL_WORDING, WordingOptions
from neuron_core.models.spec import EMBEDDED
from neuron_core.qatt.proxies import SHUFFLES
from neuron_core.reports import results, text
from neuron_core.runs.config import EvaluationConfig, RunConfig
from neuron_core.runs.demo import demo_config, short_demo_config
from neuron_core.runs.store import Store
from neuron_core.terminal import emit, progress_bars


@with_groups
def baseline(
    model: ModelOptions,
    task: Task = "sentiment",
    examples: EvaluationExamples = 100,
    proxies: Proxies = SHUFFLES,
    seed: Seed = 0,
    wording: WordingOptions = USUAL_WORDING,
    as_json: AsJson = False,
) -> None:
    """Measures accuracy, comprehension and use of letters of the unmodified model, on the questions of `evaluate`."""
    from neuron_core.runs.questions import make_setting

    evaluation = EvaluationConfig(examples=examples, proxies=proxies)
    config = RunConfig(task_name(task), model.spec(), seed, wording.config(), evaluation=evaluation)
    reading = read_task(config)
    engine = load_engine(config.model)
    setting = make_setting(config, engine.facts())
    with progress_bars() as progress:
        asked = engine.baseline(setting.evaluation)
        letters = list(progress.track(asked, total=len(setting.evaluation), description="baseline"))
    emit({**results.baseline(setting, letters, seed), **results.rejected(reading)}, as_json, text.baseline_text)


@with_groups
def attribute(
    model: ModelOptions,
    attribution: AttributionOptions,
    cluster: ClusterGroup,
    task: Task = "sentiment",
    seed: Seed = 0,
    wording: WordingOptions = USUAL_WORDING,
    out: OutDir = None,
    as_json: AsJson = False,
) -> None:
    """Finds the good and bad neurons of a task; the result is a run folder."""
    config = RunConfig(task_name(task), model.spec(), seed, wording.config(), attribution.config())
    where, reading = cluster.options(), read_task(config)
    run = new_run(config, out, where)
    emit({**results.attribution(run), **results.rejected(reading)}, as_json, text.attribution_text)


@with_groups
def evaluate(run: Run, options: EvaluationOptions, cluster: ClusterGroup, as_json: AsJson = False) -> None:
    """Evaluates enhancer and degrader over budgets and ratios, with random sets. Replaces the last evaluation."""
    evaluation, where = options.config(), cluster.options()
    folder = Store().open(run)
    config = folder.config()
    wanted = replace(config, evaluation=evaluation)
    if wanted == config and is_finished(folder):
        emit(results.evaluation(folder), as_json, text.evaluation_text)
        return
    # Config, units and result are handled under one lock, so that the result printed is the one asked for.
    with folder.taken():
        if wanted != folder.config():
            read_task(wanted)
            check_unchanged(folder, wanted)
            folder.set_evaluation(wanted)
        else:
            folder.drop_pending()
        finish(folder, where)
        emit(results.evaluation(folder), as_json, text.evaluation_text)


@with_groups
def resume(run: Run, cluster: ClusterGroup, as_json: AsJson = False) -> None:
    """Carries out the rest of a run that was stopped. What it finished is not computed again."""
    where = cluster.options()
    folder = Store().open(run)
    finished = is_finished(folder)
    with nullcontext() if finished else folder.taken():
        if not finished:
            finish(folder, where)
        if folder.config().evaluation is None:
            emit(results.attribution(folder), as_json, text.attribution_text)
        else:
            emit(results.evaluation(folder), as_json, text.evaluation_text)


def demo(
    model: Model = EMBEDDED,
    whole: Annotated[
        bool, typer.Option("--whole", help="All budgets and three random sets, as the demo of the app has them.")
    ] = False,
    out: OutDir = None,
    as_json: AsJson = False,
) -> None:
    """Shows questions, baseline, neurons and interventions of a bundled task in one go."""
    began, config = time.monotonic(), demo_config if whole else short_demo_config
    run = new_run(config(model_spec(model)), out)
    emit(results.demo(run, time.monotonic() - began), as_json, text.demo_text)
