"""What a table's columns are: guessed, shown, changeable."""

from collections import Counter
from dataclasses import dataclass

import streamlit as st

from neuron_core.errors import TaskError
from neuron_core.tasks.answers import FORMS
from neuron_core.tasks.kinds import KINDS, get_kind
from neuron_core.tasks.kinds.base import one_line
from neuron_core.tasks.mapping import LIST_COLUMNS, SYNONYMS, Guess, guess_kind, guess_mapping
from neuron_core.tasks.table import Table
from pages.shared.frame.guard import plain

KIND_LABELS = {
    "classification": "Classification: a text and its label",
    "span_typing": "Span typing: a sentence, a span in it, the span's type",
    "chunking": "Chunking: a sentence and its bracketed chunks",
    "multiple_choice": "Multiple choice: a question, its choices, the right one",
    "question_answer": "Question and answer: the wrong options come from other rows",
}
FORM_LABELS = {
    None: "as in most rows",
    "text": "the text of a choice",
    "letter": "its letter: A, B, …",
    "index0": "its place, from 0",
    "index1": "its place, from 1",
}
MEANINGS = {
    "choices": "One column that holds a list, or several columns with one choice each, in their order.",
    "distractors": "Wrong options of your own, in place of those that the kind makes: a list column, or several. "
    "May stay empty.",
}
MOST_LABELS = 50


@dataclass(frozen=True)
class Columns:
    """How the rows of a table are to be read."""

    kind: str
    mapping: tuple[tuple[str, str | tuple[str, ...]], ...]
    labels: tuple[str, ...] | None = None
    "the only ones allowed; None allows all"
    answers: str | None = None
    "form of the answers; None takes that of most rows"


def choose_columns(table: Table) -> Columns | None:
    """The widgets; None as long as a column is missing."""
    kind = _kind(table)
    guessed = guess_mapping(table, kind)
    # Other widgets for another table or kind: what was chosen for one means nothing for the next.
    stamp = f"{table.source} {table.columns} {kind}"
    chosen: Guess = {}
    fields = list(SYNONYMS[kind])
    with st.container(horizontal=True, key="data_columns"):
        for field in fields:
            found = (
                _list_column(table, field, guessed, stamp)
                if field in LIST_COLUMNS
                else _column(table, field, guessed, stamp)
            )
            if found is not None:
                chosen[field] = found
    missing = [field for field in get_kind(kind).columns if field not in chosen]
    if missing:
        st.info(f"Choose the column for: {', '.join(missing)}.", icon=":material/view_column:")
        return None
    return Columns(kind, tuple(chosen.items()), _labels(table, kind, chosen, stamp), _answers(kind, stamp))


def _kind(table: Table) -> str:
    try:
        guess: str | None = guess_kind(table).name
    except TaskError:
        guess = None
        st.info("No kind of task fits the names of these columns. Choose the kind and its columns.")
    names = list(KINDS)
    return st.selectbox(
        "Kind of task",
        names,
        index=names.index(guess) if guess else 0,
        key=f"data_kind {table.source} {table.columns}",
        format_func=lambda name: KIND_LABELS[name],
        width=520,
    )


def _column(table: Table, field: str, guessed: Guess, stamp: str) -> str | None:
    guess = guessed.get(field)
    return st.selectbox(
        field,
        table.columns,
        index=table.columns.index(guess) if isinstance(guess, str) else None,
        key=f"data_column {field} {stamp}",
        placeholder="choose a column",
        width=220,
    )


def _list_column(table: Table, field: str, guessed: Guess, stamp: str) -> str | tuple[str, ...] | None:
    guess = guessed.get(field, ())
    found = st.multiselect(
        field,
        table.columns,
        default=[guess] if isinstance(guess, str) else list(guess),
        key=f"data_column {field} {stamp}",
        placeholder="none" if field == "distractors" else "choose columns",
        help=MEANINGS[field],
        width=320,
    )
    return None if not found else found[0] if len(found) == 1 else tuple(found)


def _labels(table: Table, kind: str, chosen: Guess, stamp: str) -> tuple[str, ...] | None:
    column = chosen.get(get_kind(kind).label_column or "")
    if not isinstance(column, str):
        return None
    values = [fields.get(column) for _, fields in table.rows]
    counts = Counter(one_line(value) for value in values if isinstance(value, str | int | float) and one_line(value))
    if len(counts) > MOST_LABELS:
        st.caption(f"{len(counts):,} different labels.")
        return None
    kept = st.multiselect(
        "Labels",
        list(counts),
        default=list(counts),
        key=f"data_labels {sorted(counts)} {stamp}",
        format_func=lambda label: f"{label} ({counts[label]:,})",
        help="Rows with a label that is taken out here are rejected.",
    )
    return None if len(kept) == len(counts) else tuple(kept)


def _answers(kind: str, stamp: str) -> str | None:
    if "choices" not in get_kind(kind).columns:
        return None
    return st.selectbox(
        "The answer is",
        (None, *FORMS),
        key=f"data_answers {stamp}",
        format_func=lambda form: FORM_LABELS[form],
        width=260,
    )


def mapping_in_words(mapping: Guess) -> str:
    """`text from review, label from stars`."""
    return plain(
        ", ".join(f"{field} from {c if isinstance(c, str) else ' + '.join(c)}" for field, c in mapping.items())
    )
