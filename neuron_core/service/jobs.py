"""Background jobs: stepwise work with a model that is no run. They go on between two questions of a run. No torch."""

from dataclasses import dataclass
from typing import Literal

from neuron_core.control.findings import Generation, Steering
from neuron_core.errors import NeuronCoreError
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.runs.neuron_findings import What


@dataclass(frozen=True)
class NeuronJob:
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
class WritingJob:
    """Continue a prompt plain and steered."""

    prompt: str
    steering: Steering
    n_tokens: int
    temperature: float = 0.0
    seed: int = 0
    kind: Literal["writing"] = "writing"


@dataclass(frozen=True)
class LengthsJob:
    """Count the prompts of a task's examples in tokens; those too long for the model go to a file.

    It needs the model's tokenizer alone, so that it goes on beside a run with another model.
    """

    task: str
    "a bundled task or a path"
    file: str
    seed: int = 0
    prompt: PromptConfig = USUAL
    kind: Literal["lengths"] = "lengths"


ModelJob = NeuronJob | WritingJob
BackgroundJob = ModelJob | LengthsJob


@dataclass(frozen=True)
class JobState:
    """How far a job is."""

    number: int
    done: int = 0
    total: int = 0
    "0 while the model is loading"
    ended: bool = False
    text: Generation | None = None
    "of a WritingJob, so far"
    failure: NeuronCoreError | None = None
    "Cancelled, or what went wrong"
