"""Commands that need no run: preview, validate, models, bench."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuron_core.collector import importing
from neuron_core.commands.common import model_spec
from neuron_core.commands.groups import with_groups
from neuron_core.commands.options import AsJson, ModelOptions, Proxies, Revision, Seed, Task
from neuron_core.commands.outputs import check_output
from neuron_core.commands.reading import FileReading
from neuron_core.commands.wording import USUAL_WORDING, WordingOptions
from neuron_core.errors import ModelError
from neuron_core.models.spec import EMBEDDED, ModelSpec
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.qatt.proxies import SHUFFLES
from neuron_core.reports import results, text
from neuron_core.terminal import emit, stage_line

if TYPE_CHECKING:
    from neuron_core.models.chat import ChatTemplate
    from neuron_core.tasks.load import TaskReading


@with_groups
def preview(
    task: Task = "sentiment",
    n: Annotated[
        int, typer.Option(min=1, help="Number of examples, with three questions each; four with rotations.")
    ] = 2,
    proxies: Proxies = SHUFFLES,
    seed: Seed = 0,
    wording: WordingOptions = USUAL_WORDING,
    model: Annotated[
        str, typer.Option(help="The model whose chat template is used with --template chat; its weights are not read.")
    ] = EMBEDDED,
    revision: Revision = None,
    as_json: AsJson = False,
) -> None:
    """Shows the questions of the first attribution examples. Loads no model."""
    from neuron_core.qatt.draws import draw, questions_of
    from neuron_core.tasks.load import load_task

    prompt, reading = wording.config(), load_task(task)
    draws = draw(reading.task, n, 0, seed, prompt.demonstration)
    chat = _chat_template(model_spec(model, revision)) if prompt.template == "chat" else None
    questions = questions_of(reading.task, draws.attribution, draws.demonstration, seed, prompt, chat, proxies)
    emit(results.preview(reading, questions), as_json, text.preview_text)


def _chat_template(model: ModelSpec) -> "ChatTemplate":
    with stage_line() as on_stage:
        from neuron_core.models.chat import chat_template_of

        with importing():
            from neuron_core.models.loading import load_tokenizer

        return chat_template_of(load_tokenizer(model, on_stage)[0])


@with_groups
def validate(
    file: Annotated[str, typer.Argument(help="A file of examples, or hub:ID.")],
    how: FileReading,
    rejected: Annotated[Path | None, typer.Option(help="Write the rejected rows to this CSV file.")] = None,
    good: Annotated[Path | None, typer.Option(help="Write the good rows to this JSONL file, for --task.")] = None,
    model: Annotated[
        str | None, typer.Option(help="The model whose context the prompts must fit; by default the demo model.")
    ] = None,
    revision: Revision = None,
    seed: Seed = 0,
    wording: WordingOptions = USUAL_WORDING,
    as_json: AsJson = False,
) -> None:
    """Checks every row of a file and says which are examples and why others are not.

    Prompts must fit into the model's context, so the options of the wording count too.
    """
    from neuron_core.tasks.export import examples_jsonl, rejected_csv, report, report_text, write_file
    from neuron_core.tasks.load import read_checked
    from neuron_core.tasks.reading import NoGoodRow

    check_output(rejected, "--rejected")
    check_output(good, "--good")
    prompt = wording.config()
    try:
        reading = read_checked(
            file,
            how.kind,
            how.mapping,
            labels=how.labels,
            answers=how.answers,
            fill_options=how.fill_options,
            options=how.options(seed),
        )
        if prompt != USUAL:
            _check_wording(reading, seed, prompt)
        reading = _fitting(reading, model, revision, seed, prompt)
    except NoGoodRow as error:
        if rejected:
            write_file(rejected, rejected_csv(error.rejected))
        raise
    if rejected:
        write_file(rejected, rejected_csv(reading.rejected))
    if good:
        write_file(good, examples_jsonl(reading.task))
    emit(report(reading), as_json, report_text)


def _check_wording(reading: "TaskReading", seed: int, prompt: PromptConfig) -> None:
    """ConfigError if the examples can't be asked with this wording."""
    from neuron_core.qatt.draws import draw
    from neuron_core.qatt.prompt import check_wording

    draw(reading.task, 0, 0, seed, prompt.demonstration)
    check_wording(reading.task, reading.task.examples, seed, prompt)


def _fitting(
    reading: "TaskReading", given: str | None, revision: str | None, seed: int, prompt: PromptConfig
) -> "TaskReading":
    """The reading without the examples whose prompts are too long for the model. given: the model; None for the demo
    model. If that is not installed, no example is left out.
    """
    from neuron_core.service.prompt_lengths import Lengths, Reader

    model = model_spec(given or EMBEDDED, revision)
    lengths = Lengths.by_characters(reading.task, model, seed, prompt)
    if lengths is None:
        with stage_line() as on_stage:
            try:
                reader = Reader.of(model, on_stage)
                on_stage("counting tokens")
                lengths = Lengths.of(reading.task, reader, seed, prompt)
            except ModelError:
                if given is None:
                    return reading
                raise
    return lengths.applied(reading)


def models(as_json: AsJson = False) -> None:
    """Lists the supported architectures and the presets. Loads no model."""
    from neuron_core.models.listing import listing, listing_text

    emit(listing(), as_json, listing_text)


@with_groups
def bench(
    model: ModelOptions,
    study: Annotated[
        str | None, typer.Argument(help="families: compares every family with a program that computes whole sequences.")
    ] = None,
    configs: Annotated[
        Path | None,
        typer.Argument(help="For families: a JSON file of configs by name; by default our own, some as GGUF too."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer questions and layers.")] = False,
    shape: Annotated[
        str | None,
        typer.Option(help="A model with random weights of this shape instead of --model: llama-2-7b, llama-2-13b."),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Write a figure of the measured seconds to this HTML file.")
    ] = None,
    quadrature: Annotated[
        bool, typer.Option("--quadrature", help="Instead: compares quadrature rules of few steps with 256 steps.")
    ] = False,
    dtypes: Annotated[
        bool, typer.Option("--dtypes", help="Instead: compares float32, bfloat16 and bfloat16 weights with float64.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Times attribution against the full-sequence reference, Captum and a floor, and the grid against the baseline."""
    if study is not None:
        if study != "families":
            raise typer.BadParameter(f"unknown study {study}; accepted: families", param_hint="STUDY")
        _bench_families(configs, as_json)
        return
    if (quadrature or dtypes) and (shape or figure or (quadrature and dtypes)):
        raise typer.BadParameter("it can't be combined", param_hint="--quadrature" if quadrature else "--dtypes")
    if shape and model.source != EMBEDDED:
        raise typer.BadParameter("it is used instead of --model, not with it", param_hint="--shape")
    check_output(figure, "--figure")
    with stage_line() as on_stage:
        from neuron_core.bench.run import run_bench
        from neuron_core.bench.studies import dtype_study, quadrature_study, study_text
        from neuron_core.bench.text import bench_text

        if quadrature or dtypes:
            on_stage("attribution with each rule" if quadrature else "attribution with each dtype")
            studied = quadrature_study if quadrature else dtype_study
            lines = studied(model.spec(), 1 if quick else 3)
        else:
            result = run_bench(model.spec(), quick=quick, on_stage=on_stage, shape=shape)
    if quadrature or dtypes:
        emit({"lines": lines}, as_json, lambda found: study_text(found["lines"]))
        return
    if figure is not None:
        from neuron_core.figures.bench import bench_figure

        bench_figure(result).write_html(figure, include_plotlyjs=True)
    emit(result, as_json, bench_text)


def _bench_families(configs: Path | None, as_json: bool) -> None:
    """Prints the table; exit status 1 when a difference is above the tolerance."""
    with stage_line() as on_stage:
        from dataclasses import asdict

        from neuron_core.bench.families import ALLOWED, FOLDER, GGUF, OWN_GGUF, configs_of, families_text, family_rows

        rows = []
        wanted = {FOLDER: configs_of(configs), GGUF: configs_of(OWN_GGUF) if configs is None else {}}
        for source, each in wanted.items():
            for row in family_rows(each, source=source):
                rows.append(row)
                on_stage(f"{len(rows)} of {sum(map(len, wanted.values()))}: {row.name}, {source}")
    result = {"families": [{**asdict(row), "largest": row.largest} for row in rows], "allowed": ALLOWED}
    emit(result, as_json, lambda _: families_text(rows))
    if any(row.largest is not None and not row.largest <= ALLOWED for row in rows):
        raise typer.Exit(1)
