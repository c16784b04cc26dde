"""Writes the progress of a run into its folder while the run is carried out. No torch."""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from typing import TypeVar

from neuron_core.cni.passes import Passes
from neuron_core.errors import Cancelled, RunError
from neuron_core.runs.run_folder import RunFolder, RunStatus

T = TypeVar("T")
Progress = Callable[[RunStatus], None]
STATUS_EVERY_S = 0.2
"least time between two writes of the status while questions are computed"


class RunReporter:
    """Writes the status while questions are computed, measures the time of each stage, and raises Cancelled when a stop
    is asked for.
    """

    def __init__(self, run: RunFolder, should_stop: Callable[[], bool], on_progress: Progress | None) -> None:
        """should_stop: asked after every question. on_progress: called with the status after every question, also
        when it is not written.
        """
        self._run, self._should_stop, self._on_progress = run, should_stop, on_progress
        self._status = replace(run.status(), state="running", message="", eta_s=None)
        self._began, self._done_before = time.monotonic(), 0
        self._written = 0.0

    def begin(self, stage: str, done: int, total: int) -> None:
        """A stage begins of which `done` of `total` questions are finished."""
        self._began, self._done_before = time.monotonic(), done
        self._run.event("stage", stage=stage, done=done, total=total)
        self._publish(stage=stage, done=done, total=total, message="", eta_s=None)
        self._stop_if_asked()

    def say(self, message: str) -> None:
        """Shows what is going on within the stage."""
        self._publish(message=message)
        self._stop_if_asked()

    def smaller(self, passes: Passes) -> None:
        """Memory ran out. The run goes on with these smaller passes, and begins with them when it is resumed."""
        self._run.save_passes(passes)
        self._run.event("smaller passes", **asdict(passes))
        self._publish(message="Out of memory: goes on in smaller passes.")

    def each(self, units: Iterable[T]) -> Iterable[T]:
        """Yields the units and counts each as finished when the next one is asked for."""
        for unit in units:
            yield unit
            done = self._status.done + 1
            pace = (time.monotonic() - self._began) / (done - self._done_before)
            due = time.monotonic() - self._written >= STATUS_EVERY_S
            self._publish(write=due, done=done, eta_s=pace * (self._status.total - done))
            self._stop_if_asked()

    def close(self) -> None:
        """Adds the time since the last call to the seconds of the stage."""
        seconds = dict(self._status.seconds)
        stage = self._status.stage
        seconds[stage] = seconds.get(stage, 0.0) + time.monotonic() - self._began
        self._began = time.monotonic()
        self._publish(seconds=seconds, eta_s=None)

    def end(self, state: str, message: str, cause: Exception | None = None) -> None:
        """Writes how the run ended. If the disk refuses that as well, the error that ended the run gets a note."""
        try:
            if state != "done":
                self.close()
            self._run.event(state, message=message)
            self._publish(state=state, message=message, eta_s=None)
        except (RunError, OSError) as error:
            if cause is None:
                raise
            cause.add_note(f"The end of the run could not be written either: {error}")

    def _publish(self, *, write: bool = True, **changes: object) -> None:
        self._status = replace(self._status, **changes)  # type: ignore[arg-type]
        if write:
            self._run.write_status(self._status)
            self._written = time.monotonic()
        if self._on_progress:
            self._on_progress(self._status)

    def _stop_if_asked(self) -> None:
        if self._should_stop():
            raise Cancelled("the run was cancelled", where=self._run.id)
