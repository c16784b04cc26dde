"""What carrying out a run asks of an engine, whether it is one model in this process or actors of a cluster."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from neuron_core.cni.passes import Passes
from neuron_core.cni.scores import AttributionScores
from neuron_core.control.interventions import Intervention
from neuron_core.control.results import SideEffects
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.config import AttributionConfig, EvaluationConfig
from neuron_core.runs.setting import ModelFacts


class RunEngine(Protocol):
    """See `Engine`, whose methods these are. Questions may come back in any order."""

    def facts(self, day: date | None = None) -> ModelFacts: ...

    def passes(
        self,
        questions: Sequence[ProxyQuestion],
        attribution: AttributionConfig,
        evaluation: EvaluationConfig | None,
    ) -> Passes: ...

    def attribute(
        self,
        questions: Sequence[ProxyQuestion],
        config: AttributionConfig,
        *,
        skip: Collection[int] = (),
        passes: Passes | None = None,
        on_smaller: Callable[[Passes], None] = lambda _: None,
    ) -> Iterator[tuple[int, AttributionScores]]: ...

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
