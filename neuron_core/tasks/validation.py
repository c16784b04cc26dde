"""Every row of a table checked: an example, or named with what is wrong with it."""

import datetime
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from neuron_core.errors import TaskError
from neuron_core.tasks.answers import FORMS, SAID, answer_form, could_be_places, resolve
from neuron_core.tasks.cells import listed, structured
from neuron_core.tasks.kinds import TaskKind, get_kind
from neuron_core.tasks.kinds.base import A_LIST, FILLERS, Problem, one_line, same_text
from neuron_core.tasks.labels import no_labels, spelling_note, spellings, whole
from neuron_core.tasks.mapping import LIST_COLUMNS, ColumnMapping, check_mapping, guess_mapping
from neuron_core.tasks.notes import Notes, about_examples
from neuron_core.tasks.option_letters import has_own_letters, without_letters
from neuron_core.tasks.reading import NoGoodRow, Rejected, TaskReading, require_four_options
from neuron_core.tasks.table import Table, is_unicode
from neuron_core.tasks.task import Example, Task, Wording, example_id

SENTIMENT_LABELS = {"positive", "neutral", "negative"}
SENTIMENT_WORDING = Wording("You are an expert in sentiment analysis.", "What is the overall sentiment of this text?")


Rows = list[tuple[int, dict[str, Any]]]


class _Places(list[Any]):
    """Values of several columns, empty ones among them."""


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
    """The task of the good rows, and each other row with its reason; mapped by guess where no mapping is given.

    `labels`: the only ones allowed, or names by what the file has; `answers`: 'text', 'letter', 'index0' or 'index1'
    instead of what most rows have; `fill_options`: neutral options beside two or three choices.
    Raises TaskError: a mapping that does not fit, too few labels; NoGoodRow: no row fits.
    """
    kind = get_kind(kind) if isinstance(kind, str) else kind
    mapping = guess_mapping(table, kind) if mapping is None else mapping
    check_mapping(table, kind, mapping)
    if fill_options and "choices" not in kind.columns:
        raise TaskError(
            f"the kind {kind.name} has no choices to fill up", where="fill_options", accepted="multiple_choice"
        )
    if isinstance(labels, Mapping) and not _names_fit(labels, table, mapping, kind):
        # They were the names of tags, which the reader has used.
        labels = None
    names = dict(labels) if isinstance(labels, Mapping) else {}
    allowed = _allowed(kind, list(labels.values()) if isinstance(labels, Mapping) else labels)
    notes = Notes()
    rows = [(number, _fields(mapping, fields)) for number, fields in table.rows]
    if "choices" in kind.columns:
        _prepare_choices(rows, mapping, notes)
    form = _form(kind, rows, answers, table.source, notes)
    if kind.name == "question_answer":
        for _, fields in rows:
            _without_letters(fields, notes)
    if kind.label_column:
        _one_spelling(kind.label_column, rows, names, allowed or table.labels, notes)
    missing = no_labels(fields.get(kind.label_column) for _, fields in rows) if kind.label_column else frozenset()
    examples: list[Example] = []
    rejected = [Rejected(n, "", bad.value, bad.complaint, bad.rule, bad.accepted) for n, bad in table.bad]
    seen: dict[str, int] = {}
    for number, fields in rows:
        kept = _settled({column: value for column, value in fields.items() if value is not None}, form)
        if fill_options:
            kept = _filled_up(kept, notes)
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
    said = (
        *table.notes,
        *([SAID[form]] if form in SAID else []),
        *notes.texts(),
        *about_examples(task, mapping, FILLERS if fill_options else ()),
    )
    return TaskReading(task, tuple(rejected), said, dict(mapping), unused=_unused(table, mapping))


def _names_fit(names: Mapping[str, str], table: Table, mapping: ColumnMapping, kind: TaskKind) -> bool:
    """Whether some label of the file is one of those that names are given for."""
    column = mapping.get(kind.label_column or "")
    known = {whole(key) for key in names}
    return not isinstance(column, str) or any(whole(str(f.get(column))) in known for _, f in table.rows)


def _unused(table: Table, mapping: ColumnMapping) -> tuple[str, ...]:
    """Columns with values that no column of the kind is mapped to."""
    used = {name for names in mapping.values() for name in ((names,) if isinstance(names, str) else names)}
    return tuple(column for column in table.columns if column not in used and column in table.filled)


def _one_spelling(column: str, rows: Rows, names: Mapping[str, str], allowed: Sequence[str], notes: Notes) -> None:
    """Labels by their names, and those that read the same by one spelling, which is that of the allowed one."""
    texts = [fields[column] for _, fields in rows if isinstance(fields.get(column), str | int | float)]
    by_text = {whole(key): name for key, name in names.items()}
    if by_text:
        known = {**by_text, **{same_text(name): name for name in by_text.values()}}
        found = {one_line(text): known.get(whole(text), one_line(text)) for text in texts}
    else:
        found = spelled = spellings(texts)
        plain = without_letters(sorted(set(found.values())))
        if plain is not None and len(set(plain)) == len(plain):
            bare = dict(zip(sorted(set(found.values())), plain, strict=True))
            found = {text: bare[to] for text, to in found.items()}
            notes.add("letters or numbers before the labels are taken off")
        wanted = {same_text(label): label for label in allowed}
        found = {text: wanted.get(same_text(text), to) for text, to in found.items()}
        if note := spelling_note({text: wanted.get(same_text(text), to) for text, to in spelled.items()}):
            notes.add(note)
    for _, fields in rows:
        value = fields.get(column)
        if isinstance(value, str | int | float) and (to := found[one_line(value)]) != one_line(value):
            fields[column] = to


def _prepare_choices(rows: Rows, mapping: ColumnMapping, notes: Notes) -> None:
    """Letters that stand in the options themselves are taken off; answers that name an option's column are its text."""
    columns = mapping.get("choices", ())
    names = () if isinstance(columns, str) else columns
    # A letter or a number alone is one of the forms of answers.
    by_column = {same_text(column): place for place, column in enumerate(names) if len(column) > 1}
    for _, fields in rows:
        choices, answer = fields.get("choices"), _bare(fields.get("answer"))
        if answer is not fields.get("answer"):
            fields["answer"] = answer
        if not isinstance(choices, list) or not all(
            isinstance(one, str | int | float) or one is None for one in choices
        ):
            continue
        place = by_column.get(same_text(answer)) if isinstance(answer, str) else None
        if place is not None and same_text(answer) not in map(same_text, choices):
            fields["answer"] = choices[place]
            notes.count("answers are the names of the options' columns", "answer is the name of an option's column")
        plain = without_letters([str(one) for one in choices])
        if plain is None or len(set(map(one_line, plain))) < len(plain):
            if has_own_letters([str(one) for one in choices]):
                notes.count(
                    "rows have options that begin with a letter, which stays: a question then shows two letters"
                )
            continue
        notes.count("rows have letters or numbers in the options themselves, which are taken off")
        before = [one_line(one) for one in choices]
        if isinstance(answer, str) and one_line(answer) in before:
            fields["answer"] = plain[before.index(one_line(answer))]
        fields["choices"] = _Places(plain) if isinstance(choices, _Places) else plain


def _bare(answer: Any) -> Any:
    """An answer out of a list of one; a list that stands in a cell as text as that list."""
    if isinstance(answer, str) and answer.lstrip().startswith("["):
        found = structured(answer)
        answer = answer if found is None else found
    return answer[0] if isinstance(answer, list) and len(answer) == 1 else answer


def _without_letters(fields: dict[str, Any], notes: Notes) -> None:
    """Letters before an answer and its distractors are taken off, where all of them have one."""
    distractors, answer = fields.get("distractors"), fields.get("answer")
    if not isinstance(distractors, list) or not all(isinstance(one, str) for one in (answer, *distractors)):
        return
    order = sorted((answer, *distractors), key=str)
    plain = without_letters(order)
    if plain is None:
        return
    bare = dict(zip(order, plain, strict=True))
    kept = [bare[one] for one in distractors]
    fields["answer"], fields["distractors"] = bare[answer], _Places(kept) if isinstance(distractors, _Places) else kept
    notes.count("rows have letters or numbers in the options themselves, which are taken off")


def _filled_up(fields: dict[str, Any], notes: Notes) -> dict[str, Any]:
    choices = fields.get("choices")
    if not isinstance(choices, list) or not 2 <= len(choices) < 4:
        return fields
    taken = set(map(same_text, choices))
    more = [filler for filler in FILLERS if filler not in taken][: 4 - len(choices)]
    notes.count("rows are filled up with neutral options")
    return {**fields, "choices": [*choices, *more]}


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
            if field in LIST_COLUMNS:
                found[field] = listed(value)
            else:
                # A list of one label is that label; answers may be one-hot.
                alone = isinstance(value, list) and len(value) < 2 and field != "answer"
                found[field] = (value[0] if value else None) if alone else value
        elif field not in LIST_COLUMNS:
            parts = [(column, _plain(row.get(column))) for column in columns]
            told = [f"{column}: {one_line(value)}" for column, value in parts if _filled(value)]
            found[field] = " ".join(told) if told else None
        else:
            # Empty places stay until the answer is settled: letters and numbers count them.
            values = [_plain(row.get(column)) for column in columns]
            found[field] = _Places(values) if any(map(_filled, values)) else None
    return found


def _settled(fields: dict[str, Any], form: str) -> dict[str, Any]:
    """The answer as a text, and lists from several columns without their empty places."""
    settled = dict(fields)
    choices = fields.get("choices")
    if isinstance(choices, list) and "answer" in fields and one_line(fields["answer"]) not in map(one_line, choices):
        chosen = resolve(fields["answer"], choices, form)
        settled["answer"] = fields["answer"] if chosen is None else chosen
    for column in LIST_COLUMNS:
        if isinstance(fields.get(column), _Places):
            settled[column] = [value for value in fields[column] if _filled(value)]
    return settled


def _form(kind: TaskKind, rows: Rows, answers: str | None, where: str, notes: Notes) -> str:
    if answers is not None and answers not in FORMS:
        raise TaskError(f"unknown form of answers {answers!r}", where="answers", accepted=", ".join(FORMS))
    if "choices" not in kind.columns:
        return "text"
    pairs = [(fields.get("answer"), fields.get("choices")) for _, fields in rows]
    usable = [(answer, choices) for answer, choices in pairs if answer is not None and isinstance(choices, list)]
    form = answers or answer_form(usable, where)
    if form == "text" and could_be_places(usable):
        notes.add("answers are read as texts of the choices, though they could be places among them (--answers)")
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
        return Problem(kind.label_column or "", "no label", "is a sign of a missing label", "a text or a number")
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
    if isinstance(value, str):
        return value
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _filled(value: Any) -> bool:
    return value is not None and bool(str(value).strip())
