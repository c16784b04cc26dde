"""What a run was made from: the questions asked, the drawn ids, the facts of the model. No torch."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.selection import check_z, preset
from neuron_core.control.interventions import Intervention, grid, random_like
from neuron_core.models.chat import ChatTemplate
from neuron_core.qatt.draws import draw, questions_of
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.config import EvaluationConfig, RunConfig
from neuron_core.tasks.load import load_task
from neuron_core.tasks.task import Example


@dataclass(frozen=True)
class ModelFacts:
    """The loaded model, as far as captions and checks need it."""

    title: str
    fingerprint: str
    architecture: str
    dtype: str
    device: str
    n_layers: int
    n_neurons: int
    "neurons a layer, I"
    post_norm: bool = False
    chat: ChatTemplate | None = None
    "None where it was not looked at"

    @property
    def n_total(self) -> int:
        return self.n_layers * self.n_neurons


@dataclass(frozen=True)
class Setting:
    """Everything a run folder needs to be read without its dataset or model."""

    task_name: str
    task_kind: str
    task_fingerprint: str
    n_examples: int
    n_rejected: int
    demonstration_id: str | None
    attribution: tuple[ProxyQuestion, ...]
    evaluation: tuple[ProxyQuestion, ...]
    z: int
    k: int
    preset: str
    "paper, share, or own"
    model: ModelFacts


@dataclass(frozen=True)
class PromptReport:
    """One prompt as the unmodified model sees it."""

    token_ids: tuple[int, ...]
    tokens: tuple[str, ...]
    letter_ids: tuple[int, int, int, int]
    letter_tokens: tuple[str, str, str, str]
    probabilities: tuple[float, float, float, float]
    "softmax over the four letters"
    mass: float
    "probability of the four letters together, softmax over the vocabulary"


_ADAPTER: TypeAdapter[Setting] = TypeAdapter(Setting)


def setting_to_json(setting: Setting) -> str:
    return _ADAPTER.dump_json(setting).decode()


def setting_from_json(text: str | bytes) -> Setting:
    return _ADAPTER.validate_json(text)


def make_setting(config: RunConfig, model: ModelFacts) -> Setting:
    """Reads the task, draws the examples, makes the questions. ConfigError when z is too large for the model."""
    reading = load_task(config.task)
    task, n_evaluation = reading.task, config.evaluation.examples if config.evaluation else 0
    draws = draw(task, config.attribution.examples, n_evaluation, config.seed, config.prompt.demonstration)
    usual = preset(model.n_total)
    own = config.attribution.z is not None or config.attribution.k is not None
    z = config.attribution.z or usual.z
    check_z(z, model.n_total)

    def questions(examples: tuple[Example, ...]) -> tuple[ProxyQuestion, ...]:
        return questions_of(task, examples, draws.demonstration, config.seed, config.prompt, model.chat)

    return Setting(
        task_name=task.name,
        task_kind=task.kind,
        task_fingerprint=task.fingerprint,
        n_examples=len(task.examples),
        n_rejected=len(reading.rejected),
        demonstration_id=draws.demonstration.id if draws.demonstration else None,
        attribution=questions(draws.attribution),
        evaluation=questions(draws.evaluation),
        z=z,
        k=config.attribution.k or usual.k,
        preset="own" if own else usual.name,
        model=model,
    )


def plan_of(evaluation: EvaluationConfig, ranking: NeuronRanking) -> list[Intervention]:
    """All interventions of an evaluation: the grid of the task's neurons, then of each random control set."""
    plan = grid(ranking, evaluation.ks, evaluation.ratios)
    for seed in range(evaluation.random_seeds):
        control = random_like(ranking, max(evaluation.ks), seed)
        plan += grid(control, evaluation.ks, evaluation.ratios, source=f"random-{seed}")
    return plan
