"""Checks every row of a table. A row becomes an example, or it is rejected with a reason."""

from collections.abc import Mapping, Sequence
from typing import Any

from neuron_core.errors import TaskError, first_of
from neuron_core.tasks.answers import FORM_NOTES, FORMS, answer_form, could_be_places
from neuron_core.tasks.guessing import guess_mapping
from neuron_core.tasks.kinds import TaskKind, get_kind
from neuron_core.tasks.kinds.base import A_LIST, FILLERS, Problem, one_line, same_text
from neuron_core.tasks.labels import missing_labels, whole_number
from neuron_core.tasks.mapping import ColumnMapping, check_mapping
from neuron_core.tasks.names import LIST_COLUMNS
from neuron_core.tasks.notes import Notes, example_warnings
from neuron_core.tasks.reading import NoGoodRow, Rejected, TaskReading, require_four_options
from neuron_core.tasks.row_fields import (
    Rows,
    filled_up,
    prepare_choices,
    prepare_distractors,
    resolved,
    row_fields,
    unify_labels,
)
from neuron_core.tasks.table import Table, is_unicode
from neuron_core.tasks.task import Example, Task, Wording, example_id

SENTIMENT_LABELS = {"positive", "neutral", "negative"}
SENTIMENT_WORDING = Wording("You are an expert in sentiment analysis.", "What is the overall sentiment of this text?")


def validate(
    table: Table,
    kind: str | TaskKind,
    mapping: ColumnMapping | None = None,
    *,
    labels: Sequence[str] | Mapping[str, str] | None = None,
    answers: str | None = None,
    fill_options: bool = False,
    name: str | None = None,
    wording: Wording | None = None,
) -> TaskReading:
    """Checks every row. Good rows become the task's examples; every other row is listed with its reason.

    mapping: the file's columns for the kind's columns; guessed if None. labels: the labels that are allowed, or a name
    for each label that the file has. answers: how the file gives its answers, one of 'text', 'letter', 'index0' and
    'index1'; by default, the form that most rows have. fill_options: adds neutral options to two or three choices.
    Raises TaskError for a mapping that does not fit the file or the kind, and for too few labels; NoGoodRow if no row
    fits.
    """
    kind = get_kind(kind) if isinstance(kind, str) else kind
    mapping = guess_mapping(table, kind) if mapping is None else mapping
    check_mapping(table, kind, mapping)
    if fill_options and "choices" not in kind.columns:
        raise TaskError(
            f"the kind {kind.name} has no choices that could be filled up",
            where="fill_options",
            accepted="multiple_choice",
        )
    if isinstance(labels, Mapping) and not _names_fit(labels, table, mapping, kind):
        # These labels named tags. The reader has already applied them.
        labels = None
    names = dict(labels) if isinstance(labels, Mapping) else {}
    allowed = _allowed(kind, list(labels.values()) if isinstance(labels, Mapping) else labels)
    notes = Notes()
    rows = [(number, row_fields(mapping, fields)) for number, fields in table.rows]
    if "choices" in kind.columns:
        prepare_choices(rows, mapping, notes)
    form = _form(kind, rows, answers, table.source, notes)
    if kind.name == "question_answer":
        for _, fields in rows:
            prepare_distractors(fields, notes)
    if kind.label_column:
        unify_labels(kind.label_column, rows, names, allowed or table.labels, notes)
    missing = missing_labels(fields.get(kind.label_column) for _, fields in rows) if kind.label_column else frozenset()
    examples: list[Example] = []
    rejected = [Rejected(n, "", bad.value, bad.complaint, bad.rule, bad.accepted) for n, bad in table.bad]
    seen: dict[str, int] = {}
    for number, fields in rows:
        kept = resolved({column: value for column, value in fields.items() if value is not None}, form)
        if fill_options:
            kept = filled_up(kept, notes)
        problem = _problem(kind, kept, allowed, missing)
        identity = example_id(kept) if problem is None else ""
        if identity in seen:
            problem = Problem(kind.columns[0], "duplicate", f"is a duplicate of row {seen[identity]}", "every row once")
        if problem is not None:
            rejected.append(_rejection(number, problem, mapping, fields))
            continue
        seen[identity] = number
        examples.append(Example(identity, kept, number))
    rejected.sort(key=lambda row: row.row)
    if not examples:
        what = f"none of the {len(rows) + len(table.bad)} rows fits the kind {kind.name}: {rejected[0]}"
        hints = [*table.notes, *notes.texts()]
        raise NoGoodRow(f"{what}{''.join(f'; {hint}' for hint in hints)}", tuple(rejected), where=table.source)
    found = allowed or table.labels or _labels(kind, examples)
    if wording is None:
        wording = SENTIMENT_WORDING if set(found) == SENTIMENT_LABELS else kind.wording
    task = Task(name or table.name, kind.name, tuple(examples), table.source, wording, found)
    require_four_options(task, mapping)
    everything = (
        *table.notes,
        *([FORM_NOTES[form]] if form in FORM_NOTES else []),
        *notes.texts(),
        *example_warnings(task, mapping, FILLERS if fill_options else ()),
    )
    return TaskReading(task, tuple(rejected), everything, dict(mapping), unused=_unused(table, mapping))


def _names_fit(names: Mapping[str, str], table: Table, mapping: ColumnMapping, kind: TaskKind) -> bool:
    """Whether at least one label of the file has a name in `names`."""
    column = mapping.get(kind.label_column or "")
    known = {whole_number(key) for key in names}
    return not isinstance(column, str) or any(whole_number(str(f.get(column))) in known for _, f in table.rows)


def _unused(table: Table, mapping: ColumnMapping) -> tuple[str, ...]:
    """Columns of the file that hold values and are not mapped to any column of the kind."""
    used = {name for names in mapping.values() for name in ((names,) if isinstance(names, str) else names)}
    return tuple(column for column in table.columns if column not in used and column in table.filled)


def _allowed(kind: TaskKind, labels: Sequence[str] | None) -> tuple[str, ...]:
    if labels is None:
        return ()
    if kind.label_column is None:
        raise TaskError(f"the kind {kind.name} has no labels", where="labels")
    allowed = tuple(dict.fromkeys(one_line(label) for label in labels))
    if not allowed or "" in allowed:
        raise TaskError("a label is empty", where="labels", accepted="a name for every label")
    return allowed


def _labels(kind: TaskKind, examples: list[Example]) -> tuple[str, ...]:
    if kind.label_column is None:
        return ()
    return tuple(dict.fromkeys(one_line(example.fields[kind.label_column]) for example in examples))


def _form(kind: TaskKind, rows: Rows, answers: str | None, where: str, notes: Notes) -> str:
    if answers is not None and answers not in FORMS:
        raise TaskError(f"unknown form of answers {answers!r}", where="answers", accepted=", ".join(FORMS))
    if "choices" not in kind.columns:
        return "text"
    pairs = [(fields.get("answer"), fields.get("choices")) for _, fields in rows]
    usable = [(answer, choices) for answer, choices in pairs if answer is not None and isinstance(choices, list)]
    form = answers or answer_form(usable, where)
    if form == "text" and could_be_places(usable):
        notes.add("answers are read as the texts of choices; being numbers, they could also mean places (--answers)")
    return form


def _problem(
    kind: TaskKind, fields: dict[str, Any], allowed: tuple[str, ...], no_label: frozenset[str]
) -> Problem | None:
    missing = next((c for c in kind.columns if c not in fields), None)
    if missing:
        return Problem(missing, "missing", "is missing", A_LIST if missing in LIST_COLUMNS else "a text")
    label = fields.get(kind.label_column or "")
    if isinstance(label, list):
        complaint = f"is not a text but a list of {len(label)} labels"
        return Problem(kind.label_column or "", "not a text", complaint, "a text or a number")
    if label is not None and same_text(label) in no_label and one_line(label) not in allowed:
        return Problem(kind.label_column or "", "no label", "is a mark for a missing label", "a text or a number")
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
                complaint = "contains half a character (a lone surrogate)"
                return Problem(column, "broken character", complaint, "whole characters")
    if problem := kind.check(fields):
        return problem
    if allowed and kind.label_column and one_line(fields[kind.label_column]) not in allowed:
        return Problem(kind.label_column, "unknown label", "is not one of the labels", first_of(allowed))
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
