"""The actors of a cluster that hold one model, and batches handed to whichever is free.

Ray places the actors, starts them again where they end, and carries calls and results. What is added here is what a
run of its own needs: actors may join late, a batch whose actor is gone goes to another one without waiting for the
restart, and the wait between two results can be stopped.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.exceptions import ActorDiedError, RayError, RayTaskError

from neuron_core.engine.cluster_options import CLUSTER_WORDS, ClusterOptions
from neuron_core.engine.ray_actor import EngineActor, LoadedOn, Place, versions
from neuron_core.errors import NeuronCoreError, RunError
from neuron_core.models.spec import ModelSpec

Say = Callable[[str], None]
RESTARTS = 3
"times that Ray starts an actor again"
LOSSES = 3
"times that a batch may lose its actor; a question that kills every actor must not go round for ever"
PATIENCE_S = 300.0
"without any actor at work or loading"
TURN_S = 0.5
"between two looks whether a run is to stop"
RATE_S = 60.0
"over which questions a second are counted"


@dataclass(eq=False)
class _Member:
    """One actor."""

    handle: Any
    place: Place | None = None
    loaded: LoadedOn | None = None


@dataclass(eq=False)
class Batch:
    """One call: a method of EngineActor, and how many questions it answers."""

    method: str
    arguments: Callable[[], tuple[Any, ...]]
    "asked when the batch is sent, and again when it is sent again"
    name: str
    "for messages"
    n_questions: int = 0
    losses: int = 0


class ActorPool:
    """Actors of one model; NeuronCoreError from any of them ends what is going on, and `close` ends the actors."""

    def __init__(self, spec: ModelSpec, options: ClusterOptions, say: Say) -> None:
        """Returns when the least number of actors has loaded the model.

        RunError when they find no place, or differ in versions or weights; ModelError where a node can't load it.
        """
        self._options = options
        gpus = options.gpus
        if gpus is None:
            gpus = 1.0 if ray.cluster_resources().get("GPU", 0) else 0.0
        self.gpus = gpus
        # With no GPU of their own, actors must not take one that others use.
        self._spec = replace(spec, device="cpu") if gpus == 0 and spec.device == "auto" else spec
        self._reference: LoadedOn | None = None
        self._idle: list[_Member] = []
        self._busy: dict[Any, tuple[_Member, Batch, object]] = {}
        self._joining: dict[Any, _Member] = {}
        self._finished: deque[tuple[float, int]] = deque()
        self._last_sign = time.monotonic()
        self.refused: list[str] = []
        "why actors that came late were not taken"
        remote = ray.remote(EngineActor).options(
            num_cpus=options.cpus, num_gpus=gpus, max_restarts=RESTARTS, scheduling_strategy="SPREAD"
        )
        self._members = [_Member(remote.remote()) for _ in range(options.most)]
        for member in self._members:
            self._join(member)
        self._begun = False
        while len(self._idle) < options.least:
            say(self._waiting())
            self._turn()
        self._begun = True

    def members(self) -> list[tuple[Place, LoadedOn]]:
        """Where the actors at work run, and what they hold."""
        there = [*self._idle, *(member for member, _, _ in self._busy.values())]
        return [(each.place, each.loaded) for each in there if each.place and each.loaded]

    @property
    def size(self) -> int:
        """Actors at work."""
        return len(self._idle) + len(self._busy)

    def run(self, batches: Iterable[Batch], say: Say) -> Iterator[tuple[Batch, Any]]:
        """Each batch with its result, as they come. `say` is told every half second how it goes, and may raise."""
        mine = object()
        waiting = deque(batches)
        self._finished.clear()
        told = 0.0
        open_batches = len(waiting)
        while open_batches:
            while waiting and self._idle:
                member, batch = self._idle.pop(0), waiting.popleft()
                reference = getattr(member.handle, batch.method).remote(*batch.arguments())
                self._busy[reference] = member, batch, mine
            for batch, of, result in self._turn():
                if of is not mine:
                    # Of a stage that nobody waits for any more.
                    continue
                if isinstance(result, NeuronCoreError):
                    raise result
                if isinstance(result, _Lost):
                    batch.losses += 1
                    if batch.losses > LOSSES:
                        raise RunError(
                            f"{batch.losses} actors ended while they computed this: {result.why}",
                            where=batch.name,
                            accepted="more memory for an actor, or fewer actors a node; what was finished is kept",
                        )
                    waiting.appendleft(batch)
                    continue
                open_batches -= 1
                self._finished.append((time.monotonic(), batch.n_questions))
                yield batch, result
            if time.monotonic() - told >= TURN_S:
                say(self.describe(len(waiting)))
                told = time.monotonic()

    def one(self, method: str, *arguments: Any, say: Say = lambda _: None) -> Any:
        """The result of one call, of whichever actor is free first."""
        for _, result in self.run([Batch(method, lambda: arguments, method)], say):
            return result
        raise AssertionError

    def all(self, method: str, *arguments: Any) -> list[Any]:
        """The result of every actor that is at work; those that end meanwhile are left out."""
        found = []
        for member in list(self._idle):
            with suppress(RayError), _as_told(member):
                found.append(ray.get(getattr(member.handle, method).remote(*arguments)))
        return found or [self.one(method, *arguments)]

    def describe(self, n_waiting: int) -> str:
        """Nodes, actors, batches that wait and questions a second, in one line."""
        now = time.monotonic()
        while self._finished and now - self._finished[0][0] > RATE_S:
            self._finished.popleft()
        nodes = len({place.node_id for place, _ in self.members()})
        parts = [_count(nodes, "node"), _count(self.size, "actor"), f"{_count(n_waiting, 'batch', 'batches')} waiting"]
        if len(self._finished) > 1 and now > self._finished[0][0]:
            # The first one only begins the time.
            n = sum(n for _, n in self._finished) - self._finished[0][1]
            parts.append(f"{n / (now - self._finished[0][0]):.2g} questions a second")
        if joining := len(self._joining):
            parts.append(f"{_count(joining, 'actor')} joining")
        return CLUSTER_WORDS + ", ".join([*parts, *self.refused[-1:]])

    def close(self) -> None:
        """Ends all actors at once, whatever they do."""
        for member in self._members:
            with suppress(RayError, ValueError):
                ray.kill(member.handle)
        self._members, self._idle = [], []
        self._busy, self._joining = {}, {}

    def _waiting(self) -> str:
        placed = sum(member.place is not None for member in self._members)
        if placed >= self._options.least:
            return f"loading the model on {_count(placed, 'actor')}, {len(self._idle)} ready"
        return f"{placed} of {self._options.least} actors have a place; {self._room()}"

    def _room(self) -> str:
        there = ray.cluster_resources()
        return f"the cluster has {there.get('CPU', 0):g} CPUs and {there.get('GPU', 0):g} GPUs, and an actor takes " + (
            f"{self._options.cpus:g} and {self.gpus:g}"
        )

    def _join(self, member: _Member) -> None:
        """Asks for place, then model; after a restart it does so again."""
        member.place = member.loaded = None
        with suppress(ActorDiedError):
            self._joining[member.handle.place.remote()] = member

    def _turn(self) -> list[tuple[Batch, object, Any]]:
        """Waits a moment for whatever comes first: batch, whose it is, and its result, error or loss."""
        references = [*self._joining, *self._busy]
        if self._busy or self._idle or any(member.place for member in self._joining.values()):
            self._last_sign = time.monotonic()
        if not self._joining and (self.size == 0 or (not self._begun and self.size < self._options.least)):
            raise RunError(
                f"no actor is left; each was started again {RESTARTS} times",
                accepted="the log of Ray on the nodes, which says why they ended; what was finished is kept",
            )
        if time.monotonic() - self._last_sign > PATIENCE_S:
            raise RunError(
                f"no actor found a place for {PATIENCE_S:.0f} s: {self._room()}",
                accepted="fewer actors, fewer CPUs or GPUs an actor, or more nodes",
            )
        if not references:
            return []
        done, _ = ray.wait(references, num_returns=1, timeout=TURN_S)
        found: list[tuple[Batch, object, Any]] = []
        for reference in done:
            if reference in self._joining:
                self._go_on_joining(reference, self._joining.pop(reference))
            else:
                member, batch, of = self._busy.pop(reference)
                found.append((batch, of, self._result(reference, member)))
        return found

    def _go_on_joining(self, reference: Any, member: _Member) -> None:
        try:
            with _as_told(member):
                found = ray.get(reference)
                if isinstance(found, Place):
                    member.place = found
                    _refuse_other_versions(found)
                    self._joining[member.handle.load.remote(self._spec)] = member
                else:
                    assert member.place is not None
                    member.loaded = found
                    self._refuse_other_model(found, member.place)
                    self._idle.append(member)
        except ActorDiedError:
            # Ray does not start it again.
            return
        except RayError:
            self._join(member)
        except NeuronCoreError as error:
            with suppress(RayError):
                ray.kill(member.handle)
            if not self._begun or self.size == 0:
                raise
            # A node that came late is no reason to end a run that goes well without it.
            self.refused.append(f"an actor was not taken: {error}")

    def _refuse_other_model(self, found: LoadedOn, place: Place) -> None:
        self._reference = first = self._reference or found
        for what, ours, theirs in (
            ("weights (fingerprint)", first.facts.fingerprint, found.facts.fingerprint),
            ("dtype", first.facts.dtype, found.facts.dtype),
            ("device", first.facts.device.partition(":")[0], found.facts.device.partition(":")[0]),
            ("torch", first.build, found.build),
        ):
            if ours != theirs:
                raise RunError(
                    f"the actors differ in {what}: {theirs} here, {ours} on the first of them",
                    where=f"node {place.node}",
                    accepted="the same model, dtype, kind of device and libraries on every node",
                )

    def _result(self, reference: Any, member: _Member) -> Any:
        try:
            with _as_told(member):
                result = ray.get(reference)
        except NeuronCoreError as error:
            self._idle.append(member)
            return error
        except RayError as error:
            # The actor's process or node is gone, or its result with it.
            self._join(member)
            return _Lost(str(error).strip().split("\n")[0])
        self._idle.append(member)
        return result


@dataclass(frozen=True)
class _Lost:
    why: str


class _as_told:
    """An error that an actor raised, as it raised it, with its node."""

    def __init__(self, member: _Member) -> None:
        self._node = member.place.node if member.place else None

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, RayTaskError):
            return
        node = f"node {self._node}" if self._node else None
        cause = error.cause
        if isinstance(cause, NeuronCoreError):
            where = ", ".join(filter(None, (cause.where, node)))
            raise type(cause)(cause.what, where=where, accepted=cause.accepted) from error
        raise RunError(f"{type(cause).__name__}: {cause}", where=node) from error


def _refuse_other_versions(place: Place) -> None:
    here = versions()
    other = [
        f"{name} {place.versions.get(name, 'missing')}, here {value}"
        for name, value in here.items()
        if place.versions.get(name) != value
    ]
    if other:
        raise RunError(
            f"an actor has other versions: {'; '.join(other)}",
            where=f"node {place.node}",
            accepted="the same versions on every node as on the machine that starts the run",
        )


def _count(n: int, one: str, several: str | None = None) -> str:
    return f"{n} {one if n == 1 else several or one + 's'}"


def smallest_share(gpus: float) -> float:
    """Of the free memory that one of the actors on a GPU may take."""
    return gpus if 0 < gpus < 1 else 1.0
