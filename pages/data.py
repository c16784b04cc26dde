"""A task for the next run: one at hand, or a file whose every row is checked."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from neuron_core.errors import TaskError
from neuron_core.tasks.export import examples_jsonl
from neuron_core.tasks.library import TITLE_LENGTH, keep
from neuron_core.tasks.reading import NoGoodRow, TaskReading
from neuron_core.tasks.table import Table
from pages.shared.frame import session
from pages.shared.frame.guard import error_box
from pages.shared.frame.navigation import through_frame
from pages.shared.inputs.checked_table import checked, options_of, table_of
from pages.shared.inputs.columns import Columns, choose_columns
from pages.shared.inputs.file_reading import label_names, names_of, on_page
from pages.shared.inputs.lengths import fitting
from pages.shared.inputs.sources import Origin, hub_dataset, server_path, uploaded_file
from pages.shared.inputs.tasks import allowed, demo_mode, tasks_folder, use_task
from pages.shared.inputs.tasks_at_hand import at_hand
from pages.shared.views.task_reading import counts, first_rows, one_question, rejected_rows, understood

AT_HAND, UPLOAD, PATH, HUB = "A task at hand", "Upload a file", "A file on this machine", "Hugging Face hub"


def brought(origin: Origin) -> None:
    """A file: what was understood, its first rows, its columns, its check, and the way on."""
    said, rows, columns_box = st.empty(), st.container(), st.container()
    failed = st.session_state.get("data_failed") == origin.stamp
    try:
        options = options_of(origin, opened=failed)
        table = table_of(origin, options)
    except TaskError as error:
        with said:
            error_box(on_page(error.what), error.where, on_page(error.accepted or "") or None)
        if origin.parts is None:
            return
        with columns_box:
            label_names(origin.stamp)
        if not failed:
            # The boxes that may help are opened, in a run of their own: they stand before what they are read for.
            st.session_state["data_failed"] = origin.stamp
            st.rerun()
        return
    with columns_box:
        st.header("Columns")
        columns = choose_columns(table, origin.stamp, names_of(origin.stamp, options.labels))
    with rows:
        if options.labels and not options.tag_names and table.format != "lines":
            st.warning(
                f"The files of labels are not used: the format {table.format} has labels of its own. "
                "They are for a file with a text a line.",
                icon=":material/warning:",
            )
        first_rows(table, dict(columns.mapping))
    if columns.missing:
        said.info(f"Choose the column for: {', '.join(columns.missing)}.", icon=":material/view_column:")
        return
    checked_rows(table, columns, said)


def checked_rows(table: Table, columns: Columns, said: DeltaGenerator) -> None:
    """Every row checked; what was understood, or why nothing was, goes where it is `said`."""
    works = "other columns or another kind below, or a corrected file"
    try:
        reading = checked(table, columns)
        with said.container():
            understood(reading)
        works = "shorter texts, or a model with a longer context"
        st.header("Rows")
        good = fitting(reading)
    except NoGoodRow as error:
        with said:
            error_box(on_page(error.what), error.where, works)
        rejected_rows(error.rejected, table.name)
        return
    except TaskError as error:
        with said:
            error_box(on_page(error.what), error.where, on_page(error.accepted or works))
        return
    if good is not reading:
        with said.container():
            understood(good)
    counts(good)
    if good.rejected:
        rejected_rows(good.rejected, table.name)
    one_question(good)
    go_on(good, table.name)


def go_on(reading: TaskReading, name: str) -> None:
    """Keeps the good examples as a task and goes to its questions."""
    n = len(reading.task.examples)
    st.header("Use the valid rows")
    own = " ".join(name.replace("_", " ").split())[:TITLE_LENGTH]
    title = st.text_input("Name of the task", own, max_chars=TITLE_LENGTH, key=f"data_name {name}", width=480)
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
    st.caption("They are copied into the app's own folder, so later runs find them. Your file is not changed.")


through_frame()
st.markdown(
    "A task is a set of examples with right answers. Choose one of those here, or bring your own. Each row is checked, "
    "and every row that does not fit is listed with the reason."
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
    elif (origin := {UPLOAD: uploaded_file, PATH: server_path, HUB: hub_dataset}[source]()) is not None:
        brought(origin)
