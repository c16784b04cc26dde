"""Turns table rows into a task kind's fields: values by column, options without letters, one spelling per label."""

import datetime
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from neuron_core.tasks.answers import resolve
from neuron_core.tasks.cells import listed, structured
from neuron_core.tasks.kinds.base import FILLERS, one_line, same_text
from neuron_core.tasks.labels import spelling_note, spellings, whole_number
from neuron_core.tasks.mapping import ColumnMapping
from neuron_core.tasks.names import LIST_COLUMNS
from neuron_core.tasks.notes import Notes
from neuron_core.tasks.option_letters import has_own_letters, without_letters

Rows = list[tuple[int, dict[str, Any]]]
"row number in the source, and the row's value for each column of the kind (None where the cell is empty)"
LETTERS_REMOVED = "rows have letters or numbers before the options, which are removed"


class _SeveralColumns(list[Any]):
    """A list whose items come from several columns. Empty cells keep their place until the answer is resolved."""


def row_fields(mapping: ColumnMapping, row: dict[str, Any]) -> dict[str, Any]:
    """The values of a row by the kind's column names; None where there is no value."""
    found = {}
    for field, columns in mapping.items():
        if isinstance(columns, str):
            value = _plain(row.get(columns))
            if field in LIST_COLUMNS:
                found[field] = listed(value)
            else:
                # A list with a single label means that label. An answer may be one-hot, so its list is kept.
                alone = isinstance(value, list) and len(value) < 2 and field != "answer"
                found[field] = (value[0] if value else None) if alone else value
        elif field not in LIST_COLUMNS:
            parts = [(column, _plain(row.get(column))) for column in columns]
            told = [f"{column}: {one_line(value)}" for column, value in parts if _filled(value)]
            found[field] = " ".join(told) if told else None
        else:
            # Empty cells stay until the answer is resolved: letters and numbers count them.
            values = [_plain(row.get(column)) for column in columns]
            found[field] = _SeveralColumns(values) if any(map(_filled, values)) else None
    return found


def unify_labels(column: str, rows: Rows, names: Mapping[str, str], allowed: Sequence[str], notes: Notes) -> None:
    """Replaces labels, in place, by their names or by one common spelling.

    names: the name of each label as the file writes it; empty where none are given. Without names, labels that differ
    only in case, spaces or invisible characters become one: an allowed label if it is one, else the most frequent.
    """
    texts = [fields[column] for _, fields in rows if isinstance(fields.get(column), str | int | float)]
    by_text = {whole_number(key): name for key, name in names.items()}
    if by_text:
        known = {**by_text, **{same_text(name): name for name in by_text.values()}}
        found = {one_line(text): known.get(whole_number(text), one_line(text)) for text in texts}
    else:
        found = spelled = spellings(texts)
        plain = without_letters(sorted(set(found.values())))
        if plain is not None and len(set(plain)) == len(plain):
            bare = dict(zip(sorted(set(found.values())), plain, strict=True))
            found = {text: bare[to] for text, to in found.items()}
            notes.add("letters or numbers before the labels are removed")
        wanted = {same_text(label): label for label in allowed}
        found = {text: wanted.get(same_text(text), to) for text, to in found.items()}
        if note := spelling_note({text: wanted.get(same_text(text), to) for text, to in spelled.items()}):
            notes.add(note)
    for _, fields in rows:
        value = fields.get(column)
        if isinstance(value, str | int | float) and (to := found[one_line(value)]) != one_line(value):
            fields[column] = to


def prepare_choices(rows: Rows, mapping: ColumnMapping, notes: Notes) -> None:
    """Removes letters that stand before the choices themselves, in place.

    An answer that is the name of a choice's column is replaced by the text of that choice.
    """
    columns = mapping.get("choices", ())
    names = () if isinstance(columns, str) else columns
    # A column called by a single letter or digit is not a name here: the answer is then read as a letter or a number.
    by_column = {same_text(column): place for place, column in enumerate(names) if len(column) > 1}
    for _, fields in rows:
        choices, answer = fields.get("choices"), _single(fields.get("answer"))
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
                    "rows have options that begin with a letter, which is kept: a question then shows two letters"
                )
            continue
        notes.count(LETTERS_REMOVED)
        before = [one_line(one) for one in choices]
        if isinstance(answer, str) and one_line(answer) in before:
            fields["answer"] = plain[before.index(one_line(answer))]
        fields["choices"] = _SeveralColumns(plain) if isinstance(choices, _SeveralColumns) else plain


def prepare_distractors(fields: dict[str, Any], notes: Notes) -> None:
    """Removes letters that stand before an answer and its distractors, in place, if every one of them has a letter."""
    distractors, answer = fields.get("distractors"), fields.get("answer")
    if not isinstance(distractors, list) or not all(isinstance(one, str) for one in (answer, *distractors)):
        return
    order = sorted((answer, *distractors), key=str)
    plain = without_letters(order)
    if plain is None:
        return
    bare = dict(zip(order, plain, strict=True))
    kept = [bare[one] for one in distractors]
    fields["answer"], fields["distractors"] = (
        bare[answer],
        _SeveralColumns(kept) if isinstance(distractors, _SeveralColumns) else kept,
    )
    notes.count(LETTERS_REMOVED)


def filled_up(fields: dict[str, Any], notes: Notes) -> dict[str, Any]:
    """The fields with neutral options added to two or three choices, so that there are four."""
    choices = fields.get("choices")
    if not isinstance(choices, list) or not 2 <= len(choices) < 4:
        return fields
    taken = set(map(same_text, choices))
    more = [filler for filler in FILLERS if filler not in taken][: 4 - len(choices)]
    notes.count("rows are filled up with neutral options")
    return {**fields, "choices": [*choices, *more]}


def resolved(fields: dict[str, Any], form: str) -> dict[str, Any]:
    """The fields with the answer as a text, and with lists from several columns without their empty cells.

    form: one of `answers.FORMS`, the way in which the file gives its answers.
    """
    settled = dict(fields)
    choices = fields.get("choices")
    if isinstance(choices, list) and "answer" in fields and one_line(fields["answer"]) not in map(one_line, choices):
        chosen = resolve(fields["answer"], choices, form)
        settled["answer"] = fields["answer"] if chosen is None else chosen
    for column in LIST_COLUMNS:
        if isinstance(fields.get(column), _SeveralColumns):
            settled[column] = [value for value in fields[column] if _filled(value)]
    return settled


def _single(answer: Any) -> Any:
    """The item of a list with one item. A cell whose text is a list is parsed first."""
    if isinstance(answer, str) and answer.lstrip().startswith("["):
        found = structured(answer)
        answer = answer if found is None else found
    return answer[0] if isinstance(answer, list) and len(answer) == 1 else answer


def _plain(value: Any) -> Any:
    """The values of typed tables as JSON would hold them; nulls and NaN become None."""
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
