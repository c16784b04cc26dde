"""A task for the next run: one at hand, or a file whose every row is checked."""

from collections import Counter
from pathlib import Path

import streamlit as st

from neuron_core.errors import TaskError
from neuron_core.qatt.draws import draw, questions_of
from neuron_core.tasks.kinds import get_kind
from neuron_core.tasks.library import discard, keep
from neuron_core.tasks.load import bundled_tasks
from neuron_core.tasks.reading import NoGoodRow, Rejected, TaskReading, examples_jsonl, rejected_csv
from neuron_core.tasks.table import Table
from neuron_core.tasks.validation import validate
from pages.shared.frame import session
from pages.shared.frame.guard import error_box, guard, plain
from pages.shared.frame.navigation import through_frame
from pages.shared.inputs.columns import KIND_LABELS, Columns, choose_columns
from pages.shared.inputs.lengths import fitting
from pages.shared.inputs.sources import hub_table, remembered, server_table, uploaded_table
from pages.shared.inputs.tasks import allowed, demo_mode, tasks_at_hand, tasks_folder, use_task
from pages.shared.views.results import reading_of
from pages.shared.views.tables import example_table, raw_table, rejected_table

AT_HAND, UPLOAD, PATH, HUB = "A task at hand", "Upload a file", "A file on this machine", "Hugging Face hub"
# In pixels: five beside each other.
CARD_WIDTH = 150
SHOWN_ROWS, SHOWN_REJECTED, SHOWN_EXAMPLES = 5, 1000, 5


def at_hand() -> None:
    """A bundled or kept task, and the button that makes it the one of the next run."""
    known = tasks_at_hand()
    if st.session_state.pop("task_deleted", False):
        # Said, not left out: the browser would go on showing the name of the deleted one.
        st.session_state["data_at_hand"] = next(iter(known))
    name = st.selectbox(
        "Task",
        list(known),
        key="data_at_hand",
        format_func=lambda value: known[value],
        persist_state="session",
        width=520,
    )
    reading = reading_of(name)
    report(reading)
    if reading.rejected:
        rejected_rows(reading.rejected, reading.task.name)
    examples(reading)
    with st.container(horizontal=True, vertical_alignment="center"):
        if session.task_name() == name:
            st.markdown(":material/check: This is the task of the next run.")
            st.page_link(session.QUESTIONS, label="See its questions", icon=":material/arrow_forward:")
        elif st.button("Use this task", type="primary", key="use_task", icon=":material/check:"):
            use_task(name)
            st.switch_page(session.QUESTIONS)
        if name not in bundled_tasks():
            deletion(name, known[name])


def deletion(name: str, title: str) -> None:
    """A popover that asks; not while a run that needs the task is worked on."""
    made = [run for run in session.all_runs() if run.config().task == name]
    locked = any(session.is_active(run.id) for run in made)
    why = "A run of this task is being worked on: cancel it first." if locked else None
    with st.popover("Delete", icon=":material/delete:", disabled=locked, help=why, key="delete_task"):
        st.markdown(f"**{plain(title)}** is removed from this app. This can't be undone.")
        unfinished = sum(session.status_of(run.id).state != "done" for run in made)
        if made:
            st.markdown(
                f"Runs made from it: {len(made)}. They keep their questions and results. New evaluations of them"
                + (f", and going on with the {unfinished} unfinished," if unfinished else "")
                + " need the task again."
            )
        if st.button("Delete this task", type="primary", key="confirm_delete_task"):
            with guard():
                allowed().check("delete", title)
                discard(Path(name), tasks_folder())
                st.session_state["task_deleted"] = True
                if st.session_state.get("task") == name:
                    use_task(bundled_tasks()[0])
                st.rerun()


def brought(table: Table) -> None:
    """A table that was read: its columns, the check of its rows, and the way on."""
    st.subheader("Columns")
    st.caption(
        plain(f"{table.source}: {len(table.rows):,} rows, {len(table.columns)} columns, format {table.format}. ")
        + f"The first {min(SHOWN_ROWS, len(table.rows))}:"
    )
    st.dataframe(raw_table(table, SHOWN_ROWS), key="data_raw", hide_index=True, alt="The first rows as they were read")
    columns = choose_columns(table)
    if columns is None:
        return
    st.subheader("Rows")
    works = "other columns or another kind above, or a corrected file"
    try:
        reading = checked(table, columns)
        works = "shorter texts, or a model with a longer context"
        good = fitting(reading)
    except NoGoodRow as error:
        error_box(error.what, error.where, works)
        rejected_rows(error.rejected, table.name)
        return
    except TaskError as error:
        error_box(error.what, error.where, error.accepted or works)
        return
    report(good)
    if good.rejected:
        rejected_rows(good.rejected, table.name)
    examples(good)
    go_on(good, table.name)


def checked(table: Table, columns: Columns) -> TaskReading:
    """Every row of the table under these columns."""
    return remembered(
        "data_reading",
        (table, columns),
        lambda: validate(table, columns.kind, dict(columns.mapping), labels=columns.labels, answers=columns.answers),
    )


def report(reading: TaskReading) -> None:
    """The counts, and what one must know of how the rows were read."""
    cards = [
        ("Rows", reading.n_rows, None),
        ("Examples", len(reading.task.examples), "Rows that fit."),
        ("Rejected", len(reading.rejected), "Rows that don't, each with its reason below."),
        ("Different texts", reading.n_texts, "A run draws one example of each text: the draws share no sentence."),
    ]
    if reading.task.labels:
        cards.append(("Labels", len(reading.task.labels), ", ".join(map(plain, reading.task.labels[:40]))))
    with st.container(horizontal=True, key="data_counts"):
        for name, value, meaning in cards:
            st.metric(name, f"{value:,}", border=True, help=meaning, width=CARD_WIDTH)
    notes = [f"{KIND_LABELS[reading.task.kind]}.", *(f"{note[:1].upper()}{note[1:]}." for note in reading.notes)]
    if reading.n_trimmed:
        notes.append(
            f"{reading.n_trimmed:,} examples have more than four options: the right one stays, the seed says which of "
            "the others are dropped."
        )
    if fillers := filled_with(reading):
        notes.append(f"Fewer than four options of their own: neutral ones fill up ({fillers}).")
    st.caption(plain(" ".join(notes)))


def filled_with(reading: TaskReading) -> str:
    """The neutral options of the first example, where it has any."""
    task = reading.task
    first = task.examples[0]
    own = {*task.labels, *map(str, first.fields.get("distractors", ()))}
    kind = get_kind(task.kind)
    return ", ".join(option for option in kind.options(first, task, 0) if option in kind.fillers and option not in own)


def rejected_rows(rejected: tuple[Rejected, ...], name: str) -> None:
    """How many by which rule, the list, and the file."""
    st.markdown(f"**{len(rejected):,} rejected rows**")
    counts = Counter(row.rule for row in rejected).most_common()
    st.text(", ".join(f"{rule}: {count:,}" for rule, count in counts))
    st.dataframe(
        rejected_table(rejected[:SHOWN_REJECTED]),
        hide_index=True,
        key="data_rejected",
        # A long value must not hide the reason.
        column_config={"value": st.column_config.Column(width="small"), "reason": st.column_config.Column(width=260)},
        alt="Rejected rows with column, value, reason and what is accepted",
    )
    if len(rejected) > SHOWN_REJECTED:
        st.caption(f"The first {SHOWN_REJECTED:,}; the file has all.")
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
    """The first examples, and the first question as a model gets it."""
    st.subheader("First examples")
    st.dataframe(
        example_table(reading.task.examples[:SHOWN_EXAMPLES]),
        hide_index=True,
        key="data_examples",
        alt="First examples",
    )
    with st.expander("A question made from them", key="data_question", icon=":material/quiz:"), guard():
        st.code(remembered("data_prompt", reading, lambda: first_prompt(reading)), language=None, wrap_lines=True)
        st.caption("Wording, demonstration and distractors can be changed on the page Questions.")


def first_prompt(reading: TaskReading) -> str:
    """The first question that a run with seed 0 asks."""
    draws = draw(reading.task, 1, 0, 0)
    return questions_of(reading.task, draws.attribution, draws.demonstration, 0)[0].prompt


def go_on(reading: TaskReading, name: str) -> None:
    """Keeps the good examples as a task and goes to its questions."""
    n = len(reading.task.examples)
    st.subheader("Go on with the good")
    title = st.text_input("Name of the task", name, max_chars=40, key=f"data_name {name}", width=320)
    with st.container(horizontal=True):
        if st.button(f"Use these {n:,} examples", type="primary", key="data_use", icon=":material/check:"):
            use_task(str(keep(reading.task, tasks_folder(), title)))
            st.switch_page(session.QUESTIONS)
        st.download_button(
            "Good rows (JSONL)",
            lambda: examples_jsonl(reading.task),
            f"{name}-good.jsonl",
            "application/x-ndjson",
            key="data_good_jsonl",
            on_click="ignore",
            icon=":material/download:",
        )
    st.caption("They are copied into the app's own folder, where every later run finds them; your file is left alone.")


through_frame()
st.markdown(
    "A task is a set of examples with right answers. Take one that is here, or bring your own: each row is checked, "
    "and what does not fit is listed with its reason."
)
if demo_mode():
    st.caption("This is a demo: it takes no files of visitors.")
    at_hand()
else:
    source = st.segmented_control(
        "Where from",
        [AT_HAND, *([UPLOAD] if allowed().may("upload") else []), PATH, *([HUB] if allowed().may("hub") else [])],
        default=AT_HAND,
        required=True,
        key="data_source",
        label_visibility="collapsed",
        persist_state="session",
    )
    if source == AT_HAND:
        at_hand()
    elif (table := {UPLOAD: uploaded_table, PATH: server_table, HUB: hub_table}[source]()) is not None:
        brought(table)
