"""A run folder: one run on disk, whole in itself. No torch.

A run folder holds config.json, status.json, events.jsonl, label.txt, setting.json (questions, ids, model facts),
passes.json (the chunk plan: with it a resumed run is equal bit for bit), scores.units (one record a question),
examples.units (top and bottom z of an example), sums.npz, loudness.npz, checks.npz (of all questions),
rankings/METHOD.npz, sets/NAME.json, neurons/, and the files of an evaluation: sample.json (how its examples were
chosen), plan.json, evaluation.units (one record for each question), evaluation.json and side_effects.json. A later
evaluation has a folder of its own, evaluation-N, with a config.json and a setting.json. It becomes the run's evaluation
when config.json names this folder.
Files are written whole, synced and sealed with checksums; records of units are appended and synced.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from neuron_core.cni.passes import Passes
from neuron_core.errors import RunError
from neuron_core.runs.evaluation_files import EvaluationFiles
from neuron_core.runs.files import PART, check_regular, damaged, disk_errors, read_bytes, write_file

ACTIVE = ("queued", "running")
STATES = (*ACTIVE, "done", "cancelled", "failed", "interrupted")
LOCK, QUEUED = ".lock", ".queued"
"files whose locks say that a process works on a run, or has it in its queue"
LOCK_PATIENCE_S = 0.5
LABEL_LENGTH = 80


@dataclass(frozen=True)
class RunStatus:
    """How far a run is."""

    state: str = "queued"
    stage: str = ""
    "loading, sampling, attribution or evaluation"
    done: int = 0
    "questions finished in this stage"
    total: int = 0
    message: str = ""
    created: float = 0.0
    "seconds since the epoch"
    updated: float = 0.0
    seconds: Mapping[str, float] = field(default_factory=dict)
    "wall time of each stage, summed over resumes"
    eta_s: float | None = None


class RunFolder(EvaluationFiles):
    """One run on disk."""

    @cached_property
    def _lock(self) -> FileLock:
        return FileLock(self.path / LOCK)

    def pending(self) -> "RunFolder | None":
        """A view of this run with the evaluation that was asked for and is not finished, or None."""
        folder = self.pending_folder()
        if not folder:
            return None
        view = RunFolder(self.path, folder)
        view._lock = self._lock
        return view

    @contextmanager
    def held(self) -> Iterator[None]:
        """Marks the run as being worked on by this process. The operating system removes the mark when the process
        ends.

        The mark covers config, questions and result: a process that replaces an evaluation keeps it until the new
        result has been read. RunError if another process works on the run, or if the lock is no file.
        """
        check_regular(self.path / LOCK)
        try:
            # A process that asks `is_held` has the lock for a moment.
            with disk_errors(self.path):
                lock = self._lock.acquire(timeout=LOCK_PATIENCE_S, poll_interval=0.01)
        except Timeout:
            raise RunError("another process works on this run", where=self.id, accepted="wait for it") from None
        with lock:
            yield

    def is_held(self) -> bool:
        """Whether some process works on this run now. RunError where that can't be found out."""
        return _is_locked(self.path / LOCK)

    def claim(self) -> FileLock:
        """Marks the run as queued by this process. The operating system removes the mark when the process ends.

        The caller releases the claim. RunError if another process has it, or if its file is none.
        """
        check_regular(self.path / QUEUED)
        lock = FileLock(self.path / QUEUED, thread_local=False)
        try:
            with disk_errors(self.path):
                lock.acquire(timeout=LOCK_PATIENCE_S, poll_interval=0.01)
        except Timeout:
            raise RunError(
                "another process has this run in its queue", where=self.id, accepted="wait for it, or cancel it there"
            ) from None
        return lock

    def is_claimed(self) -> bool:
        """Whether some process has the run in its queue. RunError where that can't be found out."""
        return _is_locked(self.path / QUEUED)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Claims and holds the run, for a process that has no queue. RunError if another process has the run."""
        claim = self.claim()
        try:
            with self.held():
                yield
        finally:
            claim.release()

    def status(self) -> RunStatus:
        """The status that was written last. It is `interrupted` instead of `running` when no process works on the run,
        and instead of `done` when another evaluation was asked for and is not finished.

        RunError when the file is damaged.
        """
        path = self.path / "status.json"
        try:
            said = json.loads(self._read_json(path))
            status = RunStatus(**said)
            if status.state not in STATES:
                raise ValueError(f"unknown state {status.state!r}")
        except (ValueError, TypeError) as error:
            raise RunError(
                f"the status of this run can't be read: {error}", where=str(path), accepted="Repair, or Delete"
            ) from None
        if status.state == "running" and not self.is_held():
            message = status.message or "The process that worked on it has ended. What was finished is kept."
            return replace(status, state="interrupted", message=message, eta_s=None)
        if status.state == "done" and self.pending_folder():
            message = "Another evaluation was asked for and is not finished; the one before is shown."
            return replace(status, state="interrupted", message=message, eta_s=None)
        return status

    def write_status(self, status: RunStatus) -> None:
        text = json.dumps(asdict(replace(status, updated=time.time())))
        self._write_json(self.path / "status.json", text)

    def label(self) -> str:
        """The label that a user gave the run, or an empty text. RunError when its file is damaged."""
        path = self.path / "label.txt"
        if not path.exists():
            return ""
        try:
            return " ".join(read_bytes(path).decode()[:LABEL_LENGTH].split())
        except ValueError:
            raise damaged(path, "it is not UTF-8") from None

    def set_label(self, label: str) -> None:
        """Gives the run a label of one line. RunError for one that is too long."""
        label = " ".join(label.split())
        if len(label) > LABEL_LENGTH:
            raise RunError(f"a label of {len(label)} characters", accepted=f"at most {LABEL_LENGTH}")
        write_file(self.path / "label.txt", label.encode())

    def event(self, kind: str, **fields: Any) -> None:
        """Appends one line to events.jsonl."""
        line = json.dumps({"time": time.time(), "event": kind, **fields}) + "\n"
        path = self.path / "events.jsonl"
        check_regular(path)
        with disk_errors(path), path.open("a+b") as file:
            # If a crash cut off the last line, the new one still begins a line.
            file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
            cut_off = file.read(1) not in (b"", b"\n")
            file.write(("\n" + line if cut_off else line).encode())

    def events(self) -> list[dict[str, Any]]:
        """All events. A line that a crash cut off is left out."""
        path = self.path / "events.jsonl"
        lines = read_bytes(path).decode(errors="replace").split("\n") if path.exists() else []
        found = []
        for line in lines:
            with suppress(ValueError):
                found.append(json.loads(line))
        return found

    def save_passes(self, passes: Passes) -> None:
        self._write_json(self.path / "passes.json", json.dumps(asdict(passes)))

    def passes(self) -> Passes | None:
        """The chunk plan; None before the run has begun. RunError when its file is damaged."""
        path = self.path / "passes.json"
        if not path.exists():
            return None
        try:
            return Passes(**json.loads(self._read_json(path)))
        except (ValueError, TypeError) as error:
            raise RunError(f"the chunk plan of this run can't be read: {error}", where=str(path)) from None

    def clean(self) -> None:
        """Removes files that a crash left half written. The caller holds the run."""
        for path in self.path.rglob(f".*{PART}"):
            path.unlink(missing_ok=True)
        for path in self.path.glob(".deleted-*"):
            shutil.rmtree(path, ignore_errors=True)


def _is_locked(path: Path) -> bool:
    """Whether some process has this lock. RunError where that can't be found out: a run of which this is not known must
    not be taken for one that nobody works on.
    """
    try:
        if not path.exists():
            return False
        with FileLock(path).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except (OSError, NotImplementedError) as error:
        why = error
    # A lock that this user may not write to can be asked for all the same.
    try:
        import fcntl

        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    except (OSError, NotImplementedError, ImportError):
        raise RunError(
            f"it can't be found out whether a process works on this run: {getattr(why, 'strerror', None) or why}",
            where=str(path),
            accepted="a folder whose files this user may read, on a disk that has file locks",
        ) from why
