"""The messages between the handle and the worker: one JSON object a line. No torch."""

import json
import sys
from dataclasses import asdict, dataclass
from typing import Annotated, Literal, TypeVar

from pydantic import Field, TypeAdapter

from neuron_core import errors
from neuron_core.control.findings import Generation
from neuron_core.engine.cluster_options import ClusterOptions
from neuron_core.errors import NeuronCoreError, RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.setting import ModelFacts, PromptReport
from neuron_core.service.jobs import BackgroundJob, PromptJob

T = TypeVar("T")
WORKER_LOG = "worker.log"
"name of the worker's log, a file in the folder of runs"


@dataclass(frozen=True)
class RunRequest:
    """Carry out this run. The handle sends the next one when this one has ended."""

    run_id: str
    path: str
    "of the run folder"
    confirmed: bool = False
    "whether code that comes with the run's models was confirmed at the terminal"
    cluster: ClusterOptions | None = None
    "the cluster that computes the run; None for the worker itself"
    of_others: bool = True
    "whether another session than the one that asks has begun the run"
    kind: Literal["run"] = "run"


@dataclass(frozen=True)
class CancelRequest:
    """Stop this run between two questions."""

    run_id: str
    kind: Literal["cancel"] = "cancel"


@dataclass(frozen=True)
class JobRequest:
    """Carry out this background job one step at a time, or report on this prompt at once. During a run the worker does
    both between two questions.
    """

    number: int
    job: BackgroundJob | PromptJob
    spec: ModelSpec
    confirmed: bool = False
    "whether code that comes with this model was confirmed at the terminal"
    kind: Literal["job"] = "job"


@dataclass(frozen=True)
class DropRequest:
    """Stop this job at its next step."""

    number: int
    kind: Literal["drop"] = "drop"


@dataclass(frozen=True)
class Failure:
    """An error in a form that can be sent from the worker to the handle."""

    error: str
    "name of a class in errors.py"
    what: str
    where: str | None = None
    accepted: str | None = None

    @classmethod
    def of(cls, error: Exception) -> "Failure":
        if isinstance(error, NeuronCoreError):
            return cls(type(error).__name__, error.what, error.where, error.accepted)
        return cls("RunError", f"{type(error).__name__}: {error}", None, "see the worker's log")

    @classmethod
    def logged(cls, error: Exception) -> "Failure":
        """The same; the traceback of an error of the program goes to the log. A user's mistake needs none."""
        if not isinstance(error, NeuronCoreError):
            sys.excepthook(type(error), error, error.__traceback__)
        return cls.of(error)

    def exception(self) -> NeuronCoreError:
        """The error as it was raised in the worker."""
        found = getattr(errors, self.error, RunError)
        made: NeuronCoreError = found(self.what, where=self.where, accepted=self.accepted)
        return made


@dataclass(frozen=True)
class ModelState:
    """Whether the worker is loading a model, and which one it has."""

    loading: bool
    facts: ModelFacts | None = None
    "None while no model is loaded"
    spec: ModelSpec | None = None
    "what the loaded model was asked for by"
    kind: Literal["model"] = "model"


@dataclass(frozen=True)
class RunEnded:
    """A run has ended. Its folder says how."""

    run_id: str
    failure: Failure | None = None
    kind: Literal["ended"] = "ended"


@dataclass(frozen=True)
class JobStep:
    """Progress of a job."""

    number: int
    done: int
    total: int
    text: Generation | None = None
    kind: Literal["step"] = "step"


@dataclass(frozen=True)
class JobEnded:
    """A job is finished, or it has failed or was cancelled."""

    number: int
    failure: Failure | None = None
    report: PromptReport | None = None
    "of a PromptJob that succeeded"
    kind: Literal["job ended"] = "job ended"


Request = RunRequest | CancelRequest | JobRequest | DropRequest
Reply = ModelState | RunEnded | JobStep | JobEnded
REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="kind")])
REPLY: TypeAdapter[Reply] = TypeAdapter(Annotated[Reply, Field(discriminator="kind")])


def to_line(message: Request | Reply) -> bytes:
    """The message as one line of ASCII JSON."""
    return json.dumps(asdict(message)).encode() + b"\n"


def from_line(line: bytes, expected: TypeAdapter[T]) -> T:
    """The message in a line; expected: REQUEST or REPLY. ValueError for anything else."""
    return expected.validate_python(json.loads(line))
