"""What a run was made from: its questions, the ids of the drawn examples, the facts of the model. No torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from neuron_core.cni.methods import method
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.selection import check_z, preset
from neuron_core.cni.sets import NeuronSetFile
from neuron_core.control.interventions import Intervention, grid, random_like, random_loud, random_uniform
from neuron_core.errors import ConfigError, RunError
from neuron_core.models.chat import ChatTemplate
from neuron_core.qatt.draws import Draws, draw, questions_of
from neuron_core.qatt.proxies import N_PROXIES, SHUFFLES, ProxyQuestion, comprehension
from neuron_core.runs.config import EvaluationConfig, RunConfig, SetUse
from neuron_core.tasks.hub import PREFIX
from neuron_core.tasks.load import bundled_tasks, load_task
from neuron_core.tasks.reading import TaskReading
from neuron_core.tasks.table import is_file
from neuron_core.tasks.task import Example, Task

OTHER_SHUFFLE = 1_000_003
"added to the seed: the option orders by which a sample is chosen are not those that it is evaluated on"


@dataclass(frozen=True)
class ModelFacts:
    """What captions and checks need to know about the loaded model."""

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
    notes: tuple[str, ...] = ()
    "what to know about how it was loaded"

    @property
    def n_total(self) -> int:
        return self.n_layers * self.n_neurons


@dataclass(frozen=True)
class Sample:
    """The examples of an evaluation, chosen by how a model answers them with their options in another order."""

    kind: str
    "balanced or comprehended"
    chosen_by: str
    "title of the model that was asked"
    wanted: int
    right: dict[str, int]
    "questions answered right of the three, by example id, in the order asked"
    finished: bool = False

    @property
    def comprehended(self) -> tuple[str, ...]:
        """Ids of the examples taken that the model comprehends (at least two of three right)."""
        found = [name for name, n in self.right.items() if n >= comprehension(N_PROXIES[SHUFFLES])]
        return tuple(found[: self.quota])

    @property
    def others(self) -> tuple[str, ...]:
        """Ids of the examples taken that it does not comprehend; none unless the sample is balanced."""
        if self.kind != "balanced":
            return ()
        found = [name for name, n in self.right.items() if n < comprehension(N_PROXIES[SHUFFLES])]
        return tuple(found[: self.wanted - self.quota])

    @property
    def quota(self) -> int:
        """How many comprehended examples are wanted."""
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
        """Whether the sample has as many examples of both kinds as are wanted."""
        n_others = self.wanted - self.quota if self.kind == "balanced" else 0
        return len(self.comprehended) == self.quota and len(self.others) == n_others


@dataclass(frozen=True)
class Setting:
    """Everything that is needed to read a run folder without its dataset and its model."""

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
    sample: Sample | None = None
    "how the evaluation examples were chosen; None for a natural sample"

    def strata(self) -> tuple[int, ...]:
        """The stratum of each evaluation example, in order: 1 for those comprehended in a balanced sample, else 0."""
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
    return _ADAPTER.dump_json(setting).decode()


def setting_from_json(text: str | bytes) -> Setting:
    return _ADAPTER.validate_json(text)


def sample_to_json(sample: Sample) -> str:
    return _SAMPLE.dump_json(sample).decode()


def sample_from_json(text: str | bytes) -> Sample:
    return _SAMPLE.validate_json(text)


def make_setting(config: RunConfig, model: ModelFacts, sample: Sample | None = None) -> Setting:
    """Reads the task, draws the examples, makes the questions. ConfigError when z is too large for the model.

    sample: the evaluation examples where they are no natural sample; without it there are none in that case.
    """
    reading = reading_of(config)
    task = reading.task
    draws = _draws(config, task)
    usual = preset(model.n_total)
    own = config.attribution.z is not None or config.attribution.k is not None
    z = config.attribution.z or usual.z
    check_z(z, model.n_total)
    evaluation = draws.evaluation
    if config.evaluation and config.evaluation.sample != "natural":
        taken = {*sample.comprehended, *sample.others} if sample else set()
        evaluation = tuple(example for example in draws.evaluation if example.id in taken)
    return Setting(
        task_name=task.name,
        task_kind=task.kind,
        task_fingerprint=task.fingerprint,
        n_examples=len(task.examples),
        n_rejected=len(reading.rejected),
        demonstration_id=draws.demonstration.id if draws.demonstration else None,
        attribution=_questions(
            config, task, draws, draws.attribution, config.seed, model.chat, config.attribution.proxies
        ),
        evaluation=_questions(
            config,
            task,
            draws,
            evaluation,
            config.seed,
            model.chat,
            config.evaluation.proxies if config.evaluation else SHUFFLES,
        ),
        z=z,
        k=config.attribution.k or usual.k,
        preset="own" if own else usual.name,
        model=model,
        sample=sample,
    )


def what_changed(config: RunConfig, before: Setting, made: Setting) -> str:
    """Why questions that were made again differ from those that the run began with."""
    if before.task_fingerprint != made.task_fingerprint:
        return "the task file changed since this run began"
    if config.prompt.template == "chat" and before.model.chat != made.model.chat:
        return "the model's chat template is not the one that this run began with"
    return "this version of the program makes other questions of the task than the one that this run began with"


def reading_of(config: RunConfig) -> TaskReading:
    """The run's task, read anew. RunError where its file is gone; TaskError as of load_task."""
    name = config.task
    if not (name in bundled_tasks() or name.startswith(PREFIX) or is_file(name)):
        raise RunError(
            "the task file of this run is not there; what the run has found stays",
            where=name,
            accepted="the same examples in a file of this name (on the page Data: kept again under the same name), "
            "or a new run",
        )
    return load_task(name)


def evaluation_room(config: RunConfig, task: Task) -> int:
    """How many examples an evaluation of this run may take: one of each text, without those drawn before."""
    return max(0, len({example.text for example in task.examples}) - 1 - config.attribution.examples)


def check_draws(config: RunConfig, task: Task) -> None:
    """ConfigError where the task has fewer examples than the run draws; said before a run is queued."""
    _draws(config, task)


def candidates(config: RunConfig, chat: ChatTemplate | None = None) -> tuple[ProxyQuestion, ...]:
    """Questions of every example that a sample may take, in the order of the draw, on another option shuffle."""
    task = reading_of(config).task
    draws = _draws(config, task)
    return _questions(config, task, draws, draws.evaluation, config.seed + OTHER_SHUFFLE, chat, SHUFFLES)


def _draws(config: RunConfig, task: Task) -> Draws:
    """A sample that a model chooses is drawn from all that is left."""
    evaluation = config.evaluation
    n_evaluation = 0 if evaluation is None else evaluation.examples if evaluation.sample == "natural" else None
    return draw(task, config.attribution.examples, n_evaluation, config.seed, config.prompt.demonstration)


def _questions(
    config: RunConfig,
    task: Task,
    draws: Draws,
    examples: tuple[Example, ...],
    seed: int,
    chat: ChatTemplate | None,
    proxies: str,
) -> tuple[ProxyQuestion, ...]:
    return questions_of(task, examples, draws.demonstration, seed, config.prompt, chat, proxies)


def plan_of(
    evaluation: EvaluationConfig,
    rankings: Mapping[str, NeuronRanking],
    uses: Sequence[SetUse] = (),
    files: Mapping[str, NeuronSetFile] | None = None,
    loudness: NDArray[np.float32] | None = None,
) -> list[Intervention]:
    """All interventions of an evaluation: every method's grid, every neuron set's, then the random control sets.

    Random sets have the numbers a layer of the first ranking; `random` also draws uniformly, and `random-loud` neurons
    that are as loud as the first ranking's, where they are among the methods. loudness: (L, I), for the latter.
    A method without bad neurons is evaluated at ratio 1 alone. ConfigError when nothing is to be evaluated.
    """
    usual = evaluation.excite, evaluation.silence
    names = evaluation.methods if evaluation.methods is not None else tuple(rankings)
    plan: list[Intervention] = []
    for name in names:
        if name in rankings:
            ratios = evaluation.ratios if method(name).sides == "both" else (1.0,)
            plan += grid(rankings[name], evaluation.ks, ratios, name, *usual)
    for use in uses:
        found = (files or {})[use.name].ranking()
        own = use.excite or evaluation.excite, use.silence or evaluation.silence
        ks = evaluation.ks if use.k is None else (use.k,)
        if use.ratios is None:
            plan += grid(found, ks, evaluation.ratios, use.name, *own)
        else:
            for direction, ratio in use.ratios.items():
                plan += [one for one in grid(found, ks, (ratio,), use.name, *own) if one.direction == direction]
    first = next((rankings[name] for name in names if name in rankings), None)
    if first is None:
        first = (files or {})[uses[0].name].ranking() if uses else None
    if first is None:
        raise ConfigError("an evaluation of no method and no neuron set", accepted="at least one of either")
    for seed in range(evaluation.random_seeds):
        control = random_like(first, max(evaluation.ks), seed)
        plan += grid(control, evaluation.ks, evaluation.ratios, f"random+-{seed}", *usual)
        if "random" in names:
            uniform = random_uniform(first.n_layers, first.n_neurons, max(evaluation.ks), seed)
            plan += grid(uniform, evaluation.ks, (1.0,), f"random-{seed}", *usual)
        if "random-loud" in names:
            if loudness is None:
                raise ConfigError("random-loud without the loudness of neurons", accepted="a run with an attribution")
            loud = random_loud(first, max(evaluation.ks), loudness, seed)
            plan += grid(loud, evaluation.ks, evaluation.ratios, f"random-loud-{seed}", *usual)
    return plan
