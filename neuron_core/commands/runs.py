"""The commands `runs verify`, `runs repair` and `runs gc`, which check, repair and tidy the folder of runs."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from neuron_core.commands.options import AsJson
from neuron_core.errors import NeuronCoreError
from neuron_core.runs.evaluation_files import FIRST
from neuron_core.runs.files import PART, remove
from neuron_core.runs.repair import AGAIN, ANEW, ASIDE, LOST, Damage, repair, verify
from neuron_core.runs.result_files import CONFIG
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from neuron_core.terminal import emit, say

IN_USE = "another process works on it"
app = typer.Typer(no_args_is_help=True, help="Checks, repairs and tidies the folder of runs.")
Names = Annotated[list[str] | None, typer.Argument(help="Ids or paths; without any, all runs of the store.")]


@app.command("verify")
def verify_runs(runs: Names = None, as_json: AsJson = False) -> None:
    """Reads every file of the runs and names those that are damaged. Exit code 1 if there are any."""
    found = {name: [vars(one) for one in verify(run)] for name, run in _chosen(runs).items()} | _headless(runs)
    emit({"runs": found}, as_json, _damage_text)
    if any(found.values()):
        raise typer.Exit(1)


@app.command("repair")
def repair_runs(runs: Names = None, as_json: AsJson = False) -> None:
    """Moves damaged files aside, so that `resume` computes them again. Exit code 1 if a run can't be repaired."""
    found = {}
    for name, run in _chosen(runs).items():
        try:
            found[name] = [vars(one) for one in repair(run)]
        except NeuronCoreError as error:
            found[name] = [{"file": error.where or run.id, "why": error.what, "mend": _mend(run)}]
    found |= _headless(runs)
    emit({"runs": found}, as_json, _damage_text)
    if any(one["mend"] not in (AGAIN, ANEW) for damage in found.values() for one in damage):
        raise typer.Exit(1)


@app.command("gc")
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Removes what nothing reads: rests of deleted runs, damaged and half written files, replaced evaluations.

    Exit code 1 if something can't be removed; the rest is removed all the same.
    """
    store = Store()
    leftovers, damaged = _leftovers(store)
    sizes, refused = {str(path.relative_to(store.root)): _size(path) for path in leftovers}, []
    for name in list(sizes) if not dry_run else ():
        try:
            remove(store.root / name)
        except NeuronCoreError as error:
            refused.append(error)
            del sizes[name]
    emit({"removed": not dry_run, "bytes": sizes, "damaged": damaged}, as_json, _gc_text)
    for why in refused:
        say(f"Not removed: {why}", style="red")
    if refused:
        raise typer.Exit(1)


def _chosen(names: list[str] | None) -> dict[str, RunFolder]:
    """The runs by their ids. Of several folders with the same name, by their paths."""
    runs = [Store().open(name) for name in names] if names else Store().runs()
    # A run that is named twice is read once.
    each = {run.path.resolve(): run for run in runs}
    shared = Counter(run.id for run in each.values())
    return {run.id if shared[run.id] == 1 else str(path): run for path, run in each.items()}


def _headless(names: list[str] | None) -> dict[str, list[dict[str, Any]]]:
    """Folders of the store that have lost their config, unless runs are named: which run they were can't be told."""
    lost = vars(Damage(CONFIG, "it is not there", LOST))
    return {} if names else {name: [lost] for name in Store().without_config()}


def _leftovers(store: Store) -> tuple[list[Path], list[str]]:
    """Files and folders that nothing reads, of runs that no process works on. The ids of damaged runs, of which it is
    not known which evaluations they read.
    """
    damaged = []
    found = [*store.root.glob(".deleted-*")] if store.root.is_dir() else []
    for run in store.runs():
        try:
            if run.is_held() or run.is_claimed():
                continue
        except NeuronCoreError:
            # Perhaps a process works on it.
            damaged.append(run.id)
            continue
        found += [*run.path.glob(".deleted-*"), *run.path.glob(ASIDE), *run.path.rglob(f".*{PART}")]
        try:
            shown, kept = run.marks.results, {run.marks.results, run.pending_folder()}
        except NeuronCoreError:
            damaged.append(run.id)
            continue
        if shown:
            found += [path for path in (run.path / name for name in FIRST) if path.exists()]
        found += [path for path in run.path.glob("evaluation-*") if path.is_dir() and path.name not in kept]
    return sorted(found), damaged


def _size(path: Path) -> int:
    whole = path.is_dir() and not path.is_symlink()
    return sum(one.lstat().st_size for one in (path.rglob("*") if whole else (path,)) if not one.is_dir())


def _mend(run: RunFolder) -> str:
    """What can be done about a run that can't be repaired."""
    try:
        return IN_USE if run.is_held() else LOST
    except NeuronCoreError as error:
        return error.what


def _damage_text(found: dict[str, Any]) -> str:
    lines = []
    for name, damage in found["runs"].items():
        lines += [f"{name}: {one['file']}: {one['why']} ({one['mend']})" for one in damage]
    whole = sum(not damage for damage in found["runs"].values())
    return "\n".join([*lines, f"{whole} of {len(found['runs'])} runs are whole."])


def _gc_text(found: dict[str, Any]) -> str:
    word = "removed" if found["removed"] else "would be removed"
    lines = [f"{name}: {size:,} bytes" for name, size in found["bytes"].items()]
    lines.append(f"{len(lines)} leftovers, {sum(found['bytes'].values()):,} bytes {word}.")
    lines += [f"{name} is damaged: its evaluations are kept. Next: runs repair {name}" for name in found["damaged"]]
    return "\n".join(lines)
