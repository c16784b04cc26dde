"""The code that runs in an actor of a Ray cluster: one engine, which computes questions of one stage at a time."""

import hashlib
import os
import platform
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.metadata import version
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuron_core.cni.passes import Passes
from neuron_core.collector import importing
from neuron_core.control.interventions import Intervention
from neuron_core.control.results import SideEffects
from neuron_core.engine.stage_part import StagePart
from neuron_core.errors import RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.paths import PACKAGE
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.config import AttributionConfig, EvaluationConfig
from neuron_core.runs.setting import ModelFacts

if TYPE_CHECKING:
    from neuron_core.engine.engine import Engine

LIBRARIES = ("torch", "transformers", "numpy", "safetensors")
"libraries whose version may change a score"


def versions() -> dict[str, str]:
    """The versions of this program, of Python and of the libraries that compute. Imports none of them."""
    # After the plus stands the build, for instance for the CPU. It may differ: the driver may have no GPU.
    found = {name: version(name).partition("+")[0] for name in LIBRARIES}
    python = ".".join(platform.python_version_tuple()[:2])
    return {"neuron_core": code_hash(), "Python": python, **found}


@cache
def code_hash() -> str:
    """12 hex digits of a SHA-256 over this program's Python files. Two checkouts of one version may differ."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Place:
    """Where an actor runs, and with which versions."""

    node: str
    "address of its machine in the cluster"
    node_id: str
    pid: int
    versions: dict[str, str]


class NoModel(RunError):
    """The actor has no model: Ray has started it again since it loaded one."""


@dataclass(frozen=True)
class LoadedOn:
    """The model that an actor has loaded."""

    facts: ModelFacts
    device_name: str
    "name of the GPU, or kind of the processor"
    build: str
    "version of torch, with its build"
    place: Place
    "where the model was loaded: an actor that is started again may be on another node"


@dataclass(frozen=True, eq=False)
class Job:
    """A stage of a run, with everything that all of its batches need. It is sent to an actor once."""

    key: str
    stage: str
    "attribution, evaluation or baseline"
    questions: Sequence[ProxyQuestion]
    config: AttributionConfig | EvaluationConfig | None
    plan: tuple[Intervention, ...] = ()
    skip: frozenset[int] = frozenset()
    "numbers of the questions that are finished"
    means: NDArray[np.float32] | None = None
    "as for `Engine.evaluate`, (L, I)"


@dataclass(frozen=True, eq=False)
class Computed:
    """The results of a batch."""

    units: list[tuple[int, Any]]
    "the number and the result of each question"
    passes: Passes
    "the chunk plan that memory sufficed for"


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
        """Where this actor runs. Loads nothing."""
        import ray

        return Place(ray.util.get_node_ip_address(), ray.get_runtime_context().get_node_id(), os.getpid(), versions())

    def load(self, spec: ModelSpec) -> LoadedOn:
        """Loads the model, once. ModelError when this node can't load it."""
        with importing():
            import torch

            from neuron_core.engine.engine import Engine

        if self._engine is None:
            self._engine = Engine(spec)
        device = self._engine.loaded.device
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
        return LoadedOn(self._engine.facts(), name, torch.__version__, self.place())

    def facts(self, day: date | None) -> ModelFacts:
        """As `Engine.facts`."""
        return self._loaded.facts(day)

    def write_norms(self) -> NDArray[np.float32]:
        """As `Engine.write_norms`."""
        return self._loaded.write_norms()

    def mean_neurons(self, questions: Sequence[ProxyQuestion]) -> NDArray[np.float32]:
        """As `Engine.mean_neurons`."""
        return self._loaded.mean_neurons(questions)

    def passes(
        self,
        questions: Sequence[ProxyQuestion],
        attribution: AttributionConfig,
        evaluation: EvaluationConfig | None,
        share: float,
    ) -> Passes:
        """As `Engine.passes`."""
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
        """As `Engine.side_effects`."""
        return self._loaded.side_effects(questions, plan, text, position=position, passes=passes, means=means)

    def compute(self, key: str, job: list[Any], examples: Sequence[int], passes: Passes) -> Computed:
        """Computes the questions of these examples, in order.

        job: a list with a reference to the Job of this key. The Job is fetched if the key is new to this actor, and its
        prompts and interventions are prepared once for all batches. So the numbers depend on the job, not on the
        batches.
        """
        if self._key != (key, passes):
            self._begin(key, job, passes)
        assert self._job is not None
        self._wanted.extend(examples)
        numbers = [n for example in examples for n in self._of_example[example] if n not in self._job.skip]
        try:
            units = [next(self._units) for _ in numbers]
        except BaseException:
            # A generator that has failed can't go on: the next call begins the job again.
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
        """The results of the stage. Each example is taken from `_wanted` when the one before is finished."""
        # `compute` asks only for questions that are wanted, so the examples never end here.
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
            raise NoModel("this actor has no model", accepted="a call of `load` first")
        return self._engine


def of_examples(questions: Sequence[ProxyQuestion]) -> list[list[int]]:
    """The numbers of the questions of each example. The questions of an example follow each other."""
    each = groupby(enumerate(questions), key=lambda one: one[1].example_id)
    return [[number for number, _ in members] for _, members in each]
