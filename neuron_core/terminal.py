"""Output of the command line: results on standard output, everything else on standard error."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from neuron_core.errors import ConfigError
from neuron_core.runs.run_folder import RunStatus

errors = Console(stderr=True, emoji=False)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
LOADING = "loading"


def printable(text: str) -> str:
    """The text with control characters written out: names from files must not command the terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def emit(result: dict[str, Any], as_json: bool, text: Callable[[dict[str, Any]], str]) -> None:
    """Prints the result of a command, as one JSON object or as the text that `text` makes of it."""
    put(json.dumps(result, allow_nan=False) if as_json else text(result))


def put(text: str) -> None:
    """Prints a text on standard output. Raises ConfigError if it can't be written there, for instance on a full disk.
    A reader that has ended, as `head` does, is no error.
    """
    try:
        typer.echo(printable(text))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ConfigError(
            f"the result can't be written: {error.strerror or error}",
            where="standard output",
            accepted="a file or a terminal that takes it; runs and files that were made stay",
        ) from None


def say(message: str, style: str = "") -> None:
    """Prints a message exactly as it is: no markup, no added line breaks."""
    errors.print(printable(message), style=style, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def stage_line() -> Iterator[Callable[[str], None]]:
    """Shows a status line on the terminal, and yields the function that changes its text."""
    with errors.status(Text("starting")) as status:
        yield lambda text: status.update(Text(printable(text)))


def progress_bars() -> Progress:
    """Progress bars with counts and the remaining time. They are only shown on a terminal."""
    return Progress(
        TextColumn("{task.description:12}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=errors,
        disable=not errors.is_terminal,
    )


def stage_bars(progress: Progress) -> Callable[[RunStatus], None]:
    """Returns a function that takes the statuses of a run and shows one bar for each stage.

    Loading has no count, so its bar disappears when it is over.
    """
    bars: dict[str, TaskID] = {}

    def show(status: RunStatus) -> None:
        if status.stage not in bars:
            if LOADING in bars:
                progress.update(bars[LOADING], visible=False)
            bars[status.stage] = progress.add_task(status.stage, total=status.total or None, completed=status.done)
        progress.update(
            bars[status.stage], completed=status.done, description=printable(status.message or status.stage)
        )

    return show
