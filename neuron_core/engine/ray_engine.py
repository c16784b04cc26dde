"""An engine of a run whose work is done by actors of a Ray cluster. It loads no model itself, and writes no files."""

import secrets
import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from datetime import date
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray
from ray.exceptions import RayError

from neuron_core.cni.passes import Passes
from neuron_core.cni.scores import AttributionScores
from neuron_core.control.interventions import Intervention
from neuron_core.control.results import SideEffects
from neuron_core.engine.cluster_options import ClusterOptions
from neuron_core.engine.ray_actor import Computed, Job, of_examples
from neuron_core.engine.ray_pool import ActorPool, Batch, smallest_share
from neuron_core.errors import RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.config import AttributionConfig, EvaluationConfig
from neuron_core.runs.setting import ModelFacts

Say = Callable[[str], None]
MOST_EXAMPLES = 4
"of a batch: neighbours share the pass over their prompts"
BATCHES_AN_ACTOR = 4
"below so many, batches are single examples"
REACH_S = 5.0


class RayEngine:
    """A RunEngine, see `Engine` for its methods. One pool of actors serves any number of runs of one model.

    A batch is one example's questions; of many examples, those of up to four neighbours. What a question's numbers
    depend on (the other questions of its stage, and the chunk plan) is the same for every actor.
    """

    def __init__(self, spec: ModelSpec, options: ClusterOptions, say: Say = lambda _: None) -> None:
        """say: told what goes on, about twice a second; what it raises ends the call that is going on."""
        self.say = say
        self._own = False
        with _in_words(options):
            self._own = connect(options.address)
            try:
                self._pool = ActorPool(spec, options, self._say)
            except BaseException:
                self._leave()
                raise
        self._options = options

    def close(self) -> None:
        """Ends the actors, and this process's place in the cluster if it was taken here."""
        with suppress(RayError, ConnectionError):
            self._pool.close()
        self._leave()

    def facts(self, day: date | None = None) -> ModelFacts:
        """Of the actors, which agree in them; a note says where their GPUs or processors are of several kinds."""
        with _in_words(self._options):
            facts: ModelFacts = self._pool.one("facts", day, say=self._say)
        kinds = sorted({loaded.device_name for _, loaded in self._pool.members()})
        if len(kinds) > 1:
            facts = replace(facts, notes=(*facts.notes, f"computed on several kinds of device: {', '.join(kinds)}"))
        return facts

    def passes(
        self,
        questions: Sequence[ProxyQuestion],
        attribution: AttributionConfig,
        evaluation: EvaluationConfig | None,
    ) -> Passes:
        """The chunk plan that fits the smallest of the actors."""
        longest = max(questions, key=lambda question: len(question.prompt), default=None)
        share = smallest_share(self._pool.gpus)
        with _in_words(self._options):
            found = self._pool.all("passes", [longest] if longest else [], attribution, evaluation, share)
        return smallest(found)

    def attribute(
        self,
        questions: Sequence[ProxyQuestion],
        config: AttributionConfig,
        *,
        skip: Collection[int] = (),
        passes: Passes | None = None,
        on_smaller: Callable[[Passes], None] = lambda _: None,
    ) -> Iterator[tuple[int, AttributionScores]]:
        """As of Engine, as results come."""
        job = Job(secrets.token_hex(8), "attribution", tuple(questions), config, skip=frozenset(skip))
        passes = passes or self.passes(questions, config, None)
        for _, computed in self._compute(job, passes, on_smaller):
            yield from computed.units

    def evaluate(
        self,
        questions: Sequence[ProxyQuestion],
        plan: Sequence[Intervention],
        config: EvaluationConfig,
        *,
        skip: Collection[int] = (),
        passes: Passes | None = None,
        on_smaller: Callable[[Passes], None] = lambda _: None,
        means: NDArray[np.float32] | None = None,
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """As of Engine, as results come."""
        job = Job(secrets.token_hex(8), "evaluation", tuple(questions), config, tuple(plan), frozenset(skip), means)
        passes = passes or self.passes(questions, AttributionConfig(), config)
        for _, computed in self._compute(job, passes, on_smaller):
            yield from computed.units

    def side_effects(
        self,
        questions: Sequence[ProxyQuestion],
        plan: Sequence[Intervention],
        text: str,
        *,
        position: str,
        passes: Passes,
        means: NDArray[np.float32] | None = None,
    ) -> SideEffects:
        """As of Engine, on one actor."""
        with _in_words(self._options):
            found: SideEffects = self._pool.one(
                "side_effects", tuple(questions), tuple(plan), text, position, passes, means, say=self._say
            )
        return found

    def write_norms(self) -> NDArray[np.float32]:
        """As of Engine, from one actor."""
        with _in_words(self._options):
            found: NDArray[np.float32] = self._pool.one("write_norms", say=self._say)
        return found

    def mean_neurons(self, questions: Sequence[ProxyQuestion]) -> NDArray[np.float32]:
        """As of Engine, from one actor: a sum rounds by its order."""
        with _in_words(self._options):
            found: NDArray[np.float32] = self._pool.one("mean_neurons", tuple(questions), say=self._say)
        return found

    def baseline(self, questions: Sequence[ProxyQuestion]) -> Iterator[NDArray[np.float32]]:
        """As of Engine, in order."""
        job = Job(secrets.token_hex(8), "baseline", tuple(questions), None)
        early: dict[int, Any] = {}
        wanted = 0
        for _, computed in self._compute(job, Passes(1, 2, 1), lambda _: None):
            early |= dict(computed.units)
            while wanted in early:
                yield early.pop(wanted)
                wanted += 1

    def _compute(
        self, job: Job, passes: Passes, on_smaller: Callable[[Passes], None]
    ) -> Iterator[tuple[Batch, Computed]]:
        current = passes
        groups = of_examples(job.questions)
        left = [place for place, numbers in enumerate(groups) if not job.skip.issuperset(numbers)]
        size = min(MOST_EXAMPLES, max(1, len(left) // (BATCHES_AN_ACTOR * max(1, self._pool.size))))
        with _in_words(self._options):
            # Once to the cluster; the list keeps Ray from sending its content with every call.
            reference = [ray.put(job)]

            def batch_of(examples: list[int]) -> Batch:
                numbers = [number for example in examples for number in groups[example] if number not in job.skip]
                first, last = job.questions[numbers[0]].id, job.questions[numbers[-1]].id
                return Batch(
                    "compute",
                    lambda: (job.key, reference, examples, current),
                    f"questions {first} to {last}",
                    len(numbers),
                )

            batches = (batch_of(left[start : start + size]) for start in range(0, len(left), size))
            for batch, computed in self._pool.run(batches, self._say):
                less = smallest([current, computed.passes])
                if less != current:
                    current = less
                    on_smaller(current)
                yield batch, computed

    def _say(self, message: str) -> None:
        self.say(message)

    def _leave(self) -> None:
        if self._own:
            ray.shutdown()


class RayEngines:
    """The engine of whatever model is asked for: one pool of actors at a time, kept until another model is wanted."""

    def __init__(self, options: ClusterOptions) -> None:
        self._options = options
        self._held: tuple[ModelSpec, RayEngine] | None = None

    def engine(self, spec: ModelSpec, say: Say) -> RayEngine:
        """say: as of RayEngine, from now on."""
        if self._held is None or self._held[0] != spec:
            self.close()
            self._held = spec, RayEngine(spec, self._options, say)
        self._held[1].say = say
        return self._held[1]

    def close(self) -> None:
        """Ends the actors."""
        if self._held is not None:
            self._held[1].close()
            self._held = None


def connect(address: str) -> bool:
    """Joins the cluster; False where this process is in one already. RunError where there is none."""
    if ray.is_initialized():
        return False
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if address == "local":
        ray.init(address="local", include_dashboard=False, **settings)
        return True
    if address != "auto":
        # Ray itself would try for a minute and then end the whole process.
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=REACH_S):
            pass
    ray.init(address=address, **settings)
    return True


@contextmanager
def _in_words(options: ClusterOptions) -> Iterator[None]:
    """What Ray and the network raise, as a RunError."""
    try:
        yield
    except (RayError, ConnectionError, TimeoutError, socket.gaierror) as error:
        raise RunError(
            f"the Ray cluster can't be used: {str(error).strip().splitlines()[0] if str(error).strip() else error!r}",
            where=f"address {options.address}",
            accepted="`ray start --head` on one machine and `ray start --address HOST:6379` on the others, then "
            "--address HOST:6379; or --address local; what was finished is kept",
        ) from error


def smallest(several: Sequence[Passes]) -> Passes:
    """The chunk plan that fits all of these."""
    return Passes(**{each.name: min(getattr(passes, each.name) for passes in several) for each in fields(Passes)})
