"""Names of runs and of kept tasks, and the small popovers beside them that change them."""

from pathlib import Path

import streamlit as st

from neuron_core.errors import NeuronCoreError
from neuron_core.runs.run_folder import RunFolder
from neuron_core.tasks.library import TITLE_LENGTH, kept_title, retitle
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import guard, plain
from pages.shared.frame.presentation import presenting
from pages.shared.inputs.tasks import allowed, tasks_folder, use_task


def run_title_bar(run_id: str) -> None:
    """What the run is called, for the head of a page; its id in a tooltip."""
    try:
        title, run = session.run_title(run_id), session.open_run(run_id)
    # The page says what is wrong with it.
    except NeuronCoreError:
        return
    if session.is_demo(run_id) or presenting() or not allowed().may("rename"):
        st.markdown(plain(title), help=f"Run {run_id}", width="content")
    else:
        rename(run, title, key="rename_shown")


def rename(run: RunFolder, label: str, key: str) -> None:
    """A popover under `label` that takes another name for the run; an empty one gives back task and time."""
    with (
        st.popover(plain(label), icon=":material/edit:", type="tertiary", key=key, help=f"Rename run {run.id}"),
        st.form(f"{key}_{run.id}", border=False),
    ):
        name = st.text_input(
            "Name of the run",
            run.label(),
            max_chars=80,
            key=f"{key}_label_{run.id}",
            placeholder="task and time",
            help="Lists, pages and reports call the run so. Its id stays: " + run.id,
        )
        if st.form_submit_button("Rename", icon=":material/check:"):
            with guard():
                engine().rename(run.id, name)
                st.rerun()


def rename_task(path: Path) -> None:
    """A popover that takes another name for a kept task."""
    with (
        st.popover("Rename", icon=":material/edit:", type="tertiary", key="rename_task"),
        st.form(f"rename_task_{path.stem}", border=False),
    ):
        name = st.text_input(
            "Name of the task",
            kept_title(path),
            max_chars=TITLE_LENGTH,
            key=f"task_title_{path.stem}",
            help="Lists and later runs call the task so. Runs that were made from it stay as they are.",
        )
        if st.form_submit_button("Rename", icon=":material/check:"):
            with guard():
                allowed().check("rename", kept_title(path))
                retitle(path, tasks_folder(), name)
                # The browser knows options by their names: both boxes are told anew which task it is.
                st.session_state["task_renamed"] = str(path)
                if st.session_state.get("task") == str(path):
                    use_task(str(path))
                st.rerun()
