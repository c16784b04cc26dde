"""The command line. It writes results to standard output, and progress and errors to standard error."""

import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from neuron_core.collector import leave_out_modules
from neuron_core.commands import app as web_app
from neuron_core.commands import estimate, experiment, inspect, neurons, run, runs, sets
from neuron_core.errors import NeuronCoreError
from neuron_core.reports.recipes.run import PROGRAM
from neuron_core.terminal import say
from neuron_core.threads import openmp_settings

HELP = "Finds the neurons of a language model that carry a task, and shows what silencing or exciting them does."
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=HELP)
for command in (
    web_app.app,
    inspect.preview,
    run.baseline,
    run.attribute,
    run.evaluate,
    run.resume,
    run.demo,
    experiment.experiment,
    sets.save_neurons,
    sets.try_neurons,
    neurons.measure_neurons,
    inspect.bench,
    inspect.models,
    estimate.estimate,
    inspect.validate,
):
    app.command()(command)
app.add_typer(runs.app, name="runs")


@app.command(hidden=True)
def worker(store: Annotated[Path | None, typer.Option()] = None) -> None:
    """Serves the app: reads requests from standard input and writes replies to standard output."""
    from neuron_core.service.worker import main as serve

    serve(["--store", str(store)] if store else [])


def main(arguments: list[str] | None = None) -> int:
    """Runs a command and returns its exit code: 0 for success, 2 for wrong usage, 130 for Ctrl-C.

    1 stands for an error that the user can act on, which is printed as one line on standard error.
    """
    # huggingface_hub reads this when imported. It would warn of every attempt; the error message is enough.
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.update(openmp_settings(os.environ))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A dataset may contain characters that the terminal can't show.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app(arguments, prog_name=PROGRAM)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except (NeuronCoreError, OSError) as error:
        said = " ".join([_in_words(error), *getattr(error, "__notes__", ())])
        say(f"Error: {' '.join(said.split())}", style="red")
        return 1
    return 0


def _in_words(error: Exception) -> str:
    """What failed, and where. The text of an OSError begins with its number and ends with a path in quotes."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    where = f" Where: {os.fsdecode(error.filename)}." if isinstance(error.filename, str | bytes) else ""
    return f"the system refuses: {error.strerror}.{where}"


def neuronllm() -> None:
    """The process of a command: ends with its exit code."""
    leave_out_modules()
    raise SystemExit(main())
