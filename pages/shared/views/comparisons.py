"""Runs that can be compared with the shown one: the same model on other tasks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import streamlit as st

from neuron_core.cni.methods import METHODS, source_title
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.figures.theme import counted
from neuron_core.models.fingerprint import same_model
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.summary import RunSummary
from neuron_core.tasks.load import bundled_tasks
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import plain
from pages.shared.frame.linked import keep_links, take_links
from pages.shared.frame.once import summary_of
from pages.shared.views.results import rankings_of_run, reading_of, setting_of
from pages.shared.views.words import unbroken

MOST_RUNS = 200
SAME_NAME = "Of tasks with one name but other questions, all but one carry the first digits of their fingerprint."


@dataclass(frozen=True)
class AskedTask:
    """A task of a comparison."""

    fingerprint: str
    source: str
    "as a config names it"


def comparable_runs(run: RunFolder) -> dict[str, RunFolder]:
    """Task → the newest run of the same model with its neurons found; of its own task the shown run itself."""
    return _by_task((other, summary) for other, summary in runs_of_model(run) if has_neurons(other))


def evaluated_runs(run: RunFolder) -> dict[str, RunFolder]:
    """Task → the newest run of the same model whose own neurons were evaluated; the shown run before others."""
    found = runs_of_model(run)
    return _by_task((other, summary) for other, summary in found if any(one in METHODS for one in summary.evaluated))


def asked_tasks(runs: Mapping[str, RunFolder], tasks: Iterable[str]) -> dict[str, AskedTask]:
    """What these tasks ask: those that have a run, and bundled ones."""
    return {task: _asked(runs[task]) if task in runs else AskedTask(_bundled(task), task) for task in tasks}


def fingerprints_of(runs: Mapping[str, RunFolder]) -> dict[str, str]:
    """Task → what tells it from another of the same name."""
    return {task: _asked(run).fingerprint for task, run in runs.items()}


def _asked(run: RunFolder) -> AskedTask:
    summary = summary_of(run)
    return AskedTask(summary.task_fingerprint, summary.source)


def without_run(runs: dict[str, RunFolder]) -> list[str]:
    """The bundled tasks that none of these runs is of."""
    there = set(fingerprints_of(runs).values())
    return [task for task in bundled_tasks() if _bundled(task) not in there]


def runs_of_model(run: RunFolder) -> list[tuple[RunFolder, RunSummary]]:
    """The run, then the newest others of its model. None of a run that has not begun."""
    shown = summary_of(run)
    if not shown.fingerprint:
        return []
    others = ((other, summary_of(other)) for other in session.all_runs(MOST_RUNS))
    return [(run, shown), *((other, one) for other, one in others if same_model(one.fingerprint, shown.fingerprint))]


def _by_task(found: Iterable[tuple[RunFolder, RunSummary]]) -> dict[str, RunFolder]:
    """The first run of each task. Tasks are told apart by what they ask, not by their names.

    Of several tasks with one name, the bundled one, else the one with the oldest run, keeps it; the others carry the
    first digits of their fingerprints.
    """
    first: dict[str, tuple[RunFolder, RunSummary]] = {}
    for run, summary in found:
        first.setdefault(summary.task_fingerprint, (run, summary))
    named = {summary.task for _, summary in first.values()}
    keeps = {name: _bundled(name) for name in bundled_tasks() if name in named}
    for fingerprint, (_, summary) in sorted(first.items(), key=lambda one: one[1][1].created):
        keeps.setdefault(summary.task, fingerprint)
    return {
        summary.task if keeps[summary.task] == fingerprint else f"{summary.task} ({fingerprint[:6]})": run
        for fingerprint, (run, summary) in first.items()
    }


def _bundled(task: str) -> str:
    """The fingerprint of a bundled task."""
    return reading_of(task).task.fingerprint


def has_neurons(run: RunFolder) -> bool:
    return run.is_attributed()


def choose_tasks(run: RunFolder, key: str) -> dict[str, RunFolder]:
    """The tasks that are compared, with their runs; all of them at first."""
    found = comparable_runs(run)
    # Another model's tasks are no options.
    name = f"{key}_{'-'.join(found)}"
    take_links("tasks", name, list(found))
    chosen = st.multiselect(
        "Tasks compared",
        list(found),
        default=list(found),
        key=name,
        help=f"The newest run of each task with this model; of its own task the run that is shown. {SAME_NAME}",
    )
    keep_links("tasks", chosen, list(found))
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


def of_one_method(run: RunFolder, found: Mapping[str, RunFolder]) -> list[str]:
    """The tasks whose neurons the method shown first of `run` found too; all where it would be alone."""
    first = list(rankings_of_run(run))[:1]
    same = [task for task, other in found.items() if list(rankings_of_run(other))[:1] == first]
    return same if len(same) > 1 else list(found)


def different_methods(runs: dict[str, RunFolder]) -> str | None:
    """A sentence where the rankings that `rankings_of` gives of these runs are of different methods."""
    by_method: dict[str, list[str]] = {}
    for task, run in runs.items():
        for method in list(rankings_of_run(run))[:1]:
            by_method.setdefault(method, []).append(task)
    if len(by_method) < 2:
        return None
    said = "; ".join(f"{source_title(method)} for {', '.join(tasks)}" for method, tasks in by_method.items())
    return f"Different methods found these neurons: {said}. Two methods share few neurons, whatever the task."


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
        seen = f"{counted(len(setting.attribution), 'question')}, " if setting else ""
        title = session.title_of(run, run_name(run))
        named = title if task in title else f"{task}: {title}"
        how = unbroken(f"m = {config.attribution.steps}, seed {config.seed}")
        parts.append(f"{plain(named)} ({seen}{how})")
    st.caption(f"{said}. " + " · ".join(parts))
