"""Guesses the task kind of a file, and which of its columns are the kind's columns."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from neuron_core.errors import TaskError
from neuron_core.tasks.answers import FORMS, resolve
from neuron_core.tasks.by_values import guess_label, guess_text, label_candidates
from neuron_core.tasks.kinds import KINDS, TaskKind, get_kind
from neuron_core.tasks.kinds.base import same_text
from neuron_core.tasks.mapping import ColumnMapping, Guess
from neuron_core.tasks.names import ANSWERS, LIST_COLUMNS, PAIRS, PASSAGES, SENTENCES, SYNONYMS, plain_name
from neuron_core.tasks.option_letters import without_letters
from neuron_core.tasks.readers.header import looks_like_data
from neuron_core.tasks.table import Table, is_empty, listed

_SERIES = re.compile(r"(|[a-z](?:[a-z_ -]*[a-z_ -])?)[_ -]?([a-j]|[0-9])", re.IGNORECASE)
_BRACKETS = re.compile(r"\[\S+ [^\[\]]+\]")
_EMPTY = "a required column has no value in any row"
_LOOKED_AT = 500
"rows whose values are examined to find out what a column holds"
_NAME_ENDS = ("text", "name", "names", "label", "str", "string", "desc", "description", "title", "")
"ends of the names of columns that hold the names of another column's numbers"
_WRONG = ("distractor", "wrong", "incorrect", "negative")


def guess_mapping(table: Table, kind: str | TaskKind, *, by_values: bool = True, given: Collection[str] = ()) -> Guess:
    """Guesses the file's column for each column of the kind, by its name, a synonym, or a series such as A, B, C, D.

    Columns of the kind for which nothing is found are left out. No column of the file is used twice. If a label column
    holds numbers and another column holds their names, the one with the names is taken. by_values: a text or label
    column that no name tells is guessed from the values of the columns, a text column only together with a label.
    given: columns of the kind that are known already.
    """
    name = kind if isinstance(kind, str) else kind.name
    wanted = SYNONYMS[name]
    left = {column: plain_name(column) for column in table.columns if column in table.filled}
    found: Guess = {}
    if name == "classification" and "text" not in left.values() and (pair := _pair(left)):
        found["text"] = pair
        left = {column: plain for column, plain in left.items() if column not in pair}
    _by_name(found, wanted, left)
    # Empty columns come last. Every row is then rejected as empty, which tells more than "no such column".
    _by_name(found, wanted, {column: plain_name(column) for column in table.columns if column not in table.filled})
    for field in LIST_COLUMNS:
        if field in wanted and field not in found:
            several = _series(tuple(left), wrong=field == "distractors")
            if several:
                found[field] = several
    label = found.get("label")
    if isinstance(label, str):
        found["label"] = _named(table, label, left)
    # If the header is really a row of data, its names mean nothing and the user has to name the columns.
    if name == "classification" and by_values and not looks_like_data(table.columns, _cells_of(table)):
        _by_values(found, table, given)
    return {field: found[field] for field in wanted if field in found}


def full_mapping(table: Table, kind: TaskKind, given: ColumnMapping | None, *, by_values: bool = True) -> Guess:
    """Completes a partial mapping: the kind's other columns are guessed from the file's columns that are left.

    by_values: as in `guess_mapping`.
    """
    given = dict(given or {})
    used = {column for columns in given.values() for column in ((columns,) if isinstance(columns, str) else columns)}
    rest = replace(table, columns=tuple(column for column in table.columns if column not in used))
    guessed = {
        field: columns
        for field, columns in guess_mapping(rest, kind, by_values=by_values, given=given).items()
        if field not in given
    }
    return {**given, **guessed}


def guess_kind(table: Table, given: ColumnMapping | None = None) -> TaskKind:
    """Guesses the task kind of a table.

    A published format has its kind. Otherwise it is a kind whose required columns are all found, exact names before
    synonyms; of several such kinds the one with the most required columns. The first rows must hold what that kind
    needs (chunks in brackets, answers that are among the choices, …), and the kind must have every column that the
    partial mapping `given` names. Raises TaskError if no kind fits.
    """
    if table.kind is not None:
        return get_kind(table.kind)
    allowed = [kind for kind in KINDS.values() if set(given or {}) <= set(SYNONYMS[kind.name])]
    mappings = {kind.name: full_mapping(table, kind, given, by_values=False) for kind in allowed}
    complete = [kind for kind in allowed if set(kind.columns) <= set(mappings[kind.name])]
    complaints = {kind.name: _complaint(table, kind, mappings[kind.name]) for kind in complete}
    # Choices have many names, and a question with choices can only be multiple choice.
    named = {*table.columns, *(given or {}), *LIST_COLUMNS}
    good = [kind for kind in complete if complaints[kind.name] is None]
    if not good and len(complete) == 1 and complaints[complete[0].name] == _EMPTY:
        return complete[0]
    exact = [kind for kind in good if set(kind.columns) <= named]
    if good:
        return max(exact or good, key=lambda kind: len(kind.columns))
    by_values = next((kind for kind in allowed if kind.name == "classification"), None)
    if by_values:
        mapping = full_mapping(table, by_values, given)
        if set(by_values.columns) <= set(mapping) and _complaint(table, by_values, mapping) is None:
            return by_values
    known = "; ".join(f"{kind.name}: {', '.join(kind.columns)}" for kind in KINDS.values())
    hints = [*table.notes]
    if any(re.fullmatch(r"column \d+", column) for column in table.columns):
        hints.append("if the column names are in another row, --header-row says in which")
    if empty := [column for column in table.columns if column not in table.filled]:
        hints.append(f"no row has a value in {listed(empty)}")
    why = "; ".join(f"not {name}: {complaint}" for name, complaint in complaints.items())
    raise TaskError(
        f"no task kind fits the columns {listed(sorted(table.columns)) or '(none)'}"
        + "".join(f"; {part}" for part in (why, *hints) if part),
        where=table.source,
        accepted=f"{known}; or a mapping of the file's columns to these{_offer(table)}",
    )


def _by_name(found: Guess, wanted: Mapping[str, Sequence[str]], left: dict[str, str]) -> None:
    """Adds to `found`, and removes from `left`, the columns whose name is the wanted one or a synonym of it."""
    for exact in (True, False):
        for field, names in wanted.items():
            if field in found:
                continue
            for name in (field,) if exact else names:
                column = next((c for c, plain in left.items() if (c if exact else plain) == name), None)
                if column is not None:
                    found[field] = column
                    del left[column]
                    break


def _by_values(found: Guess, table: Table, given: Collection[str]) -> None:
    """Adds to `found` the text or the label column that was not found by name."""
    for field in ("label", "text"):
        taken = {one for columns in found.values() for one in ((columns,) if isinstance(columns, str) else columns)}
        known = (*found, *given)
        if field not in known and (field == "label" or "label" in known):
            column = (
                guess_text(table, taken)
                if field == "text"
                else guess_label(table, taken, SYNONYMS["classification"]["label"])
            )
            if column is not None:
                found[field] = column


def _cells_of(table: Table) -> list[list[Any]]:
    return [[fields.get(column) for column in table.columns] for _, fields in table.rows[:_LOOKED_AT]]


def _pair(left: Mapping[str, str]) -> tuple[str, ...] | None:
    by_name = {plain: column for column, plain in reversed(list(left.items()))}
    return next((tuple(by_name[one] for one in pair) for pair in PAIRS if set(pair) <= set(by_name)), None)


def _named(table: Table, label: str, left: Mapping[str, str]) -> str:
    """The column that names a label column's numbers, such as `label_text` for `label`; else the column itself."""
    values = [
        str(fields.get(label)).strip() for _, fields in table.rows[:_LOOKED_AT] if not is_empty(fields.get(label))
    ]
    if not all(re.fullmatch(r"-?\d+(\.0)?", value) for value in values):
        return label
    plain_label = plain_name(label)
    stem = re.sub(r"(id|idx|index|no|num|number|code)$", "", plain_label) or plain_label
    names = {f"{one}{end}" for one in (plain_label, stem) for end in _NAME_ENDS} - {plain_label}
    return next((column for column, plain in left.items() if plain in names), label)


def _series(columns: tuple[str, ...], *, wrong: bool) -> tuple[str, ...]:
    """Two or more columns that differ only in their last letter or digit, counting from a, 0 or 1 without a gap."""
    groups: dict[str, dict[str, str]] = {}
    for column in columns:
        if match := _SERIES.fullmatch(column.strip()):
            prefix = match[1].lower().strip("_ -")
            groups.setdefault(prefix, {}).setdefault(match[2].lower(), column)
    best: tuple[str, ...] = ()
    for prefix, members in groups.items():
        if prefix.startswith(_WRONG) != wrong:
            continue
        for alphabet in ("abcdefghij", "0123456789", "123456789"):
            run = []
            for mark in alphabet:
                if mark not in members:
                    break
                run.append(members[mark])
            if len(run) > max(1, len(best)):
                best = tuple(run)
    return best


def _offer(table: Table) -> str:
    """The end of an error message that suggests a mapping; empty if no columns look suitable."""
    labels = [column.name for column in label_candidates(table, ())]
    if len(labels) > 1 and (text := guess_text(table, labels)) is not None:
        return f", for instance --kind classification --map text={text},label={labels[0]} (or {listed(labels[1:4])})"
    by_name = {plain_name(column): column for column in reversed(table.columns)}
    text = next((by_name[name] for name in ("question", *PASSAGES, *SENTENCES) if name in by_name), None)
    answer = next((by_name[name] for name in ANSWERS if name in by_name), None)
    if text is None or answer is None:
        return ""
    return f", for instance --kind question_answer --map question={text},answer={answer}"


def _complaint(table: Table, kind: TaskKind, mapping: ColumnMapping) -> str | None:
    """Why the first rows' values do not fit the kind under this mapping; None if they may fit."""
    rows = [fields for _, fields in table.rows[:_LOOKED_AT]]
    column = {field: name for field, name in mapping.items() if isinstance(name, str)}
    if any(name not in table.filled for field, name in column.items() if field in kind.columns):
        return _EMPTY
    if kind.name == "chunking" and "answer" in column:
        if not any(_BRACKETS.search(str(fields.get(column["answer"], ""))) for fields in rows):
            return f"no row of {column['answer']!r} has chunks in brackets, such as [NP the number] [VP grew]"
    elif kind.name == "span_typing" and {"sentence", "entity"} <= set(column):
        if not any(str(f.get(column["entity"])) in str(f.get(column["sentence"])) for f in rows):
            return f"no value of {column['entity']!r} occurs in {column['sentence']!r}"
    elif kind.name == "multiple_choice" and "answer" in column and not isinstance(mapping["choices"], str):
        if not any(_among(fields, mapping["choices"], column["answer"]) for fields in rows):
            return f"no answer is among {'+'.join(mapping['choices'])}"
    elif kind.name == "question_answer" and "answer" in column and "distractors" not in mapping:
        # A short file may have few answers. Two or three values that repeat are labels.
        answers = {str(fields.get(column["answer"])).strip().lower() for fields in rows}
        if len(answers) < 4 <= len(rows):
            return (
                f"{column['answer']!r} has only {len(answers)} different values, so they are labels rather than answers"
            )
    return None


def _among(fields: Mapping[str, Any], choices: Sequence[str], answer: str) -> bool:
    """Whether a row's answer, in any of the known forms, names one of its choices."""
    given = [fields.get(one) for one in choices]
    texts = without_letters(list(map(str, given))) or given
    value = fields.get(answer)
    named = same_text(value) in map(same_text, choices)
    return named or any(resolve(value, options, form) is not None for options in (given, texts) for form in FORMS)
