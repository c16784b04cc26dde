"""The tasks that the next run may take: bundled, kept, by path, from the hub. And which files the app may read."""

import os
from collections import Counter
from pathlib import Path

import streamlit as st

from neuron_core.errors import TaskError
from neuron_core.runs.store import default_root
from neuron_core.service.permissions import DATA_ROOT, DEMO, Permissions, is_loopback, permissions
from neuron_core.tasks.library import kept_tasks, kept_title, within
from neuron_core.tasks.load import bundled_tasks
from neuron_core.tasks.readers import ACCEPTED
from pages.shared.frame.guard import error_box


def allowed() -> Permissions:
    """What visitors of this server may do; handle and worker ask the same list."""
    return permissions(loopback=is_loopback(st.get_option("server.address")))


def demo_mode() -> bool:
    """Whether visitors may only look, and run what came with the app (NEURONLLM_DEMO_MODE=1)."""
    return os.environ.get(DEMO, "") not in ("", "0")


def use_task(name: str) -> None:
    """Makes a task the one of the next run, from the next rerun on."""
    st.session_state["task_to_use"] = name


def tasks_at_hand() -> dict[str, str]:
    """Bundled and kept tasks: what a run takes, and how it is shown."""
    kept = () if demo_mode() else kept_tasks(tasks_folder())
    times = Counter(map(kept_title, kept))
    titles = {
        # The end of the file's name tells two of one title apart.
        str(path): kept_title(path) + (f" ({path.stem[-4:]})" if times[kept_title(path)] > 1 else "")
        for path in kept
    }
    return {name: f"{name} (bundled)" for name in bundled_tasks()} | titles


def is_own(name: object) -> bool:
    """Whether a task is one that a visitor kept."""
    return not demo_mode() and Path(str(name)) in kept_tasks(tasks_folder())


def task_choice() -> None:
    """The sidebar's box for the task of the next run."""
    try:
        known = tasks_at_hand()
    except TaskError as error:
        # Those that came with the app are there all the same.
        error_box(error.what, error.where, error.accepted)
        known = dict.fromkeys(bundled_tasks(), "")
    if "task_to_use" in st.session_state:
        st.session_state["task"] = st.session_state.pop("task_to_use")
    chosen = st.session_state.get("task", next(iter(known)))
    st.selectbox(
        "Task of the next run",
        list(dict.fromkeys([*known, *([] if demo_mode() else [chosen])])),
        key="task",
        format_func=lambda value: known.get(value) or value,
        accept_new_options=not demo_mode(),
        help=f"A bundled task, one kept on the page Data, hub:ID, or the path of a file: {ACCEPTED}.",
        # st.switch_page forgets the sidebar's widgets for one run.
        persist_state="session",
    )


def tasks_folder() -> Path:
    """Where the user's own tasks are kept: beside the runs."""
    return default_root().absolute().parent / "tasks"


def data_root() -> Path | None:
    """The folder below which files may be read by their path, None where none may.

    Set by NEURONLLM_DATA_ROOT. Without it: any file while only this machine can open the app, else none.
    """
    said = os.environ.get(DATA_ROOT)
    if said:
        return Path(said)
    return Path(Path.cwd().anchor) if allowed().may("path") else None


def server_file(name: str) -> Path:
    """The absolute path of a file that the app may read: a kept task, or one below the data root. TaskError."""
    if Path(name) in kept_tasks(tasks_folder()):
        return Path(name)
    if Path(name).parent == tasks_folder() and not Path(name).exists():
        raise TaskError(
            "this kept task has been deleted",
            where=kept_title(Path(name)),
            accepted="another task, chosen in the sidebar; or the same file, kept again on the page Data",
        )
    root = data_root()
    if root is None:
        raise TaskError(
            "files of the server can't be opened by their path here",
            where=name[:200],
            accepted=f"a bundled task or an upload; {DATA_ROOT} names a folder whose files may be opened",
        )
    return within(name, root, DATA_ROOT)
