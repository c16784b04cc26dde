"""The background jobs that the worker has begun. They take turns: one step of each."""

from collections.abc import Callable, Iterator

from neuron_core.errors import Cancelled, NeuronCoreError
from neuron_core.service.job_steps import Step
from neuron_core.service.protocol import Failure, JobEnded, JobStep


class JobTurns:
    """Does the steps of jobs and reports each step and each end. `drop` may be called by another thread."""

    def __init__(self, send: Callable[[JobStep | JobEnded], None]) -> None:
        """send: sends the handle a reply."""
        self._send = send
        self._jobs: dict[int, Iterator[Step]] = {}
        "the job that is next comes first"
        self._without_model: set[int] = set()
        self._dropped: set[int] = set()

    def add(self, number: int, steps: Iterator[Step], *, uses_model: bool = True) -> None:
        """Begins a job, after all others. uses_model: whether it needs the model that is loaded now."""
        self._jobs[number] = steps
        if not uses_model:
            self._without_model.add(number)

    def drop(self, number: int) -> None:
        """Stops a job before its next step."""
        self._dropped.add(number)

    def any(self) -> bool:
        """Whether some job is not finished."""
        return bool(self._jobs)

    def step(self) -> None:
        """Does one step of the job that is next. There must be one."""
        number = next(iter(self._jobs))
        steps = self._jobs.pop(number)
        try:
            if number in self._dropped:
                self._dropped.remove(number)
                raise Cancelled("this was cancelled")
            step = next(steps, None)
        except Exception as error:
            self._end(number, Failure.logged(error))
            return
        if step is None:
            self._end(number)
        else:
            self._jobs[number] = steps
            self._send(JobStep(number, step.done, step.total, step.text))

    def end_those_with_model(self, error: NeuronCoreError) -> None:
        """Ends the jobs that use the loaded model."""
        for number in [number for number in self._jobs if number not in self._without_model]:
            del self._jobs[number]
            self._end(number, Failure.of(error))

    def _end(self, number: int, failure: Failure | None = None) -> None:
        self._without_model.discard(number)
        self._send(JobEnded(number, failure))
