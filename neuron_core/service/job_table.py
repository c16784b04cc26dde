"""The jobs of a handle: what was asked for, how far it is, what came of it. No torch."""

from collections.abc import Callable
from dataclasses import replace
from threading import Condition

from neuron_core.errors import NeuronCoreError
from neuron_core.models.spec import ModelSpec
from neuron_core.service.jobs import BackgroundJob, JobState, LengthsJob
from neuron_core.service.protocol import DropRequest, JobRequest, Request

KEPT = 64
"jobs that are remembered after their end"


class JobTable:
    """The handle's jobs. Equal jobs are one; what came of the last ones is remembered.

    start, state, cancel and wait take the lock; going, change and end_all are the handle's, which holds it.
    """

    def __init__(
        self,
        lock: Condition,
        send: Callable[[ModelSpec | None, Callable[[int], Request]], int],
        send_on: Callable[[Request], None],
        check: Callable[[BackgroundJob, ModelSpec], bool] = lambda job, spec: False,
    ) -> None:
        """send: hands the worker a request made with a number, and gives the number; the spec is of the model that the
        request needs loaded. send_on: hands it one more. check: raises for what is not allowed, says whether the
        model's own code was confirmed."""
        self._lock, self._send, self._send_on, self._check = lock, send, send_on, check
        self._states: dict[BackgroundJob, JobState] = {}

    def start(self, job: BackgroundJob, spec: ModelSpec) -> None:
        """Hands a job to the worker, unless it is going already; loads the model if the job needs it.

        RunError when a run is using another model, of a job that needs one.
        """
        with self._lock:
            state = self._states.get(job)
            if state is not None and not state.ended:
                return
            confirmed = self._check(job, spec)
            needed = None if isinstance(job, LengthsJob) else spec
            number = self._send(needed, lambda number: JobRequest(number, job, spec, confirmed))
            self._states.pop(job, None)
            self._states[job] = JobState(number)
            ended = [old for old, state in self._states.items() if state.ended]
            for old in ended[: max(0, len(self._states) - KEPT)]:
                del self._states[old]

    def state(self, job: BackgroundJob) -> JobState | None:
        """How far a job is, or how it ended; None when it was not asked for, or long ago."""
        with self._lock:
            return self._states.get(job)

    def cancel(self, job: BackgroundJob) -> None:
        """Stops a job at its next step; without effect on one that has ended."""
        with self._lock:
            state = self._states.get(job)
            if state is not None and not state.ended:
                self._send_on(DropRequest(state.number))

    def wait(self, job: BackgroundJob, seconds: float) -> JobState | None:
        """Its state once it has ended, or after so many seconds."""
        with self._lock:
            self._lock.wait_for(lambda: job not in self._states or self._states[job].ended, seconds)
            return self._states.get(job)

    def going(self) -> bool:
        return any(not state.ended for state in self._states.values())

    def change(self, number: int, **changes: object) -> None:
        """Notes what is new of a job; one that has ended stays as it is."""
        for job, state in self._states.items():
            if state.number == number and not state.ended:
                self._states[job] = replace(state, **changes)  # type: ignore[arg-type]
                return

    def end_all(self, failure: NeuronCoreError) -> None:
        """The worker is gone, and with it all that it was doing."""
        for job, state in self._states.items():
            if not state.ended:
                self._states[job] = replace(state, ended=True, failure=failure)
