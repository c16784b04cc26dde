"""Tasks at hand: bundled ones and those that were kept; the latter can be renamed and deleted."""

from pathlib import Path

import streamlit as st

from neuron_core.tasks.library import discard
from neuron_core.tasks.load import bundled_tasks
from pages.shared.frame import session
from pages.shared.frame.engine import why_not
from pages.shared.frame.guard import guard, plain
from pages.shared.inputs.renaming import rename_task
from pages.shared.inputs.tasks import allowed, tasks_at_hand, tasks_folder, use_task
from pages.shared.views.results import reading_of
from pages.shared.views.task_reading import counts, examples, one_question, rejected_rows, understood


def at_hand() -> None:
    """A bundled or kept task, and the button that makes it the one of the next run."""
    known = tasks_at_hand()
    if st.session_state.pop("task_deleted", False):
        # Said, not left out: the browser would go on showing the name of the deleted one.
        st.session_state["data_at_hand"] = next(iter(known))
    if renamed := st.session_state.pop("task_renamed", None):
        st.session_state["data_at_hand"] = renamed
    name = st.selectbox(
        "Task",
        list(known),
        key="data_at_hand",
        format_func=lambda value: known[value],
        persist_state="session",
        width=520,
    )
    reading = reading_of(name)
    understood(reading)
    counts(reading)
    if reading.rejected:
        rejected_rows(reading.rejected, reading.task.name)
    examples(reading)
    one_question(reading)
    with st.container(horizontal=True, vertical_alignment="center"):
        if session.task_name() == name:
            st.markdown(":material/check: This is the task of the next run.")
            st.page_link(session.QUESTIONS, label="See its questions", icon=":material/arrow_forward:")
        elif st.button("Use this task", type="primary", key="use_task", icon=":material/check:"):
            use_task(name)
            st.switch_page(session.QUESTIONS)
        if name not in bundled_tasks():
            if allowed().may("rename"):
                rename_task(Path(name))
            deletion(name, known[name])


def deletion(name: str, title: str) -> None:
    """A popover that asks; not while a run that needs the task is worked on."""
    made = [run for run in session.all_runs() if run.config().task == name]
    locked = any(session.is_active(run.id) for run in made)
    why = why_not("delete") or ("A run of this task is being worked on: cancel it first." if locked else None)
    with st.popover(
        "Delete", icon=":material/delete:", disabled=why is not None, help=why, key=f"delete_{Path(name).stem}"
    ):
        st.markdown(f"**{plain(title)}** is removed from this app. This can't be undone.")
        unfinished = sum(session.status_of(run.id).state != "done" for run in made)
        if made:
            st.markdown(
                f"Runs made from it: {len(made)}. They keep their questions and results. New evaluations of them"
                + (f", and resuming the {unfinished} unfinished," if unfinished else "")
                + " need the task again."
            )
        if st.button("Delete this task", type="primary", key=f"confirm_delete_{Path(name).stem}"):
            with guard():
                allowed().check("delete", title)
                discard(Path(name), tasks_folder())
                st.session_state["task_deleted"] = True
                if st.session_state.get("task") == name:
                    use_task(bundled_tasks()[0])
                st.rerun()
