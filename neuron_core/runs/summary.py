"""What lists say of a run, read once for each state of its files; a damaged run says which file. No torch."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from neuron_core.errors import NeuronCoreError
from neuron_core.runs.results import read_attribution
from neuron_core.runs.run_folder import RunFolder

KEPT = 20_000
Stamp = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class RunSummary:
    """One line of a list of runs."""

    task: str
    model: str
    "its title"
    methods: tuple[str, ...] = ()
    label: str = ""
    accuracy: float | None = None
    "of the unmodified model; None before anything was asked"
    damage: str = ""
    "what is wrong, and in which file; empty for a whole run"


def summary_of(run: RunFolder) -> RunSummary:
    """Never raises for a damaged run: its summary says what is damaged."""
    found = _summary(str(run.path), _stamp(run))
    if found.damage:
        return found
    try:
        # It changes with every question: read each time.
        run.status()
    except NeuronCoreError as error:
        return replace(found, damage=f"{error.what} ({_file(error.where, run)})")
    return found


def _stamp(run: RunFolder) -> Stamp:
    """Changes when a file does from which a summary is read."""
    try:
        results = run.results
    except NeuronCoreError:
        results = run.path
    names = ("config.json", "label.txt", "setting.json", "rankings", "scores.units")
    places = [run.path / name for name in names]
    if results != run.path:
        places.append(results / "setting.json")
    return tuple(map(_state, [*places, results / "evaluation.json"]))


def _state(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=KEPT)
def _summary(path: str, stamp: Stamp) -> RunSummary:
    run, task, model, label = RunFolder(Path(path)), "", "", ""
    methods: tuple[str, ...] = ()
    try:
        config = run.config()
        task, model, methods = config.task, config.model.title, config.attribution.methods
        label = run.label()
        setting = run.setting()
        if setting is not None:
            task, model = setting.task_name, setting.model.title
        evaluation = run.evaluation()
        if evaluation is not None:
            return RunSummary(task, model, methods, label, evaluation.baseline.acc)
        found = read_attribution(run)
        return RunSummary(task, model, methods, label, found.baseline.acc if found else None)
    except NeuronCoreError as error:
        return RunSummary(task, model, methods, label, damage=f"{error.what} ({_file(error.where, run)})")


def _file(where: str | None, run: RunFolder) -> str:
    return (where or run.id).removeprefix(f"{run.path}/")
