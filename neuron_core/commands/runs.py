"""The commands `runs verify`, `runs repair` and `runs gc`: is every file what was written, and what is left over."""

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from neuron_core.commands.options import AsJson
from neuron_core.errors import NeuronCoreError
from neuron_core.runs.files import PART
from neuron_core.runs.repair import ASIDE, repair, verify
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from neuron_core.terminal import emit

app = typer.Typer(no_args_is_help=True, help="Checks, repairs and tidies the folder of runs.")
Names = Annotated[list[str] | None, typer.Argument(help="Ids or paths; without any, all runs of the store.")]


@app.command("verify")
def verify_runs(runs: Names = None, as_json: AsJson = False) -> None:
    """Reads every file of the runs and names what is not what was written. Exit code 1 where something is damaged."""
    found = {run.id: [vars(one) for one in verify(run)] for run in _chosen(runs)}
    emit({"runs": found}, as_json, _damage_text)
    if any(found.values()):
        raise typer.Exit(1)


@app.command("repair")
def repair_runs(runs: Names = None, as_json: AsJson = False) -> None:
    """Sets damaged files aside, so that `resume` computes them again. Exit code 1 where a run is lost."""
    found = {}
    for run in _chosen(runs):
        try:
            found[run.id] = [vars(one) for one in repair(run)]
        except NeuronCoreError as error:
            found[run.id] = [{"file": error.where or run.id, "why": error.what, "mend": "lost"}]
    emit({"runs": found}, as_json, _damage_text)
    if any(one["mend"] == "lost" for damage in found.values() for one in damage):
        raise typer.Exit(1)


@app.command("gc")
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Removes what nothing reads: deleted runs, files set aside, half written ones, replaced evaluations."""
    store = Store()
    sizes = {str(path.relative_to(store.root)): _size(path) for path in _leftovers(store)}
    for name in sizes if not dry_run else ():
        path = store.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    emit({"removed": not dry_run, "bytes": sizes}, as_json, _gc_text)


def _chosen(names: list[str] | None) -> list[RunFolder]:
    return [Store().open(name) for name in names] if names else Store().runs()


def _leftovers(store: Store) -> list[Path]:
    """Of runs that nobody works on."""
    found = [*store.root.glob(".deleted-*")] if store.root.is_dir() else []
    for run in store.runs():
        if run.is_held() or run.is_claimed():
            continue
        found += [*run.path.glob(".deleted-*"), *run.path.glob(ASIDE), *run.path.rglob(f".*{PART}")]
        try:
            kept = {run.marks.results, run.due_folder()}
        except NeuronCoreError:
            # A damaged run: nobody can tell what belongs to it.
            continue
        found += [path for path in run.path.glob("evaluation-*") if path.is_dir() and path.name not in kept]
    return sorted(found)


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(one.stat().st_size for one in files)


def _damage_text(found: dict[str, Any]) -> str:
    lines = []
    for name, damage in found["runs"].items():
        lines += [f"{name}: {one['file']}: {one['why']} ({one['mend']})" for one in damage]
    whole = sum(not damage for damage in found["runs"].values())
    return "\n".join([*lines, f"{whole} of {len(found['runs'])} runs are whole."])


def _gc_text(found: dict[str, Any]) -> str:
    word = "removed" if found["removed"] else "would be removed"
    lines = [f"{name}: {size:,} bytes" for name, size in found["bytes"].items()]
    return "\n".join([*lines, f"{len(lines)} leftovers, {sum(found['bytes'].values()):,} bytes {word}."])
