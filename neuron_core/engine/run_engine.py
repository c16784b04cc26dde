"""The methods that an engine needs to carry out a run: one with a model in this process, or one with a cluster."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from neuron_core.cni.passes import Passes
from neuron_core.cni.scores import AttributionScores
from neuron_core.control.interventions import Intervention
from neuron_core.control.results import SideEffects
from neuron_core.engine.stage_part import WHOLE_STAGE, StagePart
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.config import AttributionConfig, EvaluationConfig
from neuron_core.runs.setting import ModelFacts


class RunEngine(Protocol):
    """`Engine` documents these methods. Questions may be yielded in any order; each comes with its number."""

    def facts(self, day: date | None = None) -> ModelFacts: ...

    def passes(
        self,
        questions: Sequence[ProxyQuestion],
        attribution: AttributionConfig,
        evaluation: EvaluationConfig | None,
    ) -> Passes: ...

    def attribute(
        self, questions: Sequence[ProxyQuestion], config: AttributionConfig, part: StagePart = WHOLE_STAGE
    ) -> Iterator[tuple[int, AttributionScores]]: ...

    def evaluate(
        self,
        questions: Sequence[ProxyQuestion],
        plan: Sequence[Intervention],
        config: EvaluationConfig,
        part: StagePart = WHOLE_STAGE,
        *,
        means: NDArray[np.float32] | None = None,
    ) -> Iterator[tuple[int, NDArray[np.float32]]]: ...

    def side_effects(
        self,
        questions: Sequence[ProxyQuestion],
        plan: Sequence[Intervention],
        text: str,
        *,
        position: str,
        passes: Passes,
        means: NDArray[np.float32] | None = None,
    ) -> SideEffects: ...

    def baseline(self, questions: Sequence[ProxyQuestion]) -> Iterator[NDArray[np.float32]]: ...

    def write_norms(self) -> NDArray[np.float32]: ...

    def mean_neurons(self, questions: Sequence[ProxyQuestion]) -> NDArray[np.float32]: ...


Say = Callable[[str], None]
"is told what is going on, for instance while a model is loaded"
EngineSource = Callable[[Say], RunEngine]
"gives the engine of a run's own model"
OtherEngine = Callable[[ModelSpec, Say], RunEngine]
"gives the engine of another model"
