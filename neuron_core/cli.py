"""The command line. Results on standard output, progress and errors on standard error."""

import io
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuron_core.errors import NeuronCoreError, RunError
from neuron_core.models.spec import EMBEDDED, ModelSpec
from neuron_core.runs import report
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig
from neuron_core.runs.demo import demo_config
from neuron_core.runs.recipes import PROGRAM
from neuron_core.runs.store import RunFolder, Store
from neuron_core.terminal import emit, progress_bars, say, stage_bars, stage_line

if TYPE_CHECKING:
    from neuron_core.runs.engine import Engine
    from neuron_core.tasks.load import TaskReading

HELP = "Finds the neurons of a language model that carry a task, and shows what silencing or exciting them does."
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=HELP)

Task = Annotated[str, typer.Option(help="A bundled task, or a .jsonl, .csv or .tsv file.")]
Model = Annotated[
    str, typer.Option(help="'embedded', 'embedded-plain', a hub id, a checkpoint folder, or a .gguf file.")
]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit of a hub model.")]
Dtype = Annotated[str, typer.Option(help="float32, bfloat16, float16 or float64.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the draws and option orders.")]
Run = Annotated[str, typer.Option(help="Id of a run, or the path of its folder.")]
EvaluationExamples = Annotated[int, typer.Option(min=2, help="Examples asked about, three questions each.")]
OutDir = Annotated[Path | None, typer.Option("--out", help="Folder of the new run; it must be empty or absent.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else.")]


@app.command()
def preview(
    task: Task = "sentiment",
    n: Annotated[int, typer.Option(min=1, help="Examples shown, three questions each.")] = 2,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Shows the questions of the first attribution examples. Loads no model."""
    from neuron_core.qatt.draws import draw, questions_of
    from neuron_core.tasks.load import load_task

    reading = load_task(task)
    draws = draw(reading.task, n, 0, seed)
    questions = questions_of(reading.task, draws.attribution, draws.demonstration, seed)
    emit(report.preview(reading, questions), as_json, report.preview_text)


@app.command()
def baseline(
    task: Task = "sentiment",
    examples: EvaluationExamples = 100,
    model: Model = EMBEDDED,
    revision: Revision = None,
    dtype: Dtype = "float32",
    device: Device = "auto",
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Accuracy, comprehension and letter use of the unmodified model, on the questions that `evaluate` asks."""
    from neuron_core.runs.setting import make_setting

    config = RunConfig(_task_name(task), _spec(model, revision, dtype, device), seed)
    config = replace(config, evaluation=EvaluationConfig(examples=examples))
    reading = _read_task(config)
    engine = _engine(config.model)
    setting = make_setting(config, engine.facts())
    with progress_bars() as progress:
        asked = engine.baseline(setting.evaluation)
        letters = list(progress.track(asked, total=len(setting.evaluation), description="baseline"))
    emit({**report.baseline(setting, letters, seed), **report.rejected(reading)}, as_json, report.baseline_text)


@app.command()
def attribute(
    task: Task = "sentiment",
    examples: Annotated[int, typer.Option(min=1, help="tr of Eq. 5, three questions each.")] = 5,
    model: Model = EMBEDDED,
    revision: Revision = None,
    dtype: Dtype = "float32",
    device: Device = "auto",
    steps: Annotated[int, typer.Option("--steps", "-m", min=1, help="m of Eq. 1.")] = 16,
    rule: Annotated[str, typer.Option(help="right, midpoint or gauss-legendre.")] = "right",
    z: Annotated[int | None, typer.Option(min=1, help="Neurons kept at either end; by the model's size.")] = None,
    k: Annotated[int | None, typer.Option(min=1, help="Neurons shown of either kind; by the model's size.")] = None,
    seed: Seed = 0,
    out: OutDir = None,
    as_json: AsJson = False,
) -> None:
    """Finds the good and bad neurons of a task; the result is a run folder."""
    config = RunConfig(
        task=_task_name(task),
        model=_spec(model, revision, dtype, device),
        seed=seed,
        attribution=AttributionConfig(steps=steps, rule=rule, examples=examples, z=z, k=k),
    )
    reading = _read_task(config)
    run = _new_run(config, out)
    emit({**report.attribution(run), **report.rejected(reading)}, as_json, report.attribution_text)


@app.command()
def evaluate(
    run: Run,
    k: Annotated[str, typer.Option("--k", help="Budgets, separated by commas.")] = "10,25,50,100",
    examples: EvaluationExamples = 100,
    random_seeds: Annotated[int, typer.Option(min=0, help="Random control sets; 0 leaves them out.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Enhancer and degrader over budgets and ratios, beside random neurons; replaces the run's last evaluation."""
    try:
        ks = tuple(int(part) for part in k.split(","))
    except ValueError:
        raise typer.BadParameter("whole numbers separated by commas, for instance 10,25,50", param_hint="--k") from None
    folder = Store().open(run)
    config = folder.config()
    wanted = replace(config, evaluation=EvaluationConfig(examples=examples, ks=ks, random_seeds=random_seeds))
    if wanted != config:
        _read_task(wanted)
        _check_unchanged(folder, wanted)
        with folder.held():
            folder.set_evaluation(wanted)
    _finish(folder)
    emit(report.evaluation(folder), as_json, report.evaluation_text)


@app.command()
def resume(run: Run, as_json: AsJson = False) -> None:
    """Carries a run that was stopped to its end; what it finished is not computed again."""
    folder = Store().open(run)
    _finish(folder)
    if folder.config().evaluation is None:
        emit(report.attribution(folder), as_json, report.attribution_text)
    else:
        emit(report.evaluation(folder), as_json, report.evaluation_text)


@app.command()
def demo(model: Model = EMBEDDED, out: OutDir = None, as_json: AsJson = False) -> None:
    """Questions, baseline, neurons and interventions of a bundled task in one go."""
    began = time.monotonic()
    run = _new_run(demo_config(_spec(model)), out)
    emit(report.demo(run, time.monotonic() - began), as_json, report.demo_text)


@app.command()
def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Fewer questions and layers.")] = False,
    model: Model = EMBEDDED,
    dtype: Dtype = "float32",
    device: Device = "auto",
    shape: Annotated[
        str | None, typer.Option(help="Random weights in place of a model: llama-2-7b, llama-2-13b.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fast against reference attribution, and the grid against the baseline pass, in one run."""
    if shape and model != EMBEDDED:
        raise typer.BadParameter("it takes the place of --model", param_hint="--shape")
    with stage_line() as on_stage:
        from neuron_core.bench import bench_text, run_bench

        result = run_bench(_spec(model, None, dtype, device), quick=quick, on_stage=on_stage, shape=shape)
    emit(result, as_json, bench_text)


@app.command()
def models(as_json: AsJson = False) -> None:
    """Lists the supported architectures. Loads no model."""
    from neuron_core.models.listing import listing, listing_text

    emit(listing(), as_json, listing_text)


@app.command()
def validate(
    file: Annotated[str, typer.Argument(help="A file of examples, or hub:ID.")],
    kind: Annotated[str | None, typer.Option(help="The task kind; without it, the one that the columns fit.")] = None,
    mapping: Annotated[
        str, typer.Option("--map", help="Columns, as in text=review,label=stars or choices=A+B+C+D.")
    ] = "",
    labels: Annotated[str | None, typer.Option(help="The only labels allowed, separated by commas.")] = None,
    answers: Annotated[str | None, typer.Option(help="text, letter, index0 or index1.")] = None,
    format: Annotated[str | None, typer.Option(help="The file format, where its ending does not say it.")] = None,
    encoding: Annotated[str | None, typer.Option(help="The text's encoding, where it is not UTF-8.")] = None,
    rejected: Annotated[Path | None, typer.Option(help="Write the rejected rows to this CSV file.")] = None,
    good: Annotated[Path | None, typer.Option(help="Write the good rows to this JSONL file, for --task.")] = None,
    as_json: AsJson = False,
) -> None:
    """Checks every row of a file and says which are examples and why others are not."""
    from neuron_core.tasks.load import read_checked
    from neuron_core.tasks.mapping import parse_mapping
    from neuron_core.tasks.reading import NoGoodRow, examples_jsonl, rejected_csv, report, report_text, write_file

    columns = parse_mapping(mapping) if mapping else None
    allowed = labels.split(",") if labels is not None else None
    try:
        reading = read_checked(file, kind, columns, labels=allowed, answers=answers, format=format, encoding=encoding)
    except NoGoodRow as error:
        if rejected:
            write_file(rejected, rejected_csv(error.rejected))
        raise
    if rejected:
        write_file(rejected, rejected_csv(reading.rejected))
    if good:
        write_file(good, examples_jsonl(reading.task))
    emit(report(reading), as_json, report_text)


@app.command(hidden=True)
def worker(store: Annotated[Path | None, typer.Option()] = None) -> None:
    """Serves an app: requests on standard input, replies on standard output."""
    from neuron_core.runs.worker import main as serve

    serve(["--store", str(store)] if store else [])


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0; 1 and one line on standard error for what a user can act on; 2 wrong usage; 130 Ctrl-C."""
    # Read when huggingface_hub is imported: it would warn of every attempt, and the error says it all.
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    # Read when torch is imported: threads that spin while they wait are many times slower on a busy machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A dataset may have characters that the terminal has not.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app(arguments, prog_name=PROGRAM)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except (NeuronCoreError, OSError) as error:
        said = " ".join([str(error), *getattr(error, "__notes__", ())])
        say(f"Error: {' '.join(said.split())}", style="red")
        return 1
    return 0


def _read_task(config: RunConfig) -> "TaskReading":
    """The task, before a model is loaded: a mistake in it is found at once. Rows left out are said."""
    from neuron_core.qatt.draws import draw
    from neuron_core.tasks.load import load_task

    reading = load_task(config.task)
    if reading.rejected:
        say(report.rejected_text(reading), style="yellow")
    n_evaluation = config.evaluation.examples if config.evaluation else 0
    draw(reading.task, config.attribution.examples, n_evaluation, config.seed)
    return reading


def _check_unchanged(run: RunFolder, wanted: RunConfig) -> None:
    """Before an evaluation is dropped for another one that the task file does not allow."""
    from neuron_core.runs.setting import make_setting

    before = run.setting()
    if before is not None and make_setting(wanted, before.model).attribution != before.attribution:
        raise RunError("the task file changed since this run began", where=run.id, accepted="a new run")


def _new_run(config: RunConfig, out: Path | None) -> RunFolder:
    existed = out is not None and out.exists()
    run = Store().create(config, out and out.absolute())
    try:
        _execute(run)
    except NeuronCoreError as error:
        if run.scored():
            error.add_note(f"Run {_name(run)}: what was finished is kept.")
        else:
            # Nothing was computed: a second try finds the folder free.
            shutil.rmtree(run.path)
            if existed:
                run.path.mkdir()
        raise
    return run


def _finish(run: RunFolder) -> None:
    """Executes what is missing; a finished run needs neither its task file nor its model."""
    evaluated = run.config().evaluation is None or run.evaluation() is not None
    if not (run.status().state == "done" and run.ranking() is not None and evaluated):
        _execute(run)


def _execute(run: RunFolder) -> None:
    def engine_for(on_stage: Callable[[str], None]) -> "Engine":
        from neuron_core.runs.engine import Engine

        return Engine(run.config().model, on_stage=on_stage)

    try:
        # It takes seconds, in which Ctrl-C may come.
        from neuron_core.runs.execute import execute

        with progress_bars() as progress:
            execute(run, engine_for, on_progress=stage_bars(progress))
    except KeyboardInterrupt:
        say(f"Stopped. What was finished is kept: {PROGRAM} resume --run {_name(run)} goes on.")
        raise


def _engine(spec: ModelSpec) -> "Engine":
    with stage_line() as on_stage:
        from neuron_core.runs.engine import Engine

        return Engine(spec, on_stage=on_stage)


def _name(run: RunFolder) -> str:
    """What --run takes, from any folder."""
    path = run.path.resolve()
    return run.id if path == (Store().root / run.id).resolve() else shlex.quote(str(path))


def _task_name(task: str) -> str:
    from neuron_core.tasks.load import bundled_tasks

    return task if task in bundled_tasks() else _absolute(task)


def _spec(model: str, revision: str | None = None, dtype: str = "float32", device: str = "auto") -> ModelSpec:
    spec = ModelSpec(model, revision, dtype, device)
    return spec if spec.is_embedded else replace(spec, source=_absolute(model))


def _absolute(name: str) -> str:
    """A run must find its files from any folder; a name that is no path here stays."""
    path = os.path.expanduser(name)
    return os.path.abspath(path) if os.path.exists(path) else name
