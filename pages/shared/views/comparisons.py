"""Runs that can be compared with the shown one: the same model on other tasks."""

import streamlit as st

from neuron_core.cni.methods import METHODS
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.summary import RunSummary, summary_of
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import plain
from pages.shared.views.results import rankings_of_run, setting_of

MOST_RUNS = 200


def comparable_runs(run: RunFolder) -> dict[str, RunFolder]:
    """Task → the newest run of the same model with its neurons found; of its own task the shown run itself."""
    shown = summary_of(run)
    if not shown.fingerprint:
        return {}
    found = {shown.task: run} if has_neurons(run) else {}
    for other, summary in _of_model(shown.fingerprint):
        if summary.task not in found and has_neurons(other):
            found[summary.task] = other
    return found


def evaluated_runs(run: RunFolder) -> dict[str, RunFolder]:
    """Task → the newest run of the same model whose own neurons were evaluated; the shown run before others."""
    shown = summary_of(run)
    found: dict[str, RunFolder] = {}
    for other, summary in [(run, shown), *_of_model(shown.fingerprint)] if shown.fingerprint else []:
        if summary.task not in found and any(source in METHODS for source in summary.evaluated):
            found[summary.task] = other
    return found


def _of_model(fingerprint: str) -> list[tuple[RunFolder, RunSummary]]:
    """The newest runs of a model."""
    found = ((run, summary_of(run)) for run in session.all_runs(MOST_RUNS))
    return [(run, summary) for run, summary in found if summary.fingerprint == fingerprint]


def has_neurons(run: RunFolder) -> bool:
    return run.is_attributed()


def choose_tasks(run: RunFolder, key: str) -> dict[str, RunFolder]:
    """The tasks that are compared, with their runs; all of them at first."""
    found = comparable_runs(run)
    # Another model's tasks are no options.
    chosen = st.multiselect(
        "Tasks compared",
        list(found),
        default=list(found),
        key=f"{key}_{'-'.join(found)}",
        help="The newest run of each task with this model; of its own task the run that is shown.",
    )
    return {task: found[task] for task in chosen}


def rankings_of(runs: dict[str, RunFolder], method: str | None = None) -> dict[str, NeuronRanking]:
    """task → ranking by one method, of the runs that have it; None takes each run's own first."""
    found = {}
    for task, run in runs.items():
        there = rankings_of_run(run)
        chosen = next(iter(there), None) if method is None else method
        if chosen in there:
            found[task] = there[chosen]
    return found


def run_name(run: RunFolder) -> str:
    """The id that links use; finished demos have ids of their own."""
    return session.run_name(run)


def place_of(run: RunFolder) -> str:
    """What `Store().open` finds a run by: its id, or the path of one outside the store."""
    path = run.path.resolve()
    return run.id if path.parent == engine().store.root.resolve() else str(path)


def places_of(runs: dict[str, RunFolder]) -> dict[str, str]:
    """task → place of its run."""
    return {task: place_of(run) for task, run in runs.items()}


def comparison_caption(runs: dict[str, RunFolder], said: str) -> None:
    """What stands side by side, one line."""
    parts = []
    for task, run in runs.items():
        setting, config = setting_of(run), run.config()
        seen = f"{len(setting.attribution)} questions" if setting else ""
        parts.append(
            f"{plain(task)}: run {plain(run_name(run))} ({seen}, m = {config.attribution.steps}, seed {config.seed})"
        )
    st.caption(f"{said}. " + " · ".join(parts))
