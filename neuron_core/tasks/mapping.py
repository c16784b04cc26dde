"""Which columns of a file are the columns of a task kind."""

import re
from collections.abc import Mapping
from dataclasses import replace

from neuron_core.errors import TaskError
from neuron_core.tasks.kinds import KINDS, TaskKind, get_kind
from neuron_core.tasks.table import Table, listed

ColumnMapping = Mapping[str, str | tuple[str, ...]]
"A kind's column to the file's; choices and distractors may be several columns."

Guess = dict[str, str | tuple[str, ...]]
LIST_COLUMNS = ("choices", "distractors")
_ANSWERS = ("answer", "correctanswer", "answerkey", "gold", "correct", "correctoption", "solution", "target")
_SENTENCES = ("sentence", "text", "context", "passage", "utterance", "input")
_TEXTS = ("text", "review", "reviewtext", "content", "comment", "tweet")
_CLASSES = ("label", "labels", "sentiment", "class", "category", "polarity")
_LABELS = ("label", "labels", "class", "category", "type", "tag")
# The kind's own name first, then what other datasets call it, the most telling first.
SYNONYMS: dict[str, dict[str, tuple[str, ...]]] = {
    "classification": {
        "text": (*_TEXTS, "sentence", "document", "body", "message", "utterance", "headline", "title", "input"),
        "label": (*_CLASSES, "emotion", "intent", "topic", "stars", "rating", "score", "type", "tag", "target"),
    },
    "span_typing": {
        "sentence": _SENTENCES,
        "entity": ("entity", "span", "mention", "entityname", "phrase", "term", "word", "aspect"),
        "label": (*_LABELS, "entitytype", "nertag", "sentiment"),
    },
    "chunking": {
        "sentence": _SENTENCES,
        "answer": ("answer", "chunks", "chunked", "chunking", "segmentation", "brackets", "bracketed", "gold"),
    },
    "multiple_choice": {
        "question": ("question", "stem", "query", "prompt", "problem", "ctx", "context", "goal"),
        "choices": ("choices", "options", "candidates", "alternatives", "endings", "answers"),
        "answer": (*_ANSWERS, "answeridx", "answerindex", "label"),
    },
    "question_answer": {
        "question": ("question", "query", "prompt", "problem", "instruction", "input"),
        "answer": (*_ANSWERS, "response", "output", "completion"),
    },
}
# Every kind takes them, none needs them.
for _columns in SYNONYMS.values():
    _columns["distractors"] = ("distractors", "wronganswers", "incorrectanswers", "incorrect", "negatives")
_SERIES = re.compile(r"(|[a-z]*[a-z_ -])[_ -]?([a-j]|[0-9])", re.IGNORECASE)
_WRONG = ("distractor", "wrong", "incorrect", "negative")


def guess_mapping(table: Table, kind: str | TaskKind) -> Guess:
    """The kind's columns that the file seems to have: by their name, a synonym, or a series such as A, B, C, D.

    What is not found is left out; no column is used twice.
    """
    wanted = SYNONYMS[kind if isinstance(kind, str) else kind.name]
    left = {column: re.sub(r"[\W_]", "", column).lower() for column in table.columns}
    found: Guess = {}
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
    for field in LIST_COLUMNS:
        if field in wanted and field not in found:
            several = _series(tuple(left), wrong=field == "distractors")
            if several:
                found[field] = several
    return {field: found[field] for field in wanted if field in found}


def full_mapping(table: Table, kind: TaskKind, said: ColumnMapping | None) -> Guess:
    """What is said, and guesses from the columns that are left for the rest."""
    said = dict(said or {})
    used = {column for columns in said.values() for column in ((columns,) if isinstance(columns, str) else columns)}
    rest = replace(table, columns=tuple(column for column in table.columns if column not in used))
    guessed = {field: columns for field, columns in guess_mapping(rest, kind).items() if field not in said}
    return {**said, **guessed}


def guess_kind(table: Table, said: ColumnMapping | None = None) -> TaskKind:
    """The kind of a published format; else the one whose columns all are there, by name before by guess.

    Of several the one that needs most columns. What is `said` of the mapping must be the kind's. TaskError: none fits.
    """
    if table.kind is not None:
        return get_kind(table.kind)
    allowed = [kind for kind in KINDS.values() if set(said or {}) <= set(SYNONYMS[kind.name])]
    complete = [kind for kind in allowed if set(kind.columns) <= set(full_mapping(table, kind, said))]
    # Choices go by many names, and a question with choices asks for nothing else.
    named = {*table.columns, *(said or {}), *LIST_COLUMNS}
    exact = [kind for kind in complete if set(kind.columns) <= named]
    if not complete:
        known = "; ".join(f"{kind.name}: {', '.join(kind.columns)}" for kind in KINDS.values())
        raise TaskError(
            f"no task kind fits the columns {listed(sorted(table.columns)) or '(none)'}",
            where=table.source,
            accepted=f"{known}; or columns mapped to these",
        )
    return max(exact or complete, key=lambda kind: len(kind.columns))


def check_mapping(table: Table, kind: TaskKind, mapping: ColumnMapping) -> None:
    """TaskError: a column that the kind or the file does not have, or one that the kind needs and is not mapped."""
    allowed = tuple(SYNONYMS[kind.name])
    for field, columns in mapping.items():
        if field not in allowed:
            raise TaskError(f"the kind {kind.name} has no column {field!r}", accepted=", ".join(allowed))
        for column in (columns,) if isinstance(columns, str) else columns:
            if column not in table.columns:
                raise TaskError(
                    f"the file has no column {column!r}", where=table.source, accepted=listed(table.columns)
                )
        if not isinstance(columns, str) and field not in LIST_COLUMNS:
            raise TaskError(f"{field} is one column, not {len(columns)}", where=f"mapping of {field}")
    if missing := [field for field in kind.columns if field not in mapping]:
        raise TaskError(
            f"the kind {kind.name} needs the column {missing[0]!r}; none is mapped to it",
            where=f"{table.source}, columns {listed(table.columns)}",
            accepted=f"a mapping of {', '.join(kind.columns)}",
        )


def parse_mapping(text: str) -> Guess:
    """`text=review,label=stars`; several columns are joined by +: `choices=A+B+C+D`. TaskError where it is neither."""
    found: Guess = {}
    for part in text.split(","):
        field, sign, column = (piece.strip() for piece in part.partition("="))
        if not (field and sign and column):
            raise TaskError(
                f"not a mapping: {part!r}", where="--map", accepted="text=review,label=stars or choices=A+B+C+D"
            )
        found[field] = tuple(name.strip() for name in column.split("+")) if "+" in column else column
    return found


def _series(columns: tuple[str, ...], *, wrong: bool) -> tuple[str, ...]:
    """Columns that differ in a last letter or digit only, from a, 0 or 1 on without a gap; two or more."""
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
