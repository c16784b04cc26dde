"""The errands of a handle: what was asked for, how far it is, what came of it. No torch."""

from collections.abc import Callable
from dataclasses import replace
from threading import Condition

from neuron_core.errors import NeuronCoreError
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.errands import Errand, ErrandState, LengthsErrand
from neuron_core.runs.protocol import DropRequest, ErrandRequest, Request

KEPT = 64
"errands that are remembered after their end"


class ErrandDesk:
    """The handle's errands. Equal errands are one; what came of the last ones is remembered.

    start, state, cancel and wait take the lock; going, change and end_all are the handle's, which holds it.
    """

    def __init__(
        self,
        lock: Condition,
        send: Callable[[ModelSpec | None, Callable[[int], Request]], int],
        send_on: Callable[[Request], None],
    ) -> None:
        """send: hands the worker a request made with a number, and gives the number; the spec is of the model that the
        request needs loaded. send_on: hands it one more."""
        self._lock, self._send, self._send_on = lock, send, send_on
        self._states: dict[Errand, ErrandState] = {}

    def start(self, errand: Errand, spec: ModelSpec) -> None:
        """Hands an errand to the worker, unless it is going already; loads the model if the errand needs it.

        RunError when a run is using another model, of an errand that needs one.
        """
        with self._lock:
            state = self._states.get(errand)
            if state is not None and not state.ended:
                return
            needed = None if isinstance(errand, LengthsErrand) else spec
            number = self._send(needed, lambda number: ErrandRequest(number, errand, spec))
            self._states.pop(errand, None)
            self._states[errand] = ErrandState(number)
            ended = [old for old, state in self._states.items() if state.ended]
            for old in ended[: max(0, len(self._states) - KEPT)]:
                del self._states[old]

    def state(self, errand: Errand) -> ErrandState | None:
        """How far an errand is, or how it ended; None when it was not asked for, or long ago."""
        with self._lock:
            return self._states.get(errand)

    def cancel(self, errand: Errand) -> None:
        """Stops an errand at its next step; without effect on one that has ended."""
        with self._lock:
            state = self._states.get(errand)
            if state is not None and not state.ended:
                self._send_on(DropRequest(state.number))

    def wait(self, errand: Errand, seconds: float) -> ErrandState | None:
        """Its state once it has ended, or after so many seconds."""
        with self._lock:
            self._lock.wait_for(lambda: errand not in self._states or self._states[errand].ended, seconds)
            return self._states.get(errand)

    def going(self) -> bool:
        return any(not state.ended for state in self._states.values())

    def change(self, number: int, **changes: object) -> None:
        """Notes what is new of an errand; one that has ended stays as it is."""
        for errand, state in self._states.items():
            if state.number == number and not state.ended:
                self._states[errand] = replace(state, **changes)  # type: ignore[arg-type]
                return

    def end_all(self, failure: NeuronCoreError) -> None:
        """The worker is gone, and with it all that it was doing."""
        for errand, state in self._states.items():
            if not state.ended:
                self._states[errand] = replace(state, ended=True, failure=failure)
