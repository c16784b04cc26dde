"""The threads of the server that wait for the worker's report on a prompt. No torch."""

from collections.abc import Callable
from threading import Condition

from neuron_core.errors import RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.setting import PromptReport
from neuron_core.service.jobs import PromptJob
from neuron_core.service.protocol import Failure, JobEnded, JobRequest, Request

INSPECT_S = 120.0


class PromptInspections:
    """Sends prompts to the worker, and passes each answer to the thread that waits for it.

    `ask` takes the lock. The handle calls the other methods while it has the lock.
    """

    def __init__(self, lock: Condition, send: Callable[[ModelSpec, Callable[[int], Request]], int]) -> None:
        """send: sends the worker a request, which is made from a number, and returns the number."""
        self._lock, self._send = lock, send
        self._answers: dict[int, JobEnded | None] = {}

    def ask(self, prompt: str, spec: ModelSpec, *, confirmed: bool = False) -> PromptReport:
        """The worker's report on this prompt. RunError after 120 s without an answer; otherwise the worker's own
        error.
        """
        with self._lock:
            number = self._send(spec, lambda number: JobRequest(number, PromptJob(prompt), spec, confirmed))
            self._answers[number] = None
            try:
                self._lock.wait_for(lambda: self._answers[number] is not None, INSPECT_S)
            finally:
                answer = self._answers.pop(number)
        if answer is None:
            raise RunError(f"the worker did not answer within {INSPECT_S:.0f} s", accepted="try again later")
        if answer.failure is not None:
            raise answer.failure.exception()
        assert answer.report is not None
        return answer.report

    def going(self) -> bool:
        """Whether any thread is waiting for an answer."""
        return bool(self._answers)

    def answer(self, reply: JobEnded) -> None:
        """Passes an answer to the thread that waits for it. Ignores numbers that no thread waits for."""
        if reply.number in self._answers:
            self._answers[reply.number] = reply

    def end_all(self, failure: Failure) -> None:
        """Ends every wait with this failure: the worker process has ended."""
        for number, answer in self._answers.items():
            self._answers[number] = answer or JobEnded(number, failure)
