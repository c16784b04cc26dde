"""Makes the questions of a run: reads its task, draws examples, and words their questions. No torch."""

import hashlib
import json
from dataclasses import asdict

from neuron_core.cni.selection import check_z, preset
from neuron_core.errors import RunError
from neuron_core.models.chat import ChatTemplate
from neuron_core.paths import code_digest
from neuron_core.qatt.draws import Draws, draw, questions_of
from neuron_core.qatt.proxies import SHUFFLES, ProxyQuestion
from neuron_core.runs.config import RunConfig, config_to_json
from neuron_core.runs.setting import ModelFacts, Sample, Setting
from neuron_core.tasks.hub import PREFIX
from neuron_core.tasks.load import bundled_tasks, load_task
from neuron_core.tasks.reading import TaskReading
from neuron_core.tasks.table import is_file
from neuron_core.tasks.task import Example, Task

OTHER_SHUFFLE = 1_000_003
"added to the seed of the questions that a sample is chosen by, so that their option orders are not those evaluated"

MADE_FROM = "made from"
"under this name, `Setting.keys` holds what the questions were made from"
MAKERS = ("qatt", "tasks", "runs/questions.py")
"the code that makes questions"


def make_setting(
    config: RunConfig, model: ModelFacts, sample: Sample | None = None, before: Setting | None = None
) -> Setting:
    """Reads the task, draws the examples and makes the questions.

    sample: the evaluation examples of a config whose sample is not natural. Without it, such a config gets no
    evaluation questions. before: a setting that may have been made from the same things; if it was, it is returned,
    because making many questions takes long. ConfigError when z is too large for the model.
    """
    reading = reading_of(config)
    made_from = _made_from(config, reading, model, sample)
    if before is not None and made_from is not None and before.keys.get(MADE_FROM) == made_from:
        return before
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
        keys={MADE_FROM: made_from} if made_from else {},
    )


def _made_from(config: RunConfig, reading: TaskReading, model: ModelFacts, sample: Sample | None) -> str | None:
    """A digest of everything that a setting depends on. None where a chat template, which is a program of the model's,
    words the prompts.
    """
    if config.prompt.template == "chat":
        return None
    task = reading.task
    said = [
        config_to_json(config),
        [task.name, task.fingerprint, len(task.examples), len(reading.rejected)],
        asdict(model),
        asdict(sample) if sample else None,
        code_digest(*MAKERS),
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def what_changed(config: RunConfig, before: Setting, made: Setting) -> str:
    """Says why the questions of a resumed run differ from those that it began with."""
    if before.task_fingerprint != made.task_fingerprint:
        return "the task file changed since this run began"
    if config.prompt.template == "chat" and before.model.chat != made.model.chat:
        return "the model's chat template is not the one that this run began with"
    return "this version of the program makes other questions from the task than the version that began this run"


def reading_of(config: RunConfig) -> TaskReading:
    """Reads the run's task. RunError when its file is gone; TaskError as of load_task."""
    name = config.task
    if not (name in bundled_tasks() or name.startswith(PREFIX) or is_file(name)):
        raise RunError(
            "the task file of this run is not there; the run's results are kept",
            where=name,
            accepted="the same examples in a file of this name (on the page Data: kept again under the same name), "
            "or a new run",
        )
    return load_task(name)


def evaluation_room(config: RunConfig, task: Task) -> int:
    """How many examples an evaluation of this run may have: those with different texts, without the demonstration and
    the attribution examples.
    """
    return max(0, len({example.text for example in task.examples}) - 1 - config.attribution.examples)


def check_draws(config: RunConfig, task: Task) -> None:
    """ConfigError when the task has fewer examples than the run draws. Called before a run is queued."""
    _draws(config, task)


def candidates(config: RunConfig, chat: ChatTemplate | None = None) -> tuple[ProxyQuestion, ...]:
    """The questions by which a sample is chosen: of every example that it may take, in the order of the draw. Their
    options are in other orders than those of the evaluation.
    """
    task = reading_of(config).task
    draws = _draws(config, task)
    return _questions(config, task, draws, draws.evaluation, config.seed + OTHER_SHUFFLE, chat, SHUFFLES)


def _draws(config: RunConfig, task: Task) -> Draws:
    """Draws the examples. A sample that a model chooses is drawn from all examples that are left."""
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
