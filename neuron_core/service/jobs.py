"""Background jobs: work with a model beside runs. It is done in small steps; during a run, between two questions of it.
No torch.
"""

from dataclasses import dataclass, field
from typing import Literal

from neuron_core.control.findings import Generation, Steering
from neuron_core.errors import ConfigError, NeuronCoreError
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.config import USUAL, PromptConfig
from neuron_core.runs.neuron_findings import What

MOST_CHARACTERS = 4_000_000
"of a prompt: a million tokens, which no context holds; cutting more into tokens would keep the worker from all else"


@dataclass(frozen=True)
class NeuronJob:
    """Measure something about one neuron of a run and write it into a file."""

    what: What
    run: str
    "path of the run folder"
    folder: str
    "path of the folder that the finding goes to"
    layer: int
    index: int
    examples: int = 1000
    "for `contexts`: how many texts are read at most"
    kind: Literal["neuron"] = "neuron"


@dataclass(frozen=True)
class WritingJob:
    """Continue a prompt with the unmodified model and with the steered model."""

    prompt: str
    steering: Steering
    n_tokens: int
    temperature: float = 0.0
    seed: int = 0
    model: ModelSpec = field(default_factory=ModelSpec)
    "the model that writes: the same prompt for another model is another job"
    kind: Literal["writing"] = "writing"

    def __post_init__(self) -> None:
        _check_length(self.prompt)


@dataclass(frozen=True)
class LengthsJob:
    """Count the tokens of every prompt of a task, and write which prompts are too long for the model into a file.

    It needs only the tokenizer, so it can go on while a run uses another model.
    """

    task: str
    "a bundled task or a path"
    file: str
    seed: int = 0
    prompt: PromptConfig = USUAL
    kind: Literal["lengths"] = "lengths"


@dataclass(frozen=True)
class PromptJob:
    """Report on one prompt under the unmodified model. It is one step, which the worker does before other jobs."""

    prompt: str
    kind: Literal["prompt"] = "prompt"

    def __post_init__(self) -> None:
        _check_length(self.prompt)


def _check_length(prompt: str) -> None:
    if len(prompt) > MOST_CHARACTERS:
        raise ConfigError(f"a prompt of {len(prompt):,} characters", accepted=f"at most {MOST_CHARACTERS:,}")


ModelJob = NeuronJob | WritingJob
BackgroundJob = ModelJob | LengthsJob


@dataclass(frozen=True)
class JobState:
    """The progress of a job, and how it ended."""

    number: int
    done: int = 0
    total: int = 0
    "0 while the model is loading"
    ended: bool = False
    text: Generation | None = None
    "the text of a WritingJob so far"
    failure: NeuronCoreError | None = None
    "why the job did not finish; Cancelled if a user stopped it"
