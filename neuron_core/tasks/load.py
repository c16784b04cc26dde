"""Loads bundled tasks by name, other tasks from a file or the Hugging Face hub. Every row is checked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from neuron_core.errors import TaskError
from neuron_core.paths import ASSETS
from neuron_core.tasks.guessing import full_mapping, guess_kind
from neuron_core.tasks.hub import PREFIX, read_hub
from neuron_core.tasks.kinds import get_kind
from neuron_core.tasks.library import kept_name
from neuron_core.tasks.mapping import ColumnMapping
from neuron_core.tasks.readers import ACCEPTED
from neuron_core.tasks.readers.source import READ_DEFAULTS, ReadOptions
from neuron_core.tasks.reading import Rejected, TaskReading
from neuron_core.tasks.table import Table, is_file, read_table
from neuron_core.tasks.task import Wording
from neuron_core.tasks.validation import SENTIMENT_WORDING, validate

__all__ = ["BUNDLED", "Rejected", "TaskReading", "bundled_tasks", "load_task", "read_checked", "read_source"]

BUNDLED: dict[str, tuple[str, Wording | None]] = {
    "sentiment": ("classification", SENTIMENT_WORDING),
    "ner": ("span_typing", None),
    "chunking": ("chunking", None),
    "commonsense": ("multiple_choice", None),
}


def bundled_tasks() -> tuple[str, ...]:
    """Names of the tasks that come with the program."""
    return tuple(name for name in BUNDLED if (ASSETS / "tasks" / f"{name}.jsonl").is_file())


def load_task(
    name_or_path: str,
    *,
    kind: str | None = None,
    mapping: ColumnMapping | None = None,
    options: ReadOptions = READ_DEFAULTS,
    answers: str | None = None,
) -> TaskReading:
    """Loads a bundled task by name, a file of examples, or a hub dataset. `kind` and `mapping` override the guesses.

    Raises TaskError for an unknown name, a file that can't be read, a file that fits no kind, one without a good row,
    and too few labels.
    """
    if name_or_path in bundled_tasks():
        own_kind, wording = BUNDLED[name_or_path]
        table = read_table(ASSETS / "tasks" / f"{name_or_path}.jsonl")
        return validate(table, own_kind, {c: c for c in get_kind(own_kind).columns}, wording=wording)
    return read_checked(name_or_path, kind, mapping, options=options, answers=answers)


def read_checked(
    name_or_path: str,
    kind: str | None = None,
    mapping: ColumnMapping | None = None,
    *,
    labels: Sequence[str] | Mapping[str, str] | None = None,
    answers: str | None = None,
    fill_options: bool = False,
    options: ReadOptions = READ_DEFAULTS,
) -> TaskReading:
    """Reads a file or hub dataset and checks every row. Settings that are None are guessed. Raises as `load_task`."""
    if kind is not None:
        get_kind(kind)
    table = read_source(name_or_path, options)
    guessed = guess_kind(table, mapping) if kind is None else get_kind(kind)
    columns = full_mapping(table, guessed, mapping)
    return validate(table, guessed, columns, labels=labels, answers=answers, fill_options=fill_options)


def read_source(name_or_path: str, options: ReadOptions = READ_DEFAULTS) -> Table:
    """The unchecked rows of a file or of a hub dataset (`hub:ID`). Raises TaskError if there is no such source."""
    if name_or_path.startswith(PREFIX):
        return read_hub(name_or_path)
    if not is_file(name_or_path):
        raise TaskError(
            f"no task and no file is called {name_or_path[:200]!r}",
            accepted=f"one of {', '.join(bundled_tasks())}, hub:ID, or a file: {ACCEPTED}",
        )
    table = read_table(name_or_path, options=options)
    return replace(table, name=title) if (title := kept_name(Path(name_or_path))) else table
