"""The steps of background jobs. A job is a generator: it does a small step, reports its progress, and goes on when the
worker asks for the next step.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from neuron_core.analysis.neuron import check_place, single_plan
from neuron_core.control.findings import Generation, NeuronEffect, Text
from neuron_core.errors import RunError
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.qatt.stems import stem_of
from neuron_core.runs.config import EvaluationConfig
from neuron_core.runs.neuron_findings import save_finding
from neuron_core.runs.questions import reading_of
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from neuron_core.service.jobs import LengthsJob, ModelJob, NeuronJob, WritingJob
from neuron_core.service.prompt_lengths import Reader, count_lengths
from neuron_core.tasks.task import draw_order

if TYPE_CHECKING:
    from neuron_core.engine.engine import Engine


@dataclass(frozen=True)
class Step:
    """Progress of a job."""

    done: int
    total: int
    text: Generation | None = None


def length_steps(job: LengthsJob, reader: Reader) -> Iterator[Step]:
    """Carries out a LengthsJob, which needs only a tokenizer."""
    return (Step(*counted) for counted in count_lengths(job, reader))


def steps_of(job: ModelJob, engine: "Engine") -> Iterator[Step]:
    """Carries out a job. Between two steps the model is unmodified. A finding is written in the last step.

    RunError when the loaded model is not the one that the run was made with. ConfigError when the model does not
    have the neuron.
    """
    if isinstance(job, WritingJob):
        yield from _write(job, engine)
        return
    run = RunFolder(Path(job.run))
    setting = run.setting()
    if setting is None:
        raise RunError(
            "the attribution of this run has not begun", where=run.id, accepted="a run whose attribution is finished"
        )
    if setting.model.fingerprint != engine.facts().fingerprint:
        raise RunError(
            "the model is not the one this run was made with",
            where=run.id,
            accepted=f"{setting.model.title}, fingerprint {setting.model.fingerprint}",
        )
    check_place(job.layer, job.index, setting.model.n_layers, setting.model.n_neurons)
    if job.what == "tokens":
        found = engine.neuron_tokens(job.layer, job.index)
        save_finding(Path(job.folder), job.layer, job.index, "tokens", found)
        yield Step(1, 1)
    elif job.what == "effect":
        yield from _effect(job, engine, setting)
    else:
        yield from _contexts(job, engine, run, setting)


def _effect(job: NeuronJob, engine: "Engine", setting: Setting) -> Iterator[Step]:
    source, questions = effect_questions(setting)
    plan = single_plan(job.layer, job.index)
    rows = []
    yield Step(0, len(questions))
    for number, values in engine.evaluate(questions, plan, EvaluationConfig()):
        rows.append([tuple(column) for column in values.astype(float).tolist()])
        yield Step(number + 1, len(questions))
    unmodified, silenced, doubled = (tuple(column) for column in zip(*rows, strict=True))
    effect = NeuronEffect(
        source=source,
        question_ids=tuple(question.id for question in questions),
        examples=tuple(question.example_id for question in questions),
        targets=tuple(question.target for question in questions),
        unmodified=unmodified,
        silenced=silenced,
        doubled=doubled,
    )
    save_finding(Path(job.folder), job.layer, job.index, "effect", effect)


def _contexts(job: NeuronJob, engine: "Engine", run: RunFolder, setting: Setting) -> Iterator[Step]:
    config = run.config()
    task = reading_of(config).task
    if task.fingerprint != setting.task_fingerprint:
        raise RunError("the task file changed since this run began", where=run.id, accepted="a new run")
    examples = {example.id: example for example in task.examples}
    chosen = draw_order(examples, config.seed, "contexts")[: job.examples]
    texts = (Text(name, stem_of(examples[name], task, config.prompt.stem)) for name in chosen)
    yield Step(0, len(chosen))
    for done, found in enumerate(engine.neuron_contexts(texts, job.layer, job.index), start=1):
        if done == len(chosen):
            save_finding(Path(job.folder), job.layer, job.index, "contexts", found)
        yield Step(done, len(chosen))


def _write(job: WritingJob, engine: "Engine") -> Iterator[Step]:
    texts = engine.generate(
        job.prompt,
        job.steering,
        n_tokens=job.n_tokens,
        temperature=job.temperature,
        seed=job.seed,
    )
    yield Step(0, job.n_tokens)
    for done, text in enumerate(texts, start=1):
        yield Step(done, job.n_tokens, text)


def effect_questions(setting: Setting) -> tuple[str, tuple[ProxyQuestion, ...]]:
    """The questions that a neuron's effect is measured on, and where they come from: the run's evaluation or, if it has
    none, its attribution.
    """
    if setting.evaluation:
        return "evaluation", setting.evaluation
    return "attribution", setting.attribution
