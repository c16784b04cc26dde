"""The engine of a run that is computed by the actors of a Ray cluster. It loads no model itself and writes no files."""

import secrets
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
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
from neuron_core.engine.ray_actor import Job, of_examples
from neuron_core.engine.ray_errors import cluster_errors
from neuron_core.engine.ray_members import Batch, smallest_share
from neuron_core.engine.ray_pool import ActorPool
from neuron_core.engine.run_engine import Say
from neuron_core.engine.stage_part import WHOLE_STAGE, StagePart
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.config import AttributionConfig, EvaluationConfig
from neuron_core.runs.setting import ModelFacts

MOST_EXAMPLES = 4
"examples of a batch at most: neighbouring examples share the pass over their prompts"
BATCHES_AN_ACTOR = 4
"batches that each actor should get at least, so that no actor waits long for the last one"
REACH_S = 5.0
"how long the connection to the cluster's address may take"


class RayEngine:
    """A RunEngine with one pool of actors, which serves any number of runs of one model.

    A batch has the questions of one example, or of up to four neighbours when there are many examples. The numbers of
    a question depend on the other questions of its stage and on the chunk plan. Both are the same for every actor.
    """

    def __init__(self, spec: ModelSpec, options: ClusterOptions, say: Say = lambda _: None) -> None:
        """say: told about twice a second what goes on. What it raises ends the call."""
        self.say = say
        self._own = False
        with cluster_errors(options):
            self._own = connect(options.address)
            try:
                self._pool = ActorPool(spec, options, self._say)
            except BaseException:
                self._leave()
                raise
        self._options = options

    def close(self) -> None:
        """Ends the actors. Leaves the cluster if this engine joined it."""
        with suppress(RayError, ConnectionError):
            self._pool.close()
        self._leave()

    def facts(self, day: date | None = None) -> ModelFacts:
        """As `Engine.facts`, by one actor: all have the same model. A note says if their devices are of several
        kinds.
        """
        facts: ModelFacts = self._one("facts", day)
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
        """The chunk plan that fits the actor with the least free memory."""
        longest = max(questions, key=lambda question: len(question.prompt), default=None)
        share = smallest_share(self._pool.gpus)
        with cluster_errors(self._options):
            found = self._pool.all("passes", [longest] if longest else [], attribution, evaluation, share)
        return smallest(found)

    def attribute(
        self, questions: Sequence[ProxyQuestion], config: AttributionConfig, part: StagePart = WHOLE_STAGE
    ) -> Iterator[tuple[int, AttributionScores]]:
        """As `Engine.attribute`, in the order in which results arrive."""
        job = Job(secrets.token_hex(8), "attribution", questions, config, skip=frozenset(part.skip))
        passes = part.passes or self.passes(questions, config, None)
        yield from self._compute(job, passes, part.on_smaller)

    def evaluate(
        self,
        questions: Sequence[ProxyQuestion],
        plan: Sequence[Intervention],
        config: EvaluationConfig,
        part: StagePart = WHOLE_STAGE,
        *,
        means: NDArray[np.float32] | None = None,
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """As `Engine.evaluate`, in the order in which results arrive."""
        skip = frozenset(part.skip)
        job = Job(secrets.token_hex(8), "evaluation", questions, config, tuple(plan), skip, means)
        passes = part.passes or self.passes(questions, AttributionConfig(), config)
        yield from self._compute(job, passes, part.on_smaller)

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
        """As `Engine.side_effects`, by one actor."""
        arguments = (tuple(questions), tuple(plan), text, position, passes, means)
        found: SideEffects = self._one("side_effects", *arguments)
        return found

    def write_norms(self) -> NDArray[np.float32]:
        """As `Engine.write_norms`, by one actor."""
        found: NDArray[np.float32] = self._one("write_norms")
        return found

    def mean_neurons(self, questions: Sequence[ProxyQuestion]) -> NDArray[np.float32]:
        """As `Engine.mean_neurons`, by one actor alone, because the rounding of a sum depends on its order."""
        found: NDArray[np.float32] = self._one("mean_neurons", tuple(questions))
        return found

    def baseline(self, questions: Sequence[ProxyQuestion]) -> Iterator[NDArray[np.float32]]:
        """As `Engine.baseline`, in order."""
        job = Job(secrets.token_hex(8), "baseline", questions, None)
        early: dict[int, Any] = {}
        wanted = 0
        for number, values in self._compute(job, Passes(1, 2, 1), lambda _: None):
            early[number] = values
            while wanted in early:
                yield early.pop(wanted)
                wanted += 1

    def _one(self, method: str, *arguments: Any) -> Any:
        """The result of one call, by the first actor that is free."""
        with cluster_errors(self._options):
            return self._pool.one(method, *arguments, say=self._say)

    def _compute(self, job: Job, passes: Passes, on_smaller: Callable[[Passes], None]) -> Iterator[tuple[int, Any]]:
        """Yields (number, result) of each question that is not in `job.skip`, in the order in which results arrive."""
        current = passes
        groups = of_examples(job.questions)
        left = [place for place, numbers in enumerate(groups) if not job.skip.issuperset(numbers)]
        size = min(MOST_EXAMPLES, max(1, len(left) // (BATCHES_AN_ACTOR * max(1, self._pool.size))))
        with cluster_errors(self._options):
            # The job is sent to the cluster once. The list keeps Ray from sending its content with every call.
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
            for _, computed in self._pool.run(batches, self._say):
                less = smallest([current, computed.passes])
                if less != current:
                    current = less
                    on_smaller(current)
                yield from computed.units

    def _say(self, message: str) -> None:
        self.say(message)

    def _leave(self) -> None:
        if self._own:
            ray.shutdown()


class RayEngines:
    """Makes the engine of a model, and keeps its pool of actors until an engine of another model is asked for."""

    def __init__(self, options: ClusterOptions) -> None:
        self._options = options
        self._held: tuple[ModelSpec, RayEngine] | None = None

    def engine(self, spec: ModelSpec, say: Say) -> RayEngine:
        """The engine of this model. say: as of RayEngine, from now on."""
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
    """Joins the cluster at this address. Returns False if this process has joined one already.

    OSError when nothing answers at the address.
    """
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


def smallest(several: Sequence[Passes]) -> Passes:
    """The chunk plan that is as small as the smallest of these in every size."""
    return Passes(**{each.name: min(getattr(passes, each.name) for passes in several) for each in fields(Passes)})
