"""What a run was made from: its questions, the ids of the drawn examples, the facts of the model. No torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

from pydantic import AfterValidator, TypeAdapter

from neuron_core.models.chat import ChatTemplate
from neuron_core.qatt.proxies import N_PROXIES, SHUFFLES, ProxyQuestion, comprehension
from neuron_core.runs.stored_questions import StoredQuestions

MANY = 5_000
"questions of a setting file from which on each is parsed only when it is asked for"

Questions = Annotated[Sequence[ProxyQuestion], AfterValidator(tuple)]


@dataclass(frozen=True)
class ModelFacts:
    """What captions and checks need to know about a loaded model."""

    title: str
    fingerprint: str
    architecture: str
    dtype: str
    device: str
    n_layers: int
    n_neurons: int
    "neurons in each layer, I"
    post_norm: bool = False
    chat: ChatTemplate | None = None
    "None in runs that were made before it was recorded"
    notes: tuple[str, ...] = ()
    "what a user should know about how it was loaded"

    @property
    def n_total(self) -> int:
        return self.n_layers * self.n_neurons


@dataclass(frozen=True)
class Sample:
    """The examples of an evaluation, chosen by how a model answers their questions with the options in other orders."""

    kind: str
    "balanced or comprehended"
    chosen_by: str
    "title of the model that was asked"
    wanted: int
    right: dict[str, int]
    "example id → how many of its three questions were answered right, in the order in which they were asked"
    finished: bool = False

    @property
    def comprehended(self) -> tuple[str, ...]:
        """Ids of the chosen examples that the model comprehends: it answers at least two of three questions right."""
        found = [name for name, n in self.right.items() if n >= comprehension(N_PROXIES[SHUFFLES])]
        return tuple(found[: self.quota])

    @property
    def others(self) -> tuple[str, ...]:
        """Ids of the chosen examples that it does not comprehend. Empty unless the sample is balanced."""
        if self.kind != "balanced":
            return ()
        found = [name for name, n in self.right.items() if n < comprehension(N_PROXIES[SHUFFLES])]
        return tuple(found[: self.wanted - self.quota])

    @property
    def quota(self) -> int:
        """How many comprehended examples the sample should have."""
        return (self.wanted + 1) // 2 if self.kind == "balanced" else self.wanted

    @property
    def in_words(self) -> str:
        """A sentence: `balanced sample: 20 examples that MODEL comprehends …`."""
        n_yes, n_no = len(self.comprehended), len(self.others)
        other = f" and {n_no} it does not" if self.kind == "balanced" else ""
        short = "" if self.full else f"; {self.wanted} were asked for and the task has no more"
        return (
            f"{self.kind} sample: {n_yes} examples that {self.chosen_by} comprehends on another option shuffle{other}, "
            f"from {len(self.right)} asked{short}"
        )

    @property
    def full(self) -> bool:
        """Whether the sample has as many examples of each kind as it should have."""
        n_others = self.wanted - self.quota if self.kind == "balanced" else 0
        return len(self.comprehended) == self.quota and len(self.others) == n_others


@dataclass(frozen=True)
class Setting:
    """Everything that a reader of a run folder needs to know about its dataset and its model."""

    task_name: str
    task_kind: str
    task_fingerprint: str
    n_examples: int
    n_rejected: int
    demonstration_id: str | None
    attribution: Questions
    evaluation: Questions
    z: int
    k: int
    preset: str
    "paper, share, or own"
    model: ModelFacts
    sample: Sample | None = None
    "how the evaluation examples were chosen; None for a natural sample"
    keys: Mapping[str, str] = field(default_factory=dict, compare=False)
    "keys of results that were computed from these questions, see `runs.keys`; empty in runs of older versions"

    def strata(self) -> tuple[int, ...]:
        """The stratum of each evaluation example, in order: 1 if the sample says that it is comprehended, else 0."""
        chosen = set(self.sample.comprehended) if self.sample else set()
        return tuple(int(name in chosen) for name in dict.fromkeys(q.example_id for q in self.evaluation))


@dataclass(frozen=True)
class PromptReport:
    """One prompt as the unmodified model reads and answers it."""

    token_ids: tuple[int, ...]
    tokens: tuple[str, ...]
    letter_ids: tuple[int, int, int, int]
    letter_tokens: tuple[str, str, str, str]
    probabilities: tuple[float, float, float, float]
    "softmax over the four letters"
    mass: float
    "probability of the four letters together, softmax over the vocabulary"


_ADAPTER: TypeAdapter[Setting] = TypeAdapter(Setting)
_SAMPLE: TypeAdapter[Sample] = TypeAdapter(Sample)


def setting_to_json(setting: Setting) -> str:
    whole = replace(setting, attribution=tuple(setting.attribution), evaluation=tuple(setting.evaluation))
    return _ADAPTER.dump_json(whole).decode()


def setting_from_json(data: bytes) -> Setting:
    """The setting in a file. If it has many questions, they are parsed later, one by one.

    ValidationError for JSON that is no setting. Of many questions, only the file's checksum says that they are whole.
    """
    first, second, third = b'"attribution":[', b'],"evaluation":[', b'],"z":'
    begin = data.find(first) + len(first)
    middle = data.find(second, begin)
    end = data.find(third, middle)
    if begin < len(first) or middle < 0 or end < 0 or data.count(b'"example_id":', begin, end) < MANY:
        return _ADAPTER.validate_json(data)
    found = _ADAPTER.validate_json(data[:begin] + second + data[end:])
    attribution, evaluation = StoredQuestions(data[begin:middle]), StoredQuestions(data[middle + len(second) : end])
    return replace(found, attribution=attribution, evaluation=evaluation)


def sample_to_json(sample: Sample) -> str:
    return _SAMPLE.dump_json(sample).decode()


def sample_from_json(text: str | bytes) -> Sample:
    return _SAMPLE.validate_json(text)
