"""A pool of actors that hold the same model. Each batch of questions goes to an actor that is free.

Ray places the actors, restarts those that end, and carries calls and results. A run needs three things more, which are
added here: actors may join late; a batch whose actor has ended goes to another one without waiting for the restart;
and the wait between two results can be stopped.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import ray
from ray.exceptions import ActorDiedError, RayError

from neuron_core.engine.cluster_options import CLUSTER_WORDS, ClusterOptions
from neuron_core.engine.ray_actor import EngineActor, LoadedOn, NoModel, Place
from neuron_core.engine.ray_agreement import refuse_other_model, refuse_other_versions
from neuron_core.engine.ray_errors import actor_errors
from neuron_core.engine.ray_members import Batch, Lost, Member, spec_for_actors
from neuron_core.engine.ray_rate import QuestionRate, count
from neuron_core.engine.run_engine import Say
from neuron_core.errors import NeuronCoreError, RunError
from neuron_core.models.spec import ModelSpec

RESTARTS = 3
"how often Ray starts an actor again"
LOSSES = 3
"how often a batch may lose its actor, so that a question that ends every actor is given up at last"
PATIENCE_S = 300.0
"how long the pool waits while no actor works or loads"
TURN_S = 0.5
"how often the pool asks whether the run is to stop"


class ActorPool:
    """The actors of one model. A NeuronCoreError that one of them raises is raised here. `close` ends the actors."""

    def __init__(self, spec: ModelSpec, options: ClusterOptions, say: Say) -> None:
        """Returns when `options.least` actors have loaded the model. say: told about twice a second what goes on.

        RunError when no place is found for them, or when they differ in versions or weights. ModelError when a node
        can't load the model.
        """
        self._options = options
        gpus = options.gpus
        if gpus is None:
            gpus = 1.0 if ray.cluster_resources().get("GPU", 0) else 0.0
        self.gpus = gpus
        self._spec = spec_for_actors(spec, gpus)
        self._reference: LoadedOn | None = None
        self._idle: list[Member] = []
        self._busy: dict[Any, tuple[Member, Batch, object]] = {}
        self._joining: dict[Any, Member] = {}
        self._rate = QuestionRate()
        self._last_sign = time.monotonic()
        self.refused: list[str] = []
        "why actors that joined late were refused"
        remote = ray.remote(EngineActor).options(
            num_cpus=options.cpus, num_gpus=gpus, max_restarts=RESTARTS, scheduling_strategy="SPREAD"
        )
        self._members = [Member(remote.remote()) for _ in range(options.most)]
        for member in self._members:
            self._join(member)
        self._begun = False
        while len(self._idle) < options.least:
            say(self._waiting())
            self._turn()
        self._begun = True

    def members(self) -> list[tuple[Place, LoadedOn]]:
        """Where each actor that can compute runs, and what it has loaded."""
        there = [*self._idle, *(member for member, _, _ in self._busy.values())]
        return [(each.place, each.loaded) for each in there if each.place and each.loaded]

    @property
    def size(self) -> int:
        """Number of actors that can compute."""
        return len(self._idle) + len(self._busy)

    def run(self, batches: Iterable[Batch], say: Say) -> Iterator[tuple[Batch, Any]]:
        """Yields each batch with its result, as results arrive. `say` is told every half second how it goes. What it
        raises ends the computation.
        """
        # Batches of an earlier call that was ended may still be computed.
        mine = object()
        waiting = deque(batches)
        self._rate.clear()
        told = 0.0
        open_batches = len(waiting)
        while open_batches:
            while waiting and self._idle:
                member, batch = self._idle.pop(0), waiting.popleft()
                reference = getattr(member.handle, batch.method).remote(*batch.arguments())
                self._busy[reference] = member, batch, mine
            for batch, of, result in self._turn():
                if of is not mine:
                    continue
                if isinstance(result, NeuronCoreError):
                    raise result
                if isinstance(result, Lost):
                    batch.losses += not result.before
                    if batch.losses > LOSSES:
                        raise RunError(
                            f"{batch.losses} actors ended while they computed this: {result.why}",
                            where=batch.name,
                            accepted="more memory for an actor, or fewer actors a node; what was finished is kept",
                        )
                    waiting.appendleft(batch)
                    continue
                open_batches -= 1
                self._rate.add(batch.n_questions)
                yield batch, result
            if time.monotonic() - told >= TURN_S:
                say(self.describe(len(waiting)))
                told = time.monotonic()

    def one(self, method: str, *arguments: Any, say: Say = lambda _: None) -> Any:
        """The result of one call, by the first actor that is free."""
        for _, result in self.run([Batch(method, lambda: arguments, method)], say):
            return result
        raise AssertionError

    def all(self, method: str, *arguments: Any) -> list[Any]:
        """The results of one call of every actor that is free. Actors that end meanwhile are left out."""
        found = []
        for member in list(self._idle):
            with suppress(RayError, NoModel), actor_errors(member.node):
                found.append(ray.get(getattr(member.handle, method).remote(*arguments)))
        return found or [self.one(method, *arguments)]

    def describe(self, n_waiting: int) -> str:
        """Nodes, actors, waiting batches and questions a second, in one line."""
        nodes = len({place.node_id for place, _ in self.members()})
        parts = [count(nodes, "node"), count(self.size, "actor"), f"{count(n_waiting, 'batch', 'batches')} waiting"]
        parts.append(self._rate.in_words())
        if joining := len(self._joining):
            parts.append(f"{count(joining, 'actor')} joining")
        return CLUSTER_WORDS + ", ".join(filter(None, [*parts, *self.refused[-1:]]))

    def close(self) -> None:
        """Ends all actors at once, also those that are computing."""
        for member in self._members:
            with suppress(RayError, ValueError):
                ray.kill(member.handle)
        self._members, self._idle = [], []
        self._busy, self._joining = {}, {}

    def _waiting(self) -> str:
        placed = sum(member.place is not None for member in self._members)
        if placed >= self._options.least:
            return f"loading the model on {count(placed, 'actor')}, {len(self._idle)} ready"
        return f"{placed} of {self._options.least} actors have a place; {self._room()}"

    def _room(self) -> str:
        there = ray.cluster_resources()
        return f"the cluster has {there.get('CPU', 0):g} CPUs and {there.get('GPU', 0):g} GPUs, and an actor takes " + (
            f"{self._options.cpus:g} and {self.gpus:g}"
        )

    def _join(self, member: Member) -> None:
        """Waits until the actor has a place and then has it load the model. Called again after a restart."""
        member.place = member.loaded = None
        with suppress(ActorDiedError):
            self._joining[member.handle.place.remote()] = member

    def _turn(self) -> list[tuple[Batch, object, Any]]:
        """Waits up to half a second for an actor. Returns a finished batch, the call of `run` that it belongs to, and
        its result: what the actor returned, the NeuronCoreError that it raised, or Lost.
        """
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

    def _go_on_joining(self, reference: Any, member: Member) -> None:
        """Takes in the answer of an actor that joins: its place, then the model that it has loaded."""
        try:
            with actor_errors(member.node):
                found = ray.get(reference)
                if isinstance(found, Place):
                    member.place = found
                    refuse_other_versions(found)
                    self._joining[member.handle.load.remote(self._spec)] = member
                else:
                    member.place, member.loaded = found.place, found
                    refuse_other_versions(found.place)
                    self._reference = self._reference or found
                    refuse_other_model(self._reference, found, member.place)
                    self._idle.append(member)
        except ActorDiedError:
            # Ray does not start it again. With the last one, `_turn` ends the run.
            return
        except RayError:
            self._join(member)
        except NeuronCoreError as error:
            with suppress(RayError):
                ray.kill(member.handle)
            if not self._begun or self.size == 0:
                raise
            # The run goes on without a node that joined late.
            self.refused.append(f"an actor was refused: {error}")

    def _result(self, reference: Any, member: Member) -> Any:
        try:
            with actor_errors(member.node):
                result = ray.get(reference)
        except NoModel as error:
            # It ended while it was idle, and Ray has started it again.
            self._join(member)
            return Lost(error.what, before=True)
        except NeuronCoreError as error:
            self._idle.append(member)
            return error
        except RayError as error:
            # The actor's process or node has ended, or the result was lost with it.
            self._join(member)
            return Lost(str(error).strip().split("\n")[0])
        self._idle.append(member)
        return result
