"""The background jobs that were started through a handle, with their progress and how they ended. No torch."""

from collections.abc import Callable
from dataclasses import replace
from threading import Condition

from neuron_core.errors import NeuronCoreError
from neuron_core.models.spec import ModelSpec
from neuron_core.service.jobs import BackgroundJob, JobState, LengthsJob
from neuron_core.service.owner import OWNER
from neuron_core.service.permissions import Permissions
from neuron_core.service.protocol import DropRequest, JobRequest, Request

KEPT = 64
"how many jobs are remembered after their end"


class JobTable:
    """The background jobs of one handle. A job that is running is not started a second time. The last 64 jobs that
    ended are remembered.

    `start`, `state`, `cancel`, `why_not_cancel` and `wait` take the lock. The handle calls `going`, `change` and
    `end_all` while it has the lock.
    """

    def __init__(
        self,
        lock: Condition,
        send: Callable[[ModelSpec | None, Callable[[int], Request]], int],
        send_on: Callable[[Request], None],
        check: Callable[[BackgroundJob, ModelSpec], bool] = lambda job, spec: False,
        permissions: Permissions | None = None,
    ) -> None:
        """send: takes the model that a request needs, or None, and a function that makes the request from a number;
        sends the request to the worker and returns the number. send_on: sends a request if a worker is running. check:
        raises an error for a job that is not allowed, and returns whether the code that comes with the model was
        confirmed. permissions: what callers may do; None allows everything.
        """
        self._lock, self._send, self._send_on, self._check = lock, send, send_on, check
        self._permissions = permissions or Permissions()
        self._states: dict[BackgroundJob, JobState] = {}
        self._askers: dict[int, set[str]] = {}
        "number of a running job → the sessions that asked for it"

    def start(self, job: BackgroundJob, spec: ModelSpec) -> None:
        """Gives the worker a job, unless the job is running. The worker loads the model if the job needs it.

        RunError when the job needs a model and a run is using another one, and where no further job may wait.
        """
        with self._lock:
            state = self._states.get(job)
            if state is not None and not state.ended:
                self._askers[state.number].add(OWNER.get())
                return
            self._permissions.check_waiting(sum(not state.ended for state in self._states.values()), "jobs")
            confirmed = self._check(job, spec)
            needed = None if isinstance(job, LengthsJob) else spec
            number = self._send(needed, lambda number: JobRequest(number, job, spec, confirmed))
            self._states.pop(job, None)
            self._states[job] = JobState(number)
            self._askers[number] = {OWNER.get()}
            ended = [old for old, state in self._states.items() if state.ended]
            for old in ended[: max(0, len(self._states) - KEPT)]:
                del self._states[old]

    def state(self, job: BackgroundJob) -> JobState | None:
        """The progress of a job, or how it ended. None if it was never started or is no longer remembered."""
        with self._lock:
            return self._states.get(job)

    def cancel(self, job: BackgroundJob) -> None:
        """Stops the job at its next step. Does nothing if the job has ended. RunError if another session has asked for
        it too, and what others began may not be stopped.
        """
        with self._lock:
            state = self._states.get(job)
            if state is not None and not state.ended:
                if not self._is_own(state):
                    self._permissions.check("cancel")
                self._send_on(DropRequest(state.number))

    def why_not_cancel(self, job: BackgroundJob) -> str:
        """Why the session that asks may not stop the job, in words; empty if it may."""
        with self._lock:
            state = self._states.get(job)
            if state is None or state.ended or self._is_own(state):
                return ""
            return self._permissions.why_not("cancel")

    def wait(self, job: BackgroundJob, seconds: float) -> JobState | None:
        """Waits until the job has ended, or for this many seconds, and returns the job's state."""
        with self._lock:
            self._lock.wait_for(lambda: job not in self._states or self._states[job].ended, seconds)
            return self._states.get(job)

    def _is_own(self, state: JobState) -> bool:
        """Whether no session but the one that asks has asked for this job."""
        return self._askers[state.number] == {OWNER.get()}

    def going(self) -> bool:
        """Whether any job is running."""
        return any(not state.ended for state in self._states.values())

    def change(self, number: int, **changes: object) -> None:
        """Updates the state of the job with this number, unless the job has ended."""
        for job, state in self._states.items():
            if state.number == number and not state.ended:
                self._states[job] = now = replace(state, **changes)  # type: ignore[arg-type]
                if now.ended:
                    del self._askers[number]
                return

    def end_all(self, failure: NeuronCoreError) -> None:
        """Marks every running job as failed: the worker process has ended."""
        for job, state in self._states.items():
            if not state.ended:
                self._states[job] = replace(state, ended=True, failure=failure)
        self._askers.clear()
