"""Errands: stepwise work with the model that is no run. They go on between two questions of a run. No torch.

This side is the handle's: what was asked for, how far it is, what came of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from neuron_core.control.findings import Generation, Steering
from neuron_core.errors import NeuronCoreError
from neuron_core.runs.neurons import What

KEPT = 64
"errands that are remembered after their end"


@dataclass(frozen=True)
class NeuronErrand:
    """Find something out about one neuron of a run and write it beside the run's results."""

    what: What
    run: str
    "path of the run folder"
    folder: str
    "path of the folder that the finding goes to"
    layer: int
    index: int
    examples: int = 1000
    "texts read at most, for contexts"
    kind: Literal["neuron"] = "neuron"


@dataclass(frozen=True)
class WritingErrand:
    """Continue a prompt plain and steered."""

    prompt: str
    steering: Steering
    n_tokens: int
    temperature: float = 0.0
    seed: int = 0
    kind: Literal["writing"] = "writing"


Errand = NeuronErrand | WritingErrand


@dataclass(frozen=True)
class ErrandState:
    """How far an errand is."""

    number: int
    done: int = 0
    total: int = 0
    "0 while the model is loading"
    ended: bool = False
    text: Generation | None = None
    "of a WritingErrand, so far"
    failure: NeuronCoreError | None = None
    "Cancelled, or what went wrong"


class ErrandBook:
    """The errands of a handle, the newest last; guarded by the handle's lock. Equal errands are one."""

    def __init__(self) -> None:
        self._states: dict[Errand, ErrandState] = {}

    def state(self, errand: Errand) -> ErrandState | None:
        return self._states.get(errand)

    def going(self) -> bool:
        """Whether any has not ended."""
        return any(not state.ended for state in self._states.values())

    def begin(self, errand: Errand, number: int) -> None:
        """Notes a new errand; the oldest that have ended are forgotten."""
        self._states.pop(errand, None)
        self._states[errand] = ErrandState(number)
        ended = [old for old, state in self._states.items() if state.ended]
        for old in ended[: max(0, len(self._states) - KEPT)]:
            del self._states[old]

    def change(self, number: int, **changes: object) -> None:
        """Notes what is new of an errand; one that is no longer known, or has ended, stays as it is."""
        for errand, state in self._states.items():
            if state.number == number and not state.ended:
                self._states[errand] = replace(state, **changes)  # type: ignore[arg-type]
                return

    def end_all(self, failure: Callable[[], NeuronCoreError]) -> None:
        """The worker is gone, and with it all that it was doing."""
        for errand, state in self._states.items():
            if not state.ended:
                self._states[errand] = replace(state, ended=True, failure=failure())
