"""Prompts that a handle's worker is asked about, and the answers on their way. No torch."""

from collections.abc import Callable
from threading import Condition

from neuron_core.errors import RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.setting import PromptReport
from neuron_core.service.protocol import Failure, Inspected, InspectRequest, Request

INSPECT_S = 120.0


class PromptInspections:
    """Who asks waits here. `ask` takes the lock; the other methods are the handle's, which holds it."""

    def __init__(self, lock: Condition, send: Callable[[ModelSpec, Callable[[int], Request]], int]) -> None:
        """send: hands the worker a request made with a number, and gives the number."""
        self._lock, self._send = lock, send
        self._answers: dict[int, Inspected | None] = {}

    def ask(self, prompt: str, spec: ModelSpec, *, confirmed: bool = False) -> PromptReport:
        """The worker's answer. RunError when 120 s pass; what the worker says otherwise."""
        with self._lock:
            number = self._send(spec, lambda number: InspectRequest(number, prompt, spec, confirmed))
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
        """Whether anyone waits."""
        return bool(self._answers)

    def answer(self, reply: Inspected) -> None:
        """Takes in an answer; one that nobody waits for any more is dropped."""
        if reply.number in self._answers:
            self._answers[reply.number] = reply

    def end_all(self, failure: Failure) -> None:
        """The worker is gone: whoever waits is told so."""
        for number, answer in self._answers.items():
            self._answers[number] = answer or Inspected(number, failure=failure)
