"""The command line. Results on standard output, progress and errors on standard error."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from neuron_core.errors import NeuronCoreError
from neuron_core.models.spec import EMBEDDED, ModelSpec
from neuron_core.runs import report
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig
from neuron_core.runs.demo import demo_config
from neuron_core.runs.store import RunFolder, RunStatus, Store

if TYPE_CHECKING:
    from neuron_core.runs.engine import Engine

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
errors = Console(stderr=True)

Task = Annotated[str, typer.Option(help="A bundled task, or a .jsonl, .csv or .tsv file.")]
Model = Annotated[
    str, typer.Option(help="'embedded', 'embedded-plain', a hub id, a checkpoint folder, or a .gguf file.")
]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit of a hub model.")]
Dtype = Annotated[str, typer.Option(help="float32, bfloat16, float16 or float64.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
Seed = Annotated[int, typer.Option(help="Seed of the draws and option orders.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else.")]
OutDir = Annotated[Path | None, typer.Option("--out", help="Folder of the new run; it must be empty or absent.")]


@app.command()
def preview(
    task: Task = "sentiment", n: Annotated[int, typer.Option(min=1)] = 2, seed: Seed = 0, as_json: AsJson = False
) -> None:
    """Shows the proxy questions of the first attribution examples. Loads no model."""
    from neuron_core.qatt.draws import draw, questions_of
    from neuron_core.tasks.load import load_task

    reading = load_task(task)
    draws = draw(reading.task, n, 0, seed)
    questions = questions_of(reading.task, draws.attribution, draws.demonstration, seed)
    _emit(report.preview(reading, questions), as_json, report.preview_text)


@app.command()
def baseline(
    task: Task = "sentiment",
    examples: Annotated[int, typer.Option(min=2)] = 100,
    model: Model = EMBEDDED,
    revision: Revision = None,
    dtype: Dtype = "float32",
    device: Device = "auto",
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Accuracy, comprehension and letter use of the unmodified model."""
    import numpy as np

    from neuron_core.control.metrics import evaluate as metrics_of
    from neuron_core.control.probabilities import OptionProbabilities
    from neuron_core.runs.setting import make_setting

    config = RunConfig(
        task=task,
        model=ModelSpec(model, revision, dtype, device),
        seed=seed,
        evaluation=EvaluationConfig(examples=examples),
    )
    engine = _engine(config.model)
    setting = make_setting(config, engine.facts())
    questions = setting.evaluation
    with _progress() as progress:
        bar = progress.add_task("baseline", total=len(questions))
        values = []
        for row in engine.baseline(questions):
            values.append(row)
            progress.advance(bar)
    order = {name: i for i, name in enumerate(dict.fromkeys(q.example_id for q in questions))}
    probabilities = OptionProbabilities(
        values=np.stack(values)[:, None],
        targets=np.array([q.target for q in questions], dtype=np.int8),
        examples=np.array([order[q.example_id] for q in questions], dtype=np.int32),
        question_ids=tuple(q.id for q in questions),
    )
    _emit(report.baseline(setting, metrics_of(probabilities, [], seed=seed).baseline), as_json, report.baseline_text)


@app.command()
def attribute(
    task: Task = "sentiment",
    examples: Annotated[int, typer.Option(min=1)] = 5,
    model: Model = EMBEDDED,
    revision: Revision = None,
    dtype: Dtype = "float32",
    device: Device = "auto",
    steps: Annotated[int, typer.Option("--steps", "-m", min=1, help="m of Eq. 1.")] = 16,
    rule: Annotated[str, typer.Option(help="right, midpoint or gauss-legendre.")] = "right",
    z: Annotated[int | None, typer.Option(min=1)] = None,
    k: Annotated[int | None, typer.Option(min=1)] = None,
    seed: Seed = 0,
    out: OutDir = None,
    as_json: AsJson = False,
) -> None:
    """Finds the good and bad neurons of a task; the result is a run folder."""
    config = RunConfig(
        task=_absolute(task),
        model=ModelSpec(model, revision, dtype, device),
        seed=seed,
        attribution=AttributionConfig(steps=steps, rule=rule, examples=examples, z=z, k=k),
    )
    run = Store().create(config, out)
    _execute(run)
    _emit(report.attribution(run), as_json, report.attribution_text)


@app.command()
def evaluate(
    run: Annotated[str, typer.Option(help="Id of a run, or the path of its folder.")],
    k: Annotated[str, typer.Option("--k", help="Budgets, separated by commas.")] = "10,25,50,100",
    examples: Annotated[int, typer.Option(min=2)] = 100,
    random_seeds: Annotated[int, typer.Option(min=0, help="Random control sets; 0 leaves them out.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Enhancer and degrader over budgets and ratios, beside random neurons."""
    try:
        ks = tuple(int(part) for part in k.split(","))
    except ValueError:
        raise click.BadParameter("whole numbers separated by commas, for instance 10,25,50", param_hint="--k") from None
    folder = Store().open(run)
    if folder.setting() is None:
        raise NeuronCoreError("the run has no attribution yet", where=folder.id, accepted="a run that has begun")
    wanted = EvaluationConfig(examples=examples, ks=ks, random_seeds=random_seeds)
    config = folder.config()
    if config.evaluation != wanted:
        folder.set_evaluation(replace(config, evaluation=wanted))
    _execute(folder)
    _emit(report.evaluation(folder), as_json, report.evaluation_text)


@app.command()
def demo(model: Model = EMBEDDED, out: OutDir = None, as_json: AsJson = False) -> None:
    """Preview, baseline, attribution and evaluation of the sentiment task in one go."""
    import time

    began = time.monotonic()
    run = Store().create(demo_config(ModelSpec(model)), out)
    _execute(run)
    _emit(report.demo(run, time.monotonic() - began), as_json, report.demo_text)


@app.command()
def bench(
    quick: Annotated[bool, typer.Option(help="Fewer questions and layers.")] = False,
    model: Model = EMBEDDED,
    dtype: Dtype = "float32",
    device: Device = "auto",
    shape: Annotated[str | None, typer.Option(help="Random weights: llama-2-7b or llama-2-13b.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fast against reference attribution, and the grid against the baseline pass, in one run."""
    from neuron_core.bench import bench_text, run_bench

    with errors.status("measuring") as status:
        result = run_bench(
            ModelSpec(model, dtype=dtype, device=device), quick=quick, on_stage=status.update, shape=shape
        )
    _emit(result, as_json, bench_text)


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
    _emit(report(reading), as_json, report_text)


@app.command(hidden=True)
def worker(store: Annotated[Path | None, typer.Option()] = None) -> None:
    """Serves an app: requests on standard input, replies on standard output."""
    from neuron_core.runs.worker import main as serve

    serve(["--store", str(store)] if store else [])


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0, 1 for a NeuronCoreError (one line on standard error), 2 for wrong usage."""
    try:
        app(arguments, standalone_mode=False)
    except NeuronCoreError as error:
        errors.print(f"Error: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        return 1
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        error.show(file=sys.stderr)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        errors.print("Stopped. What was finished is kept; the same command with --run, or Resume in the app, goes on.")
        return 130
    return 0


def _engine(spec: ModelSpec) -> "Engine":
    with errors.status("starting") as status:
        from neuron_core.runs.engine import Engine

        return Engine(spec, on_stage=status.update)


def _execute(run: RunFolder) -> None:
    from neuron_core.runs.execute import execute

    with _progress() as progress:
        bars: dict[str, Any] = {}

        def show(status: RunStatus) -> None:
            if status.total and status.stage not in bars:
                bars[status.stage] = progress.add_task(status.stage, total=status.total)
            if status.stage in bars:
                progress.update(bars[status.stage], completed=status.done)

        def engine_for(say: Callable[[str], None]) -> "Engine":
            from neuron_core.runs.engine import Engine

            return Engine(run.config().model, on_stage=say)

        execute(run, engine_for, on_progress=show)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description:12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=errors,
        disable=not errors.is_terminal,
    )


def _absolute(task: str) -> str:
    """A run must find its task from any folder."""
    from neuron_core.tasks.load import bundled_tasks

    return task if task in bundled_tasks() or not Path(task).exists() else str(Path(task).resolve())


def _emit(result: dict[str, Any], as_json: bool, text: Callable[[dict[str, Any]], str]) -> None:
    typer.echo(json.dumps(result) if as_json else text(result))
