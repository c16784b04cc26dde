"""The actors of a pool, and the batches of questions that they compute. No Ray."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from neuron_core.engine.ray_actor import LoadedOn, Place
from neuron_core.models.spec import ModelSpec


@dataclass(eq=False)
class Member:
    """One actor of the pool."""

    handle: Any
    place: Place | None = None
    "None until the cluster has found a place for the actor"
    loaded: LoadedOn | None = None
    "None until the actor has loaded the model"

    @property
    def node(self) -> str | None:
        """Address of its machine."""
        return self.place.node if self.place else None


@dataclass(eq=False)
class Batch:
    """One call of a method of EngineActor."""

    method: str
    arguments: Callable[[], tuple[Any, ...]]
    "called each time that the batch is sent"
    name: str
    "for messages"
    n_questions: int = 0
    "how many questions the call computes"
    losses: int = 0
    "how many actors have ended while they computed it"


@dataclass(frozen=True)
class Lost:
    """The actor of a batch has ended."""

    why: str
    before: bool = False
    "whether it ended before the batch, and not because of it"


def spec_for_actors(spec: ModelSpec, gpus: float) -> ModelSpec:
    """The spec with which an actor of this many GPUs loads the model. ModelError if it can't be spread over several."""
    if gpus > 1:
        # Ray shows an actor only its own GPUs, and `auto` places layers on all that a process sees.
        return replace(spec, device_map="auto")
    # With no GPU of their own, actors must not take one that others use.
    return replace(spec, device="cpu") if gpus == 0 and spec.device == "auto" else spec


def smallest_share(gpus: float) -> float:
    """The part of a GPU's free memory that each of the actors that share it may use. gpus: GPUs an actor."""
    return gpus if 0 < gpus < 1 else 1.0
