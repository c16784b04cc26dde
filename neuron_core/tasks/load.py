"""Bundled tasks by name, others from a JSONL, CSV or TSV file. Every row is checked; none vanishes unsaid."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuron_core.errors import TaskError
from neuron_core.tasks.kinds import TaskKind, get_kind, guess_kind
from neuron_core.tasks.kinds.base import one_line
from neuron_core.tasks.task import Example, Task, Wording, example_id

ASSETS = Path(__file__).resolve().parents[2] / "assets"
BUNDLED: dict[str, tuple[str, Wording | None]] = {
    "sentiment": (
        "classification",
        Wording("You are an expert in sentiment analysis.", "What is the overall sentiment of this text?"),
    ),
    "ner": ("span_typing", None),
    "chunking": ("chunking", None),
    "commonsense": ("multiple_choice", None),
}
SENTIMENT_LABELS = {"positive", "neutral", "negative"}
LIST_COLUMNS = ("choices", "distractors")


@dataclass(frozen=True)
class Rejected:
    """A row that is not used, and why."""

    row: int
    column: str
    value: str
    complaint: str

    def __str__(self) -> str:
        return f"row {self.row}, column {self.column}: {self.complaint} ({self.value[:60]!r})"


@dataclass(frozen=True)
class TaskReading:
    """What a file gave: the task of its good rows, and the rows left out."""

    task: Task
    rejected: tuple[Rejected, ...]


def bundled_tasks() -> tuple[str, ...]:
    """Names of the tasks that come with the project."""
    return tuple(name for name in BUNDLED if (ASSETS / "tasks" / f"{name}.jsonl").is_file())


def load_task(name_or_path: str, *, kind: str | None = None) -> TaskReading:
    """A bundled task by name, or a file of examples; `kind` overrides the guess from its columns.

    Raises TaskError: unknown name, unreadable file, no kind fits, no good row, too few labels.
    """
    if name_or_path in bundled_tasks():
        kind_name, wording = BUNDLED[name_or_path]
        path = ASSETS / "tasks" / f"{name_or_path}.jsonl"
        return _read(path, name_or_path, get_kind(kind_name), wording)
    try:
        path = Path(name_or_path).expanduser()
        found = path.is_file()
    # A name too long for the system, or the home folder of nobody.
    except (OSError, RuntimeError):
        found = False
    if not found:
        raise TaskError(
            f"no task and no file is called {name_or_path[:200]!r}",
            accepted=f"one of {', '.join(bundled_tasks())}, or a .jsonl, .csv or .tsv file",
        )
    return _read(path, path.stem, get_kind(kind) if kind else None, None)


def _read(path: Path, name: str, kind: TaskKind | None, wording: Wording | None) -> TaskReading:
    rows = list(_rows(path))
    if not rows:
        raise TaskError("the file has no rows", where=str(path))
    kind = kind or guess_kind({column for _, fields in rows for column in fields})
    examples: list[Example] = []
    rejected: list[Rejected] = []
    seen: dict[str, int] = {}
    for number, fields in rows:
        kept = {c: fields[c] for c in (*kind.columns, "distractors") if fields.get(c) is not None}
        problem = _problem(kind, kept)
        identity = example_id(kept) if problem is None else ""
        if identity in seen:
            problem = (kind.columns[0], f"is a duplicate of row {seen[identity]}")
        if problem is not None:
            column, complaint = problem
            rejected.append(Rejected(number, column, str(fields.get(column, "")), complaint))
            continue
        seen[identity] = number
        examples.append(Example(identity, kept, number))
    if not examples:
        raise TaskError(f"none of the {len(rows)} rows fits the kind {kind.name}: {rejected[0]}", where=str(path))
    labels = _labels(kind, examples)
    if wording is None:
        wording = BUNDLED["sentiment"][1] if set(labels) == SENTIMENT_LABELS else kind.wording
    task = Task(name, kind.name, tuple(examples), str(path), wording or kind.wording, labels)
    # Whether there are four options depends on labels, or on whether an example has its own distractors.
    for example in {"distractors" in example.fields: example for example in reversed(examples)}.values():
        made = len(set(kind.options(example, task, 0)))
        if made < 4:
            raise TaskError(
                f"the kind {kind.name} makes {made} different options from row {example.row}, not four",
                where=str(path),
                accepted="two or more labels for classification, four labels or answers for other kinds",
            )
    return TaskReading(task, tuple(rejected))


def _labels(kind: TaskKind, examples: list[Example]) -> tuple[str, ...]:
    if kind.label_column is None:
        return ()
    return tuple(dict.fromkeys(one_line(example.fields[kind.label_column]) for example in examples))


def _problem(kind: TaskKind, fields: Mapping[str, Any]) -> tuple[str, str] | None:
    missing = next((c for c in kind.columns if c not in fields), None)
    if missing:
        return missing, "is missing"
    for column, value in fields.items():
        for item in value if column in LIST_COLUMNS and isinstance(value, list) else [value]:
            if item is None or isinstance(item, list | dict):
                return column, "is not a list of texts" if column in LIST_COLUMNS else "is not a text"
            if not _is_unicode(str(item)):
                return column, "has half of a character (a lone surrogate)"
    return kind.check(fields)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TaskError(f"the file is not UTF-8 (byte {error.start})", where=str(path), accepted="UTF-8 text") from None
    except OSError as error:
        raise TaskError(f"the file can't be read: {error.strerror}", where=str(path)) from None
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        yield from _json_lines(path, text)
    elif suffix in (".csv", ".tsv"):
        yield from _table(path, text, "," if suffix == ".csv" else "\t")
    else:
        raise TaskError(f"unknown file type {suffix!r}", where=str(path), accepted=".jsonl, .csv, .tsv")


def _json_lines(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    # Not splitlines(): U+2028 and its like are ordinary characters inside a JSON string.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        # Besides JSONDecodeError: a number of thousands of digits, thousands of nested lists.
        except (ValueError, RecursionError) as error:
            raise TaskError(f"not JSON: {error}", where=f"{path}, row {number}") from None
        if not isinstance(fields, dict):
            raise TaskError("a row is not a JSON object", where=f"{path}, row {number}", accepted='{"text": …}')
        yield number, fields


def _table(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [column.strip() for column in next(reader, [])]
        if twice := sorted({column for column in header if header.count(column) > 1}):
            raise TaskError(f"the header names {twice[0]!r} twice", where=str(path))
        for number, cells in enumerate(reader, start=2):
            if not cells:
                continue
            if len(cells) != len(header):
                raise TaskError(
                    f"a row has {len(cells)} cells, the header {len(header)}", where=f"{path}, row {number}"
                )
            yield number, {c: _cell(path, number, c, value) for c, value in zip(header, cells, strict=True)}
    except csv.Error as error:
        raise TaskError(f"malformed table: {error}", where=f"{path}, line {reader.line_num}") from None


def _cell(path: Path, row: int, column: str, value: str) -> Any:
    if column not in LIST_COLUMNS:
        return value
    if not value.strip():
        return None
    try:
        return json.loads(value) if value.lstrip().startswith("[") else [part.strip() for part in value.split("|")]
    except (ValueError, RecursionError):
        raise TaskError(
            "a list cell is not JSON",
            where=f"{path}, row {row}, column {column}",
            accepted='["a", "b"] or a | b',
        ) from None
