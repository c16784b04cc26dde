"""What was understood of a file: the sentence, its first rows, the rows left out, one question made from it."""

from collections import Counter
from collections.abc import Mapping

import streamlit as st

from neuron_core.figures.theme import counted
from neuron_core.qatt.draws import draw, questions_of
from neuron_core.tasks.export import rejected_csv
from neuron_core.tasks.kinds import get_kind
from neuron_core.tasks.reading import Rejected, TaskReading, joined_names
from neuron_core.tasks.table import Table, listed
from pages.shared.frame.guard import guard, plain
from pages.shared.inputs.columns import KIND_LABELS
from pages.shared.inputs.file_reading import on_page
from pages.shared.inputs.sources import remembered
from pages.shared.views.tables import example_table, raw_table, rejected_table

# In pixels: five beside each other.
CARD_WIDTH = 150
SHOWN_ROWS, SHOWN_REJECTED, SHOWN_EXAMPLES = 5, 1000, 5
MARK = "rgba(0, 114, 178, 0.18)"
"behind the values of columns that are used: seen on a light page and on a dark one"


def understood(reading: TaskReading) -> None:
    """The sentence, the columns that no question shows, and what one must know of how the rows were read."""
    st.markdown(f"**{plain(_in_words(reading))}**")
    if reading.unused:
        st.markdown(plain(f"Columns not used: {listed(reading.unused)}."))
    notes = [on_page(_begun(note)) for note in reading.notes]
    if reading.n_trimmed:
        have = "has" if reading.n_trimmed == 1 else "have"
        notes.append(
            f"{counted(reading.n_trimmed, 'example')} {have} more than four options. The right one is kept, and the "
            "seed chooses three of the others"
        )
    if fillers := filled_with(reading):
        own = "labels" if reading.task.labels else "options"
        notes.append(f"There are fewer than four {own}, so neutral options are added: {fillers}")
    warned = [note for note in notes if note.startswith("Warning: ")]
    if warned:
        st.warning(
            "\n\n".join(plain(f"{_begun(note.removeprefix('Warning: '))}.") for note in warned),
            icon=":material/warning:",
        )
    if told := [note for note in notes if note not in warned]:
        st.caption("\n".join(f"- {plain(note)}." for note in told))


def _in_words(reading: TaskReading) -> str:
    """`Classification with 5 labels. Columns: text (body), label. All 200 rows fit.`"""
    task, n = reading.task, len(reading.task.examples)
    what = KIND_LABELS[task.kind].partition(":")[0]
    if task.labels:
        what += f" with {counted(len(task.labels), 'label')}"
    columns = [(field, joined_names(column)) for field, column in reading.mapping.items()]
    named = ", ".join(field if field == column else f"{field} ({column})" for field, column in columns)
    rows = f"All {n:,} rows fit" if n == reading.n_rows else f"{n:,} of {reading.n_rows:,} rows fit"
    return f"{what}. Columns: {named}. {rows}."


def counts(reading: TaskReading) -> None:
    """How many rows, examples, rejected rows, texts and labels."""
    cards = [
        ("Rows", reading.n_rows, None),
        ("Examples", len(reading.task.examples), "Rows that fit."),
        ("Rejected", len(reading.rejected), "Rows that don't, each with its reason below."),
        (
            "Different texts",
            reading.n_texts,
            "A run takes at most one example of each text, so no sentence is used twice.",
        ),
    ]
    if reading.task.labels:
        cards.append(("Labels", len(reading.task.labels), ", ".join(map(plain, reading.task.labels[:40]))))
    with st.container(horizontal=True, key="data_counts"):
        for name, value, meaning in cards:
            st.metric(name, f"{value:,}", border=True, help=meaning, width=CARD_WIDTH)


def filled_with(reading: TaskReading) -> str:
    """The neutral options of the first example, where it has any."""
    task = reading.task
    first = task.examples[0]
    own = {*task.labels, *map(str, first.fields.get("distractors", ()))}
    kind = get_kind(task.kind)
    return ", ".join(option for option in kind.options(first, task, 0) if option in kind.fillers and option not in own)


def first_rows(table: Table, mapping: Mapping[str, str | tuple[str, ...]]) -> None:
    """The first rows as they were read: the columns that are used in front, marked and named by what they are."""
    uses: dict[str, list[str]] = {}
    for field, columns in mapping.items():
        for column in (columns,) if isinstance(columns, str) else columns:
            uses.setdefault(column, []).append(field)
    frame = raw_table(table, SHOWN_ROWS, first=tuple(uses))
    marked = frame.style.set_properties(subset=list(uses), **{"background-color": MARK})
    size = f"{counted(len(table.rows), 'row')}, {counted(len(table.columns), 'column')}"
    st.caption(
        plain(f"{table.source}: {size}, format {table.format}. ")
        + f"Below are the first {min(SHOWN_ROWS, len(table.rows))}. Columns in use are marked and come first."
    )
    st.dataframe(
        marked,
        key="data_raw",
        hide_index=True,
        column_config={
            column: st.column_config.Column(f"{' and '.join(fields)} ({column})")
            for column, fields in uses.items()
            if fields != [column]
        },
        alt="The first rows as they were read, with the columns that are used marked",
    )


def rejected_rows(rejected: tuple[Rejected, ...], name: str) -> None:
    """How many by which rule, the list, and the file."""
    st.markdown(f"**{counted(len(rejected), 'rejected row')}**")
    by_rule = Counter(row.rule for row in rejected).most_common()
    st.text("By reason: " + ", ".join(f"{rule} ({count:,})" for rule, count in by_rule))
    shown = rejected_table(rejected[:SHOWN_REJECTED])
    shown["accepted"] = shown["accepted"].map(on_page)
    st.dataframe(
        shown,
        hide_index=True,
        key="data_rejected",
        # A long value must not hide the reason.
        column_config={"value": st.column_config.Column(width="small"), "reason": st.column_config.Column(width=260)},
        alt="Rejected rows with column, value, reason and what is accepted",
    )
    if len(rejected) > SHOWN_REJECTED:
        st.caption(f"The first {SHOWN_REJECTED:,} are shown; the download has them all.")
    st.download_button(
        "Rejected rows (CSV)",
        lambda: rejected_csv(rejected),
        f"{name}-rejected.csv",
        "text/csv",
        key="data_rejected_csv",
        on_click="ignore",
        icon=":material/download:",
    )


def examples(reading: TaskReading) -> None:
    """The first examples under the columns of their kind."""
    st.dataframe(
        example_table(reading.task.examples[:SHOWN_EXAMPLES]),
        hide_index=True,
        key="data_examples",
        alt="First examples",
    )


def one_question(reading: TaskReading) -> None:
    """The first question of a run with seed 0, as a model gets it."""
    st.header("One question as the model gets it")
    with guard():
        st.code(remembered("data_prompt", reading, lambda: first_prompt(reading)), language=None, wrap_lines=True)
        st.caption("Wording, demonstration and distractors can be changed on the page Questions.")


def first_prompt(reading: TaskReading) -> str:
    """The first question that a run with seed 0 asks."""
    draws = draw(reading.task, 1, 0, 0)
    return questions_of(reading.task, draws.attribution, draws.demonstration, 0)[0].prompt


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]
