"""The store: a folder of run folders. No torch."""

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from platformdirs import user_data_path

from neuron_core.cni import sets
from neuron_core.errors import RunError
from neuron_core.runs.config import RunConfig, config_to_json
from neuron_core.runs.files import FORMAT, Seal, disk_errors, make_folder, place_of, remove, seal, write_file
from neuron_core.runs.result_files import CONFIG, new_identity
from neuron_core.runs.run_folder import RunFolder, RunStatus

FOLDER = "a folder that this user may read and write to; NEURONLLM_RUNS names it"
NAME = re.compile(r"(?!\.)[^/\\\0\ud800-\udfff]{1,200}")
"an id that a run can have: whatever is listed must open by it, and pages and addresses carry UTF-8"
OTHERS = ("setting.json", "status.json", "scores.units")
"files that a run has beside its config"


def default_root() -> Path:
    """The folder of runs: NEURONLLM_RUNS, or one in the user's data folder."""
    return Path(os.environ.get("NEURONLLM_RUNS") or user_data_path("neuronllm-explorer") / "runs")


class Store:
    """A folder of run folders."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or default_root()

    def create(self, config: RunConfig, path: Path | None = None) -> RunFolder:
        """Makes a run folder, in the store or at `path`.

        RunError when `path` is not empty or when a neuron set of the config can't be read. ModelError for a revision
        that the config's model does not have.
        """
        config.model.check_revision()
        inside = path is None
        if path is None:
            slug = re.sub(r"[^a-z0-9]+", "-", Path(config.task).stem.lower()).strip("-")[:24] or "task"
            path = self.root / f"{time.strftime('%Y%m%d-%H%M%S')}-{slug}-{secrets.token_hex(8)}"
        else:
            _check_new(path)
        # Read before the folder is made, so that a file that is no neuron set leaves nothing behind.
        found = {use.name: sets.load(Path(use.path)) for use in config.sets}
        identity = new_identity()
        make_folder(path, fresh=inside, parents=True)
        try:
            for use in config.sets:
                make_folder(path / "sets")
                _write(path, f"sets/{use.name}.json", sets.to_json(found[use.name]), identity)
            _write(path, "status.json", json.dumps(asdict(RunStatus(created=time.time()))), identity)
            # A folder with a config is a run.
            _write(path, CONFIG, config_to_json(config), identity)
        except BaseException:
            # A folder without a config is not a run.
            if inside:
                shutil.rmtree(path, ignore_errors=True)
            raise
        return RunFolder(path)

    def open(self, name: str | Path) -> RunFolder:
        """A run by id or by path. RunError when there is none."""
        if self._is_id(str(name)):
            return RunFolder(self.root / name)
        try:
            path = Path(name).expanduser()
            is_run = (path / CONFIG).is_file()
        except (OSError, ValueError, RuntimeError):
            # The name is too long for a path, or has a zero in it.
            is_run = False
        if not is_run:
            raise self._unknown(str(name))
        return RunFolder(path)

    def inside(self, run_id: str) -> RunFolder:
        """A run of this store by its id. RunError for anything else: a path, a link, a name that is too long."""
        if not self._is_id(run_id):
            raise self._unknown(run_id)
        return RunFolder(self.root / run_id)

    def _is_id(self, name: str) -> bool:
        """Whether a run folder of this name lies in the store itself."""
        if not NAME.fullmatch(name):
            return False
        path = self.root / name
        try:
            return (path / CONFIG).is_file() and not path.is_symlink()
        except OSError as error:
            raise self._unreadable(error) from None

    def _unknown(self, name: str) -> RunError:
        known = ", ".join(run.id for run in self.runs()[:5]) or "none yet"
        said = name if len(name) <= 100 else f"{name[:100]}…"
        return RunError(f"no run is called {said!r}", where=str(self.root), accepted=f"a run folder, or: {known}")

    def put_away(self, run_id: str) -> Path:
        """Renames the folder of a run, so that the run is no longer listed. Returns the folder, which the caller or
        `sweep` removes.

        RunError when there is no such run, or when a process works on it.
        """
        run = self.open(run_id)
        if run.path.parent.resolve() != self.root.resolve():
            raise RunError("only runs of the store are deleted", where=str(run.path), accepted="remove its folder")
        with run.taken(), disk_errors(run.path):
            # Renamed before it is removed, so that a crash does not leave a part of a run among the others.
            gone = self.root / f".deleted-{run.id}-{secrets.token_hex(4)}"
            run.path.rename(gone)
        return gone

    def delete(self, run_id: str) -> None:
        """Removes a run of this store for good. RunError when there is no such run, or when a process works on it."""
        remove(self.put_away(run_id))

    def sweep(self) -> list[Path]:
        """Removes what interrupted deletions left. Returns the folders that could not be removed."""
        left = []
        for path in self.root.glob(".deleted-*") if self.root.is_dir() else ():
            try:
                remove(path)
            except RunError:
                left.append(path)
        return left

    def runs(self, most: int | None = None) -> list[RunFolder]:
        """All runs, newest first, or the newest `most` of them. Links to folders elsewhere are left out, and folders
        with a name that no run has. RunError when the folder can't be read, or is no folder.
        """
        try:
            with os.scandir(self.root) as entries:
                folders = [one.name for one in entries if one.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            # It is made with the first run.
            return []
        except OSError as error:
            raise self._unreadable(error) from None
        return list(islice(self._folders(filter(NAME.fullmatch, sorted(folders, reverse=True))), most))

    def without_config(self) -> list[str]:
        """Names of folders that hold other files of a run but not its config. No list of runs has them."""
        folders = self.root.iterdir() if self.root.is_dir() else ()
        return sorted(
            path.name
            for path in folders
            if NAME.fullmatch(path.name)
            and not path.is_symlink()
            and not (path / CONFIG).exists()
            and any((path / name).is_file() for name in OTHERS)
        )

    def _unreadable(self, error: OSError) -> RunError:
        return RunError(f"the folder of runs can't be read: {error.strerror}", where=str(self.root), accepted=FOLDER)

    def _folders(self, names: Iterable[str]) -> Iterator[RunFolder]:
        for name in names:
            # A folder without a config is no run, or one that is being removed.
            with suppress(RunError):
                yield RunFolder(self.root / name)


def _check_new(path: Path) -> None:
    """RunError if no new run can be made here."""
    try:
        free = not path.exists() or (path.is_dir() and not any(path.iterdir()))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise RunError(
            f"no run can be made in this folder: {why}", where=str(path), accepted="a new or an empty folder"
        ) from None
    if not free:
        what = "the output folder is not empty" if path.is_dir() else "the output folder is a file"
        raise RunError(what, where=str(path), accepted="a new or an empty folder")


def _write(run: Path, name: str, text: str, identity: str) -> None:
    """Writes a JSON file of a new run. name: its path within the run."""
    write_file(run / name, seal(text, Seal(identity, FORMAT, place=place_of(name))))
