"""What a session looks at: the run, the task, the model. The address holds the run: a link shows it again."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import streamlit as st

from neuron_core.errors import ConfigError
from neuron_core.models.spec import ModelSpec
from neuron_core.paths import ASSETS, user_path
from neuron_core.runs import demo as demo_files
from neuron_core.runs.demo import DEMO
from neuron_core.runs.run_folder import ACTIVE, RunFolder, RunStatus
from neuron_core.runs.store import default_root
from neuron_core.tasks.hub import PREFIX
from neuron_core.tasks.library import kept_title
from neuron_core.tasks.load import bundled_tasks
from pages.shared.frame.engine import engine
from pages.shared.frame.once import once, summary_of
from pages.shared.inputs.tasks import allowed, demo_mode, server_file

DEMO_FOLDER = ASSETS / "demo_run"
RECENT = 30
START, DATA, QUESTIONS = "pages/start.py", "pages/data.py", "pages/questions.py"
ATTRIBUTION, LAYERS, CONTROL = "pages/attribution.py", "pages/layers.py", "pages/control.py"
QUESTION, RUNS = "pages/question.py", "pages/runs.py"
NEURON, PLAYGROUND = "pages/neuron.py", "pages/playground.py"
OVERVIEW = "pages/overview.py"
CROSS_TASK, METHODS = "pages/cross_task.py", "pages/methods.py"


def demo_folders() -> dict[str, Path]:
    """Id → folder of the finished demos that came with this copy."""
    return once("demos", lambda: demo_files.demo_folders(DEMO_FOLDER))


def has_demo() -> bool:
    """Whether a finished demo run came with this copy."""
    return DEMO in demo_folders()


def is_demo(run_id: str | None) -> bool:
    """Whether a run is one of those that came with this copy."""
    return run_id is not None and run_id.startswith(DEMO) and run_id in demo_folders()


def run_name(run: RunFolder) -> str:
    """The id that links use; finished demos have ids of their own."""
    if run.path.parent == default_root():
        return run.id
    return next((name for name, path in demo_folders().items() if path == run.path), run.id)


def open_run(run_id: str) -> RunFolder:
    """A run of the store, or a finished demo. RunError when there is none of this name."""
    folder = demo_folders().get(run_id) if is_demo(run_id) else None
    return RunFolder(folder) if folder else engine().store.inside(run_id)


def status_of(run_id: str) -> RunStatus:
    """How far a run is; finished demos stand outside the store."""
    return open_run(run_id).status() if is_demo(run_id) else engine().status(run_id)


def recent_runs() -> list[RunFolder]:
    """The newest runs of the store."""
    return _of_store(RECENT)


def _of_store(most: int | None) -> list[RunFolder]:
    """The newest runs of the store; all, where no number is given."""
    return once(("runs", most), lambda: engine().store.runs(most))


def listed_runs(most: int | None = None) -> list[RunFolder]:
    """Every run of the store, newest first, or the newest of them, and the finished demos last; damaged ones too."""
    return [*_of_store(most), *map(RunFolder, demo_folders().values())]


def all_runs(most: int | None = None) -> list[RunFolder]:
    """As `listed_runs`, but those that can be read: what is damaged stands on the page Runs alone."""
    return [run for run in listed_runs(most) if not summary_of(run).damage]


def show(run_id: str) -> None:
    """Makes a run the one that every page shows, from the next rerun on."""
    st.session_state["run_to_show"] = run_id


def forget() -> None:
    """Shows no longer the run that was shown: it is gone."""
    for key in ("shown_run", "run_to_show"):
        st.session_state.pop(key, None)
    st.query_params.pop("run", None)


def working() -> str:
    """The run that is being worked on, empty where none is."""
    return engine().active() or ""


def shown_id() -> str | None:
    """The id of the run that pages show."""
    return st.session_state.get("shown_run")


def shown_run() -> RunFolder | None:
    """The run that pages show."""
    run_id = shown_id()
    return None if run_id is None else open_run(run_id)


def task_title(run: RunFolder) -> str:
    """The task of a run as a person calls it: the name that it was given, or the bundled one's."""
    return _task_title(summary_of(run).source or run.config().task)


def _task_title(task: str) -> str:
    return once(("task", task), lambda: _titled(task))


def _titled(task: str) -> str:
    if task.startswith(PREFIX) or ("/" not in task and task in bundled_tasks()):
        return task
    title = kept_title(Path(task))
    return title if title != Path(task).name else Path(task).stem


def run_title(run_id: str) -> str:
    """A run as lists call it: what somebody called it, or its task and when it began."""
    return title_of(open_run(run_id), run_id)


def title_of(run: RunFolder, run_id: str) -> str:
    """As `run_title`, of a run that is open."""
    found = summary_of(run)
    if found.damage:
        return f"{run_id} (damaged)"
    if is_demo(run_id):
        return f"Demo · {task_title(run)}"
    began = time.strftime("%-d %b %H:%M", time.localtime(found.created or run.status().created))
    return found.label or f"{_task_title(found.source or run.config().task)} · {began}"


def run_titles(run_ids: Sequence[str], opened: Mapping[str, RunFolder] | None = None) -> dict[str, str]:
    """The titles of several runs, told apart by the end of their ids where two are the same.

    opened: those that are open already.
    """
    known = opened or {}
    titles = {run_id: title_of(known.get(run_id) or open_run(run_id), run_id) for run_id in run_ids}
    counts = Counter(titles.values())
    return {run_id: title if counts[title] == 1 else f"{title} · {run_id}" for run_id, title in titles.items()}


def is_active(run_id: str) -> bool:
    return status_of(run_id).state in ACTIVE


def task_name() -> str:
    """The task of the next run: a bundled one, a hub dataset, or a file, which a run must find from any folder."""
    task = str(st.session_state["task"]).strip()
    if task in bundled_tasks():
        return task
    if demo_mode():
        raise ConfigError("this demo takes its own tasks only", where=task, accepted=", ".join(bundled_tasks()))
    return task if task.startswith(PREFIX) else str(server_file(task))


def model_spec() -> ModelSpec:
    """The model of the next run, as the sidebar says. ModelError for a setting that is none."""
    source = str(st.session_state["model_source"]).strip()
    # Not drawn where no model may be named: what a draft says of these counts for nothing there.
    may = allowed().may("model")
    bits = st.session_state.get("model_bits") if may else None
    # A model that is not of the hub has none; what was typed for another model stays in the field.
    named = allowed().revisions and ModelSpec(source).is_hub
    return ModelSpec(
        source=source,
        revision=(str(st.session_state["model_revision"]).strip() or None) if named else None,
        dtype=st.session_state["model_dtype"],
        device=str(st.session_state["model_device"]).strip(),
        trust_remote_code=bool(st.session_state.get(trust_key(source))),
        device_map="auto" if st.session_state.get("model_spread") else None,
        adapter=_place("model_adapter") if may else None,
        architecture=_place("model_architecture") if may else None,
        load_in_4bit=bits == "4bit",
        load_in_8bit=bits == "8bit",
    )


def _place(key: str) -> str | None:
    """A typed path in full, so that a run finds it from any folder; other words as they are, none as None."""
    said = str(st.session_state.get(key) or "").strip()
    path = user_path(said)
    # Where a name is too long to be asked for, the spec says so.
    with suppress(OSError, ValueError):
        return str(path.absolute()) if said and path.exists() else said or None
    return said


def trust_key(source: str) -> str:
    """The key of the box that lets a model's own code run: one for each model, so that none inherits it."""
    return f"trust_{source}"
