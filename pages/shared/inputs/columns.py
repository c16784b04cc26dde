"""What a table's columns are: guessed, shown, changeable."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from neuron_core.errors import TaskError
from neuron_core.tasks.answers import FORMS
from neuron_core.tasks.guessing import guess_kind, guess_mapping
from neuron_core.tasks.kinds import KINDS, get_kind
from neuron_core.tasks.kinds.base import CONTEXT, same_text
from neuron_core.tasks.labels import spellings
from neuron_core.tasks.mapping import Guess
from neuron_core.tasks.names import LIST_COLUMNS, SYNONYMS
from neuron_core.tasks.table import Table
from pages.shared.frame.guard import plain
from pages.shared.inputs.file_reading import label_names, on_page

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
    CONTEXT: "A second text that the first is about. The prompt shows it in a line of its own. May stay empty.",
}
JOINED = "Several columns are joined in their order, as in premise: … hypothesis: …"
MOST_LABELS, MOST_LETTERS = 50, 48


@dataclass(frozen=True)
class Columns:
    """How the rows of a table are to be read."""

    kind: str
    mapping: tuple[tuple[str, str | tuple[str, ...]], ...]
    labels: tuple[str, ...] | Mapping[str, str] | None = None
    "the only ones allowed, or names by what the file has; None allows all"
    answers: str | None = None
    "form of the answers; None takes that of most rows"
    fill_options: bool = False
    "neutral options beside two or three choices"

    @property
    def missing(self) -> tuple[str, ...]:
        """Columns that the kind needs and that none is chosen for."""
        return tuple(field for field in get_kind(self.kind).columns if field not in dict(self.mapping))


def choose_columns(table: Table, stamp: str, names: Mapping[str, str]) -> Columns:
    """The widgets, and what they say. `stamp`: of the file; `names`: those of labels, typed or from a file."""
    kind = _kind(table)
    guessed = guess_mapping(table, kind)
    # Other widgets for another table or kind: what was chosen for one means nothing for the next.
    of_kind = f"{table.source} {table.columns} {kind}"
    chosen: Guess = {}
    with st.container(horizontal=True, key="data_columns"):
        for field in SYNONYMS[kind]:
            several = field in (*LIST_COLUMNS, CONTEXT, get_kind(kind).columns[0])
            found = (_several if several else _column)(table, field, guessed, of_kind)
            if found is not None:
                chosen[field] = found
    mapping = tuple(chosen.items())
    if "choices" in get_kind(kind).columns:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            return Columns(kind, mapping, None, _answers(of_kind), _fill_options(of_kind))
    return Columns(kind, mapping, _labels(table, kind, chosen, of_kind, stamp, names))


def _kind(table: Table) -> str:
    try:
        guess: str | None = guess_kind(table).name
    except TaskError as error:
        guess = None
        st.info(
            f"{plain(on_page(error.what[:1].upper() + error.what[1:]))}. Choose the kind and its columns.",
            icon=":material/view_column:",
        )
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


def _several(table: Table, field: str, guessed: Guess, stamp: str) -> str | tuple[str, ...] | None:
    guess = guessed.get(field, ())
    found = st.multiselect(
        field,
        table.columns,
        default=[guess] if isinstance(guess, str) else list(guess),
        key=f"data_column {field} {stamp}",
        placeholder="none" if field in ("distractors", CONTEXT) else "choose columns",
        help=MEANINGS.get(field, JOINED),
        width=320 if field in LIST_COLUMNS else 260,
    )
    return None if not found else found[0] if len(found) == 1 else tuple(found)


def _labels(
    table: Table, kind: str, chosen: Guess, of_kind: str, stamp: str, names: Mapping[str, str]
) -> tuple[str, ...] | Mapping[str, str] | None:
    column = chosen.get(get_kind(kind).label_column or "")
    if not isinstance(column, str):
        return None
    values = [fields.get(column) for _, fields in table.rows]
    texts = [str(value) for value in values if isinstance(value, str | int | float) and str(value).strip()]
    one = spellings(texts)
    counts = Counter(one[" ".join(text.split())] for text in texts)
    with st.container(horizontal=True):
        label_names(stamp)
        if names:
            _say_strange(names, counts)
            return names
        if len(counts) > MOST_LABELS:
            st.caption(f"{len(counts):,} different labels.")
            return None
        kept = st.multiselect(
            "Labels",
            list(counts),
            default=list(counts),
            key=f"data_labels {sorted(counts)} {of_kind}",
            format_func=lambda label: f"{_short(label)} ({counts[label]:,})",
            help="Rows with a label that is taken out here are rejected.",
        )
    return None if len(kept) == len(counts) else tuple(kept)


def _short(label: str) -> str:
    """Both ends of a long label: labels often differ at their ends only."""
    return label if len(label) <= MOST_LETTERS else f"{label[: MOST_LETTERS // 2]}…{label[-MOST_LETTERS // 2 :]}"


def _say_strange(names: Mapping[str, str], counts: Mapping[str, int]) -> None:
    """Names that are for no label of the column: they change nothing, which must not go unsaid."""
    here = {same_text(label).removesuffix(".0") for label in counts}
    strange = [key for key, name in names.items() if not {same_text(key).removesuffix(".0"), same_text(name)} & here]
    if strange:
        st.caption(plain(f"No row has the label {', '.join(map(repr, strange))}."))


def _fill_options(stamp: str) -> bool:
    return st.checkbox(
        "Fill up with neutral options",
        key=f"data_fill {stamp}",
        help="Rows with two or three choices get neutral ones such as “not sure”, up to four.",
    )


def _answers(stamp: str) -> str | None:
    return st.selectbox(
        "The answer is",
        (None, *FORMS),
        key=f"data_answers {stamp}",
        format_func=lambda form: FORM_LABELS[form],
        width=260,
    )
