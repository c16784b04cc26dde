"""The runs of a handle that wait for its worker, and the locks of those that wait or run. No torch."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from filelock import FileLock

from neuron_core.errors import NeuronCoreError
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store

LOG = logging.getLogger(__name__)
CANCELLED = "Cancelled. What was finished is kept."


class RunQueue:
    """Runs are taken in the order in which they were added. The handle has its lock whenever it calls a method.

    A run that is waiting or in the worker is claimed: its folder carries a file lock that keeps the command line and
    the handles of other servers away from it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[str] = []
        self._claims: dict[str, FileLock] = {}
        "run id → the file lock of its folder"
        self._messages: dict[str, str] = {}
        "run id → why the run ended; shown when the status file could not be written, for instance on a full disk"

    def ids(self) -> tuple[str, ...]:
        """Ids of the waiting runs, in the order in which they will start."""
        return tuple(self._waiting)

    def add(self, run: RunFolder) -> None:
        """Puts a run at the end of the queue. RunError when another process has claimed it."""
        with self.claimed(run):
            self._messages.pop(run.id, None)
            self._waiting.append(run.id)

    def take(self) -> str:
        """Removes the first run from the queue and returns its id. The run stays claimed."""
        return self._waiting.pop(0)

    def cancel(self, run: RunFolder) -> None:
        """Removes a waiting run from the queue and writes that it was cancelled."""
        self._waiting.remove(run.id)
        try:
            _write_end(run, "cancelled", CANCELLED)
        finally:
            self.release(run.id)

    def clear(self) -> None:
        """Empties the queue and releases every claim, also that of the run in the worker."""
        self._waiting.clear()
        for run_id in list(self._claims):
            self.release(run_id)

    def has_claimed(self, run_id: str) -> bool:
        """Whether this handle has claimed the run."""
        return run_id in self._claims

    @contextmanager
    def claimed(self, run: RunFolder) -> Iterator[None]:
        """Claims the run, and keeps the claim unless the block raises. RunError when another process has claimed it."""
        had = run.id in self._claims
        if not had:
            self._claims[run.id] = run.claim()
        try:
            yield
        except BaseException:
            if not had:
                self.release(run.id)
            raise

    def release(self, run_id: str) -> None:
        """Releases the claim on a run, unless the run is waiting again."""
        if run_id not in self._waiting and (claim := self._claims.pop(run_id, None)) is not None:
            claim.release()

    def record_end(self, run_id: str, state: str, message: str) -> None:
        """Writes how a run ended if its worker could not, and releases it. Does nothing to a run that is waiting again.

        A run whose folder already has a final state keeps it.
        """
        if run_id in self._waiting:
            return
        self._messages[run_id] = message
        try:
            run = self._store.open(run_id)
            if run.status().state in ("queued", "interrupted"):
                _write_end(run, state, message)
        except (NeuronCoreError, OSError):
            # The folder was deleted or the disk is full. The thread must go on reading the replies about other runs.
            LOG.exception("the end of run %s can't be written", run_id)
        self.release(run_id)

    def message(self, run_id: str, written: str) -> str:
        """Why a run ended, or the written message if this handle knows no other."""
        return self._messages.get(run_id, written)

    def forget(self, run_id: str) -> None:
        """Drops the message of a run that was deleted."""
        self._messages.pop(run_id, None)


def _write_end(run: RunFolder, state: str, message: str) -> None:
    """Writes the final state of a run, with an event."""
    run.event(state, message=message)
    run.write_status(replace(run.status(), state=state, message=message, eta_s=None))
