"""Finds damaged files in a run folder and moves them aside, so that Resume computes them again. No torch."""

import secrets
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from neuron_core.cni import sets
from neuron_core.cni.sets import NeuronSetFile
from neuron_core.errors import NeuronCoreError, RunError
from neuron_core.runs.files import NO_FILE, disk_errors, make_folder, read_bytes, unseal
from neuron_core.runs.result_files import CONFIG
from neuron_core.runs.results import plan_for
from neuron_core.runs.run_folder import LOCK, QUEUED, RunFolder, RunStatus
from neuron_core.runs.summary import SUMMARY

AGAIN, ANEW, LOST = "computed again", "written anew", "lost"
ASIDE = ".damaged"
LOCKS = (LOCK, QUEUED)
SUFFIXES = (".json", ".jsonl", ".npz", ".txt", ".units")
"of files of a run: no folder of a run has such a name"


@dataclass(frozen=True)
class Damage:
    """A file that does not contain what was written to it."""

    file: str
    "path within the run folder"
    why: str
    mend: str
    "computed again, written anew, or lost"


def verify(run: RunFolder) -> list[Damage]:
    """Reads every file of a run and returns the damaged ones."""
    # The places of units that were read before may be damaged by now.
    run._logs.clear()
    try:
        run.config()
    except NeuronCoreError as error:
        return [Damage(CONFIG, error.what, LOST)]
    if strange := list(_strange(run)):
        # What else is damaged is told when these have been moved aside.
        return strange
    if _is_anothers(run):
        return [Damage(CONFIG, "it belongs to another run than the other files", LOST)]
    found = [*_read(run, "status.json", run.status, ANEW), *_read(run, "label.txt", run.label, LOST)]
    found += _read(run, SUMMARY, partial(run._read_json, run.path / SUMMARY), ANEW)
    for view in filter(None, (run, _pending(run, found))):
        found += _of_results(view)
    for use in run.config().sets:
        path = run.path / "sets" / f"{use.name}.json"
        found += _read(run, f"sets/{use.name}.json", partial(_neuron_set, run, path), LOST)
    for path in sorted((run.path / "neurons").glob("*.json")):
        found += _read(run, f"neurons/{path.name}", partial(run._read_json, path), AGAIN)
    return list(dict.fromkeys(found))


def repair(run: RunFolder) -> list[Damage]:
    """Moves damaged files into the folder .damaged of the run, and returns what was damaged.

    If something has to be computed again, the run's state becomes `interrupted`. Files that can't be made again stay in
    their place. The caller need not hold the run. RunError when another process works on the run, or when config.json
    itself is damaged.
    """
    run.config()
    # What lies in the place of a lock is moved first: nothing can be locked before.
    locks = [one for one in _strange(run) if one.file in LOCKS]
    for one in locks:
        _set_aside(run, one)
    with run.held():
        found = verify(run)
        for one in found:
            _set_aside(run, one)
        found = [*locks, *found]
        if any(one.file == "status.json" for one in found):
            run.write_status(RunStatus("interrupted", created=_age(run), message="The file of its status was damaged."))
        elif any(one.mend == AGAIN for one in found) and run.status().state == "done":
            names = ", ".join(dict.fromkeys(one.file for one in found))
            message = f"Damaged files were set aside: {names}. Resume computes them again."
            run.write_status(replace(run.status(), state="interrupted", message=message))
        for one in found:
            run.event("set aside", file=one.file, why=one.why)
    return found


def _strange(run: RunFolder) -> Iterator[Damage]:
    """What is no regular file: links, also to folders, pipes, devices; and folders in the place of a file."""
    for path in sorted(run.path.rglob("*")):
        name, mode = _name(run, path), path.lstat().st_mode
        folder = stat.S_ISDIR(mode) and name not in LOCKS and path.suffix not in SUFFIXES
        if not stat.S_ISREG(mode) and not folder and not name.startswith(ASIDE):
            yield Damage(name, NO_FILE, ANEW if name in LOCKS else AGAIN)


def _neuron_set(run: RunFolder, path: Path) -> NeuronSetFile:
    return sets.from_json(run._read_json(path), str(path))


def _is_anothers(run: RunFolder) -> bool:
    """Whether status and setting name the same run, and the config names another."""
    owners = set()
    for path in (run.path / "status.json", run.path / "setting.json"):
        try:
            owners.add(unseal(read_bytes(path), path)[1].run)
        except RunError:
            return False
    return len(owners) == 1 and owners != {run.marks.run} and "" not in owners


def _age(run: RunFolder) -> float:
    return (run.path / CONFIG).stat().st_mtime


def _pending(run: RunFolder, found: list[Damage]) -> RunFolder | None:
    view = run.pending()
    if view is None:
        return None
    bad = _read(run, f"{view.evaluation_folder}/{CONFIG}", view.config, LOST)
    found += bad
    return None if bad else view


def _read(run: RunFolder, name: str, read: Callable[[], Any], mend: str) -> list[Damage]:
    if not (run.path / name).exists() and name != "status.json":
        return []
    try:
        read()
    except (NeuronCoreError, OSError) as error:
        return [Damage(name, error.what if isinstance(error, NeuronCoreError) else str(error), mend)]
    return []


def _of_results(run: RunFolder) -> Iterator[Damage]:
    """The damaged results of a run, or of a view with an evaluation that is not finished."""
    yield from _read(run, _name(run, run.setting_path), run.setting, AGAIN)
    yield from _read(run, "passes.json", run.passes, AGAIN)
    for name, read in (
        ("sample.json", run.sample),
        ("plan.json", run.plan_key),
        ("evaluation.json", run.evaluation),
        ("side_effects.json", run.side_effects),
        ("means.npz", run.means),
    ):
        yield from _read(run, _name(run, run.results / name), read, AGAIN)
    try:
        setting, done = run.setting(), run.status().state == "done" and not run.evaluation_folder
    except NeuronCoreError:
        setting, done = None, False
    if setting is None:
        return
    yield from _of_scores(run, len(setting.attribution) if done else 0)
    for method in run.config().attribution.methods:
        path = run.ranking_path(method)
        yield from _read(run, _name(run, path), partial(run.ranking, method), AGAIN)
        if done and not path.exists():
            yield Damage(_name(run, path), "it is not there", AGAIN)
    if (evaluation := run.config().evaluation) is not None:
        yield from _of_plan(run, evaluation.position)
        yield from _of_units(run, len(setting.evaluation) if done else 0)
        for name in ("evaluation.json", "side_effects.json") if done and setting.evaluation else ():
            if not (run.results / name).exists():
                yield Damage(_name(run, run.results / name), "it is not there", AGAIN)


def _of_plan(run: RunFolder, position: str) -> Iterator[Damage]:
    """What is wrong if the units of an evaluation were not made from its plan and its questions."""
    try:
        plan = plan_for(run) if run.plan_key() else ()
    except NeuronCoreError:
        # A damaged ranking, set or plan, which is reported by its own name.
        return
    try:
        run.check_plan(plan, position)
    except NeuronCoreError as error:
        own = run.results / "setting.json"
        # Without a setting of its own, an evaluation has that of the run's first one.
        name, why = ("plan.json", error.what) if own.exists() else ("setting.json", "it is not there")
        yield Damage(_name(run, run.results / name), why, AGAIN)


def _of_scores(run: RunFolder, n: int) -> Iterator[Damage]:
    """The damaged scores of questions and examples. n: how many questions must be there."""
    name = _name(run, run._scores.path)
    broken = run._scores.broken()
    if broken or run._scores.lost_bytes():
        yield Damage(name, f"{len(broken)} of its units are not what was written, or bytes belong to none", AGAIN)
    for path in sorted((run.path / "scores").glob("*.npz")):
        yield from _read(run, _name(run, path), partial(run._read_arrays, path), AGAIN)
    try:
        missing = set(range(n)) - run.scored() if run.config().attribution.methods else set()
        if missing:
            yield Damage(name, f"{len(missing)} of its units are not there or of another setting", AGAIN)
    except NeuronCoreError:
        # The setting is damaged, which `_of_results` has reported.
        return
    yield from _read(run, "sums.npz", run.sums, AGAIN)
    yield from _read(run, "loudness.npz", run.loudness, AGAIN)
    yield from _read(run, "checks.npz", run.kept_checks, AGAIN)
    try:
        for _ in run.examples():
            pass
        if run._examples.lost_bytes():
            yield Damage(_name(run, run._examples.path), "bytes belong to no unit", AGAIN)
    except NeuronCoreError as error:
        if not (error.where or "").endswith("sums.npz"):
            yield Damage(_name(run, run._examples.path), error.what, AGAIN)


def _of_units(run: RunFolder, n: int) -> Iterator[Damage]:
    """The damaged option probabilities. n: how many questions must be there."""
    log = run._evaluation
    broken = log.broken()
    if broken or log.lost_bytes():
        why = f"{len(broken)} of its units are not what was written, or bytes belong to none"
        yield Damage(_name(run, log.path), why, AGAIN)
    for path in sorted((run.results / "evaluation").glob("*.npz")):
        yield from _read(run, _name(run, path), partial(run._read_arrays, path), AGAIN)
    try:
        missing = set(range(n)) - run.evaluated()
    except NeuronCoreError:
        # plan.json is damaged, which `_of_results` has reported.
        return
    if missing:
        yield Damage(_name(run, log.path), f"{len(missing)} of its units are not there or of another plan", AGAIN)


def _set_aside(run: RunFolder, damage: Damage) -> None:
    path = run.path / damage.file
    if damage.why == NO_FILE:
        _move(run, path)
        return
    if damage.mend == LOST and damage.file != "label.txt" and not damage.file.endswith(f"/{CONFIG}"):
        return
    if path.name in ("sums.npz", "examples.units") or path.parent.name == "examples":
        _forget_examples(run)
    elif path.suffix == ".units" and path.exists():
        view = run.pending() if path.parent != run.path and run.pending_folder() == path.parent.name else run
        log = (view or run)._log(path)
        if whole := log.numbers() - log.broken():
            log.keep(whole)
        else:
            _move(run, path)
    elif damage.file.endswith(f"/{CONFIG}"):
        _move(run, path.parent)
    elif path.exists():
        _move(run, path)


def _forget_examples(run: RunFolder) -> None:
    """Moves sums and examples aside, which are made again from the question scores. If the large arrays of these were
    dropped, the scores are moved aside too.
    """
    try:
        whole = all("ig" in run._score_arrays(number, ("ig",)) for number in run.scored())
    except NeuronCoreError:
        whole = False
    names = ["sums.npz", "examples.units", "examples", *([] if whole else ["scores.units", "scores"])]
    for name in names:
        if (run.path / name).exists():
            _move(run, run.path / name)


def _move(run: RunFolder, path: Path) -> None:
    make_folder(run.path / ASIDE)
    with disk_errors(path):
        path.rename(run.path / ASIDE / f"{path.name}-{secrets.token_hex(4)}")


def _name(run: RunFolder, path: Path) -> str:
    return path.relative_to(run.path).as_posix()
