"""Bundled tasks by name, others from a file or the hub. Every row is checked; none vanishes unsaid."""

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
from neuron_core.tasks.readers.source import AS_FOUND, ReadOptions
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
    """Names of the tasks that come with the project."""
    return tuple(name for name in BUNDLED if (ASSETS / "tasks" / f"{name}.jsonl").is_file())


def load_task(
    name_or_path: str,
    *,
    kind: str | None = None,
    mapping: ColumnMapping | None = None,
    options: ReadOptions = AS_FOUND,
    answers: str | None = None,
) -> TaskReading:
    """A bundled task by name, a file of examples, or a hub dataset; `kind` and `mapping` override the guesses.

    Raises TaskError: unknown name, unreadable file, no kind fits, no good row, too few labels.
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
    options: ReadOptions = AS_FOUND,
) -> TaskReading:
    """A file or hub dataset read and every row checked; what is not said is guessed. Errors as of load_task."""
    if kind is not None:
        get_kind(kind)
    table = read_source(name_or_path, options)
    guessed = guess_kind(table, mapping) if kind is None else get_kind(kind)
    columns = full_mapping(table, guessed, mapping)
    return validate(table, guessed, columns, labels=labels, answers=answers, fill_options=fill_options)


def read_source(name_or_path: str, options: ReadOptions = AS_FOUND) -> Table:
    """The unchecked rows of a file or of a hub dataset (`hub:ID`). TaskError where there is none."""
    if name_or_path.startswith(PREFIX):
        return read_hub(name_or_path)
    if not is_file(name_or_path):
        raise TaskError(
            f"no task and no file is called {name_or_path[:200]!r}",
            accepted=f"one of {', '.join(bundled_tasks())}, hub:ID, or a file: {ACCEPTED}",
        )
    table = read_table(name_or_path, options=options)
    return replace(table, name=title) if (title := kept_name(Path(name_or_path))) else table
