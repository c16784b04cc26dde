"""The line that lists show for a run. No torch.

A finished run keeps it in summary.json, with the times and sizes of the files that it was read from. If one of these
has changed, the files themselves are read again.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

from neuron_core.errors import NeuronCoreError
from neuron_core.runs.results import read_attribution
from neuron_core.runs.run_folder import RunFolder

KEPT = 20_000
SUMMARY = "summary.json"
ENDED = ("done", "cancelled", "failed")
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
    "of the unmodified model; None before a question was answered"
    fingerprint: str = ""
    "of the model; empty before the run has begun"
    task_fingerprint: str = ""
    "of the task; empty before the run has begun. Tasks with equal names may ask other questions"
    evaluated: tuple[str, ...] = ()
    "methods and neuron sets whose neurons were evaluated"
    source: str = ""
    "the task as the config names it: a bundled one, a dataset of the hub, or a file"
    created: float = 0.0
    "seconds since the epoch"
    ended: str = ""
    "done, cancelled or failed; empty while somebody may work on it, or could"
    damage: str = ""
    "what is wrong, and in which file; empty for a whole run"


def summary_of(run: RunFolder) -> RunSummary:
    """The summary of a run. That of a damaged run says what is damaged; no error is raised."""
    path = str(run.path)
    known = _seen.get(path)
    if known is not None and known.stamp == _states(known.files):
        return known.summary
    files = _files(run)
    watched = (*files, path, f"{path}/label.txt", f"{path}/status.json")
    stamp = _states(watched)
    found = _summary(path, stamp[: len(files)], stamp[-2])
    if found.damage:
        return found
    try:
        status = run.status()
    except NeuronCoreError as error:
        return replace(found, damage=f"{error.what} ({_file(error.where, run)})")
    found = replace(found, created=status.created)
    if status.state in ENDED:
        found = replace(found, ended=status.state)
        if len(_seen) >= KEPT:
            _seen.clear()
        _seen[path] = _Seen(watched, stamp, found)
    return found


@dataclass(frozen=True)
class _Seen:
    """A summary of a run that has ended, and the files that it was read from."""

    files: tuple[str, ...]
    stamp: Stamp
    summary: RunSummary


_seen: dict[str, _Seen] = {}
"path of a run → what was read last; nearly all of a thousand runs have not changed since"


def keep_summary(run: RunFolder) -> None:
    """Writes the summary of a finished run into its folder. The caller holds the run. RunError
    when the disk refuses.
    """
    found = _read(run)
    if not found.damage:
        said = {"stamp": _states(_files(run)), "summary": asdict(replace(found, label=""))}
        run._write_json(run.path / SUMMARY, json.dumps(said))


def _kept(run: RunFolder) -> RunSummary | None:
    """The summary that the run keeps. None if a file has changed since it was written, or if there is none."""
    try:
        said = json.loads(run._read_json(run.path / SUMMARY))
        if said["stamp"] != [list(state) for state in _states(_files(run))]:
            return None
        lists = {name: tuple(value) for name, value in said["summary"].items() if isinstance(value, list)}
        found = RunSummary(**{**said["summary"], **lists})
        # Summaries of earlier versions lack these.
        return found if found.source and bool(found.fingerprint) == bool(found.task_fingerprint) else None
    except (NeuronCoreError, ValueError, KeyError, TypeError):
        # It is absent or damaged, which `runs verify` reports. The files themselves are read instead.
        return None


def _files(run: RunFolder) -> tuple[str, ...]:
    """The files that a summary is read from, without the label and the status."""
    try:
        results = run.results
    except NeuronCoreError:
        results = run.path
    names = ("config.json", "setting.json", "rankings", "scores.units")
    own = [f"{results}/setting.json"] if results != run.path else []
    return (*(f"{run.path}/{name}" for name in names), *own, f"{results}/evaluation.json")


def _states(files: Iterable[str]) -> Stamp:
    """Times and sizes of these files."""
    return tuple(map(_state, files))


def _state(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=KEPT)
def _summary(path: str, stamp: Stamp, label: tuple[int, int]) -> RunSummary:
    run = RunFolder(Path(path))
    found = _kept(run) or _read(run)
    try:
        return replace(found, label=run.label())
    except NeuronCoreError as error:
        return replace(found, damage=found.damage or f"{error.what} ({_file(error.where, run)})")


def _read(run: RunFolder) -> RunSummary:
    """From the files themselves, without the label."""
    found = RunSummary("", "")
    try:
        config = run.config()
        methods = config.attribution.methods
        found = RunSummary(config.task, config.model.title, methods, source=config.task)
        setting = run.setting()
        if setting is not None:
            model = setting.model
            found = replace(
                found,
                task=setting.task_name,
                model=model.title,
                fingerprint=model.fingerprint,
                task_fingerprint=setting.task_fingerprint,
            )
        evaluation = run.evaluation()
        if evaluation is not None:
            sources = tuple(dict.fromkeys(best.source for best in evaluation.best))
            return replace(found, accuracy=evaluation.baseline.acc, evaluated=sources)
        attribution = read_attribution(run)
        return replace(found, accuracy=attribution.baseline.acc if attribution else None)
    except NeuronCoreError as error:
        return replace(found, damage=f"{error.what} ({_file(error.where, run)})")


def _file(where: str | None, run: RunFolder) -> str:
    return (where or run.id).removeprefix(f"{run.path}/")
