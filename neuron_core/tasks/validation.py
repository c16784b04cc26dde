"""Every row of a table checked: an example, or named with what is wrong with it."""

import ast
import datetime
import json
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from neuron_core.errors import TaskError
from neuron_core.tasks.answers import FORMS, SAID, answer_form, resolve
from neuron_core.tasks.kinds import TaskKind, get_kind
from neuron_core.tasks.kinds.base import A_LIST, Problem, one_line
from neuron_core.tasks.mapping import LIST_COLUMNS, ColumnMapping, check_mapping, guess_mapping
from neuron_core.tasks.reading import NoGoodRow, Rejected, TaskReading, require_four_options
from neuron_core.tasks.table import Table, is_unicode
from neuron_core.tasks.task import Example, Task, Wording, example_id

SENTIMENT_LABELS = {"positive", "neutral", "negative"}
SENTIMENT_WORDING = Wording("You are an expert in sentiment analysis.", "What is the overall sentiment of this text?")


class _Places(list[Any]):
    """Values of several columns, empty ones among them."""


def validate(
    table: Table,
    kind: str | TaskKind,
    mapping: ColumnMapping | None = None,
    *,
    labels: Sequence[str] | None = None,
    answers: str | None = None,
    name: str | None = None,
    wording: Wording | None = None,
) -> TaskReading:
    """The task of the good rows, and each other row with its reason; mapped by guess where no mapping is given.

    `labels`: the only ones allowed; `answers`: 'text', 'letter', 'index0' or 'index1' instead of what most rows have.
    Raises TaskError: a mapping that does not fit, too few labels; NoGoodRow: no row fits.
    """
    kind = get_kind(kind) if isinstance(kind, str) else kind
    mapping = guess_mapping(table, kind) if mapping is None else mapping
    check_mapping(table, kind, mapping)
    allowed = _allowed(kind, labels)
    rows = [(number, _fields(mapping, fields)) for number, fields in table.rows]
    form = _form(kind, rows, answers, table.source)
    examples: list[Example] = []
    rejected: list[Rejected] = []
    seen: dict[str, int] = {}
    for number, fields in rows:
        kept = _settled({column: value for column, value in fields.items() if value is not None}, form)
        problem = _problem(kind, kept, allowed)
        identity = example_id(kept) if problem is None else ""
        if identity in seen:
            problem = Problem(kind.columns[0], "duplicate", f"is a duplicate of row {seen[identity]}", "every row once")
        if problem is not None:
            rejected.append(_rejection(number, problem, mapping, fields))
            continue
        seen[identity] = number
        examples.append(Example(identity, kept, number))
    if not examples:
        what = f"none of the {len(rows)} rows fits the kind {kind.name}: {rejected[0]}"
        raise NoGoodRow(what, tuple(rejected), where=table.source)
    found = allowed or _labels(kind, examples)
    if wording is None:
        wording = SENTIMENT_WORDING if set(found) == SENTIMENT_LABELS else kind.wording
    task = Task(name or table.name, kind.name, tuple(examples), table.source, wording, found)
    require_four_options(task)
    notes = (*table.notes, *([SAID[form]] if form in SAID else []))
    return TaskReading(task, tuple(rejected), notes, dict(mapping))


def _allowed(kind: TaskKind, labels: Sequence[str] | None) -> tuple[str, ...]:
    if labels is None:
        return ()
    if kind.label_column is None:
        raise TaskError(f"the kind {kind.name} has no labels", where="labels")
    allowed = tuple(dict.fromkeys(one_line(label) for label in labels))
    if not allowed or "" in allowed:
        raise TaskError("a label is empty", where="labels", accepted="the names of all labels")
    return allowed


def _labels(kind: TaskKind, examples: list[Example]) -> tuple[str, ...]:
    if kind.label_column is None:
        return ()
    return tuple(dict.fromkeys(one_line(example.fields[kind.label_column]) for example in examples))


def _fields(mapping: ColumnMapping, row: dict[str, Any]) -> dict[str, Any]:
    """The row's values under the kind's column names, None where there is nothing."""
    found = {}
    for field, columns in mapping.items():
        if isinstance(columns, str):
            value = _plain(row.get(columns))
            found[field] = _as_list(value) if field in LIST_COLUMNS else value
        else:
            # Empty places stay until the answer is settled: letters and numbers count them.
            values = [_plain(row.get(column)) for column in columns]
            found[field] = _Places(values) if any(map(_filled, values)) else None
    return found


def _settled(fields: dict[str, Any], form: str) -> dict[str, Any]:
    """The answer as a text, and lists from several columns without their empty places."""
    settled = dict(fields)
    choices = fields.get("choices")
    if isinstance(choices, list) and "answer" in fields and form in SAID:
        chosen = resolve(fields["answer"], choices, form)
        settled["answer"] = fields["answer"] if chosen is None else chosen
    for column in LIST_COLUMNS:
        if isinstance(fields.get(column), _Places):
            settled[column] = [value for value in fields[column] if _filled(value)]
    return settled


def _form(kind: TaskKind, rows: list[tuple[int, dict[str, Any]]], answers: str | None, where: str) -> str:
    if answers is not None and answers not in FORMS:
        raise TaskError(f"unknown form of answers {answers!r}", where="answers", accepted=", ".join(FORMS))
    if "choices" not in kind.columns:
        return "text"
    pairs = [(fields.get("answer"), fields.get("choices")) for _, fields in rows]
    usable = [(answer, choices) for answer, choices in pairs if answer is not None and isinstance(choices, list)]
    return answers or answer_form(usable, where)


def _problem(kind: TaskKind, fields: dict[str, Any], allowed: tuple[str, ...]) -> Problem | None:
    missing = next((c for c in kind.columns if c not in fields), None)
    if missing:
        return Problem(missing, "missing", "is missing", A_LIST if missing in LIST_COLUMNS else "a text")
    for column, value in fields.items():
        listed = column in LIST_COLUMNS
        for item in value if listed and isinstance(value, list) else [value]:
            if not isinstance(item, str | int | float):
                return (
                    Problem(column, "not a list", "is not a list of texts", A_LIST)
                    if listed
                    else Problem(column, "not a text", "is not a text", "a text or a number")
                )
            if not is_unicode(str(item)):
                complaint = "has half of a character (a lone surrogate)"
                return Problem(column, "broken character", complaint, "whole characters")
    if problem := kind.check(fields):
        return problem
    if allowed and kind.label_column and one_line(fields[kind.label_column]) not in allowed:
        return Problem(kind.label_column, "unknown label", "is not one of the labels", ", ".join(allowed))
    return None


def _rejection(number: int, problem: Problem, mapping: ColumnMapping, fields: dict[str, Any]) -> Rejected:
    columns = mapping.get(problem.column, problem.column)
    value = fields.get(problem.column)
    return Rejected(
        row=number,
        column=columns if isinstance(columns, str) else "+".join(columns),
        value="" if value is None else str(value),
        complaint=problem.complaint,
        rule=problem.rule,
        accepted=problem.accepted,
    )


def _plain(value: Any) -> Any:
    """Values of typed tables as JSON has them; nulls and not-a-numbers as None."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _as_list(value: Any) -> Any:
    """A cell's list: JSON, as Python writes one, or parted by bars. Anything else stays and is named."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not text:
        return None
    if text.startswith("["):
        for parse in (json.loads, ast.literal_eval):
            try:
                return parse(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
        return value
    return [part.strip() for part in text.split("|")] if "|" in text else value


def _filled(value: Any) -> bool:
    return value is not None and bool(str(value).strip())
