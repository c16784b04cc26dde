"""What runs inside an actor of a Ray cluster: one engine, and the questions of one run at a time."""

import hashlib
import os
import platform
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuron_core.cni.passes import Passes
from neuron_core.control.interventions import Intervention
from neuron_core.control.results import SideEffects
from neuron_core.engine.stage_part import StagePart
from neuron_core.errors import RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.places import PACKAGE
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.config import AttributionConfig, EvaluationConfig
from neuron_core.runs.setting import ModelFacts

if TYPE_CHECKING:
    from neuron_core.engine.engine import Engine

LIBRARIES = ("torch", "transformers", "numpy", "safetensors")
"whose versions may change a score"


def versions() -> dict[str, str]:
    """Of this program, of Python and of the libraries that compute; imports none of them."""
    # What follows the plus names a build, for instance for the CPU: the driver may have no GPU where the actors have.
    found = {name: version(name).partition("+")[0] for name in LIBRARIES}
    python = ".".join(platform.python_version_tuple()[:2])
    return {"neuron_core": code_hash(), "Python": python, **found}


@cache
def code_hash() -> str:
    """sha256 of this program's Python files, short: two checkouts of one version may differ."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Place:
    """Where an actor runs, and with what."""

    node: str
    "address of its machine in the cluster"
    node_id: str
    pid: int
    versions: dict[str, str]


@dataclass(frozen=True)
class LoadedOn:
    """The model that an actor has loaded."""

    facts: ModelFacts
    device_name: str
    "the processor's kind, or the GPU's"
    build: str
    "of torch"


@dataclass(frozen=True, eq=False)
class Job:
    """A stage of a run: what all of its batches need. It is sent to an actor once."""

    key: str
    stage: str
    "attribution, evaluation or baseline"
    questions: tuple[ProxyQuestion, ...]
    config: AttributionConfig | EvaluationConfig | None
    plan: tuple[Intervention, ...] = ()
    skip: frozenset[int] = frozenset()
    "numbers of questions that are finished"
    means: NDArray[np.float32] | None = None
    "as of Engine.evaluate, (L, I)"


@dataclass(frozen=True, eq=False)
class Computed:
    """What came of a batch."""

    units: list[tuple[int, Any]]
    "number of a question and its result"
    passes: Passes
    "those that memory sufficed for"


class EngineActor:
    """An engine in a process of its own. Ray calls one method at a time."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._key: tuple[str, Passes] | None = None
        self._units: Iterator[tuple[int, Any]] = iter(())
        self._wanted: deque[int] = deque()
        self._passes: Passes | None = None
        self._of_example: list[list[int]] = []
        self._job: Job | None = None

    def place(self) -> Place:
        """Before anything is loaded."""
        import ray

        return Place(ray.util.get_node_ip_address(), ray.get_runtime_context().get_node_id(), os.getpid(), versions())

    def load(self, spec: ModelSpec) -> LoadedOn:
        """Loads the model once; ModelError where this node can't."""
        import torch

        from neuron_core.engine.engine import Engine

        if self._engine is None:
            self._engine = Engine(spec)
        device = self._engine.loaded.device
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
        return LoadedOn(self._engine.facts(), name, torch.__version__)

    def facts(self, day: date | None) -> ModelFacts:
        """As of Engine."""
        return self._loaded.facts(day)

    def write_norms(self) -> NDArray[np.float32]:
        """As of Engine."""
        return self._loaded.write_norms()

    def mean_neurons(self, questions: Sequence[ProxyQuestion]) -> NDArray[np.float32]:
        """As of Engine."""
        return self._loaded.mean_neurons(questions)

    def passes(
        self,
        questions: Sequence[ProxyQuestion],
        attribution: AttributionConfig,
        evaluation: EvaluationConfig | None,
        share: float,
    ) -> Passes:
        """As of Engine."""
        return self._loaded.passes(questions, attribution, evaluation, share=share)

    def side_effects(
        self,
        questions: Sequence[ProxyQuestion],
        plan: Sequence[Intervention],
        text: str,
        position: str,
        passes: Passes,
        means: NDArray[np.float32] | None,
    ) -> SideEffects:
        """As of Engine."""
        return self._loaded.side_effects(questions, plan, text, position=position, passes=passes, means=means)

    def compute(self, key: str, job: list[Any], examples: Sequence[int], passes: Passes) -> Computed:
        """Results of the questions of these examples, in order.

        job: a reference to the Job of this key, in a list: it is fetched only where it is new here. Its prompts and
        interventions are prepared once for all batches; numbers depend on the job, not on the batches.
        """
        if self._key != (key, passes):
            self._begin(key, job, passes)
        assert self._job is not None
        self._wanted.extend(examples)
        numbers = [n for example in examples for n in self._of_example[example] if n not in self._job.skip]
        try:
            units = [next(self._units) for _ in numbers]
        except BaseException:
            # A generator that failed is of no further use.
            self._key = None
            raise
        assert self._passes is not None
        return Computed(units, self._passes)

    def _begin(self, key: str, reference: list[Any], passes: Passes) -> None:
        import ray

        if self._job is None or self._job.key != key:
            self._job = ray.get(reference[0])
            self._of_example = of_examples(self._job.questions)
        self._wanted.clear()
        self._passes = passes
        self._units = self._stage(self._job, passes)
        self._key = key, passes

    def _stage(self, job: Job, passes: Passes) -> Iterator[tuple[int, Any]]:
        """One long stage: examples are taken from what is wanted when the last one is finished."""
        # It is asked only for questions that are wanted: the examples never end here.
        examples = iter(self._wanted.popleft, None)
        engine = self._loaded

        def on_smaller(smaller: Passes) -> None:
            self._passes = smaller

        part = StagePart(job.skip, passes, on_smaller, examples)
        if isinstance(job.config, AttributionConfig):
            return engine.attribute(job.questions, job.config, part)
        if isinstance(job.config, EvaluationConfig):
            return engine.evaluate(job.questions, job.plan, job.config, part, means=job.means)
        return self._baseline(job, examples)

    def _baseline(self, job: Job, examples: Iterator[int]) -> Iterator[tuple[int, Any]]:
        numbers: deque[int] = deque()

        def noted() -> Iterator[int]:
            for example in examples:
                numbers.extend(self._of_example[example])
                yield example

        return ((numbers.popleft(), values) for values in self._loaded.baseline(job.questions, examples=noted()))

    @property
    def _loaded(self) -> "Engine":
        if self._engine is None:
            raise RunError("this actor has no model", accepted="load before anything else")
        return self._engine


def of_examples(questions: Sequence[ProxyQuestion]) -> list[list[int]]:
    """Numbers of the questions of each example; those of one follow each other."""
    found: list[list[int]] = []
    for number, question in enumerate(questions):
        if number and questions[number - 1].example_id == question.example_id:
            found[-1].append(number)
        else:
            found.append([number])
    return found
