"""Errands carried out, the worker's side: generators that do a little, say how far they are, and wait."""

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
from neuron_core.runs.errands import LengthsErrand, ModelErrand, NeuronErrand, WritingErrand
from neuron_core.runs.lengths import Reader, count_lengths
from neuron_core.runs.neurons import save_finding
from neuron_core.runs.setting import Setting, reading_of
from neuron_core.runs.store import RunFolder
from neuron_core.tasks.task import draw_order

if TYPE_CHECKING:
    from neuron_core.runs.engine import Engine


@dataclass(frozen=True)
class Step:
    """How far an errand is."""

    done: int
    total: int
    text: Generation | None = None


def length_steps(errand: LengthsErrand, reader: Reader) -> Iterator[Step]:
    """Carries out the errand that needs a tokenizer alone."""
    return (Step(*counted) for counted in count_lengths(errand, reader))


def steps_of(errand: ModelErrand, engine: "Engine") -> Iterator[Step]:
    """Carries the errand out; the model is unchanged between two steps. Findings are written at the end.

    RunError when the engine's model is not the one that the run was made with, ConfigError when it lacks the neuron.
    """
    if isinstance(errand, WritingErrand):
        yield from _write(errand, engine)
        return
    run = RunFolder(Path(errand.run))
    setting = run.setting()
    if setting is None:
        raise RunError("this run has no neurons yet", where=run.id, accepted="a run whose attribution is finished")
    if setting.model.fingerprint != engine.facts().fingerprint:
        raise RunError(
            "the model is not the one this run was made with",
            where=run.id,
            accepted=f"{setting.model.title}, fingerprint {setting.model.fingerprint}",
        )
    check_place(errand.layer, errand.index, setting.model.n_layers, setting.model.n_neurons)
    if errand.what == "tokens":
        found = engine.neuron_tokens(errand.layer, errand.index)
        save_finding(Path(errand.folder), errand.layer, errand.index, "tokens", found)
        yield Step(1, 1)
    elif errand.what == "effect":
        yield from _effect(errand, engine, setting)
    else:
        yield from _contexts(errand, engine, run, setting)


def _effect(errand: NeuronErrand, engine: "Engine", setting: Setting) -> Iterator[Step]:
    source, questions = effect_questions(setting)
    plan = single_plan(errand.layer, errand.index)
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
    save_finding(Path(errand.folder), errand.layer, errand.index, "effect", effect)


def _contexts(errand: NeuronErrand, engine: "Engine", run: RunFolder, setting: Setting) -> Iterator[Step]:
    config = run.config()
    task = reading_of(config).task
    if task.fingerprint != setting.task_fingerprint:
        raise RunError("the task file changed since this run began", where=run.id, accepted="a new run")
    examples = {example.id: example for example in task.examples}
    chosen = draw_order(examples, config.seed, "contexts")[: errand.examples]
    texts = (Text(name, stem_of(examples[name], task, config.prompt.stem)) for name in chosen)
    yield Step(0, len(chosen))
    for done, found in enumerate(engine.neuron_contexts(texts, errand.layer, errand.index), start=1):
        if done == len(chosen):
            save_finding(Path(errand.folder), errand.layer, errand.index, "contexts", found)
        yield Step(done, len(chosen))


def _write(errand: WritingErrand, engine: "Engine") -> Iterator[Step]:
    texts = engine.generate(
        errand.prompt,
        errand.steering,
        n_tokens=errand.n_tokens,
        temperature=errand.temperature,
        seed=errand.seed,
    )
    yield Step(0, errand.n_tokens)
    for done, text in enumerate(texts, start=1):
        yield Step(done, errand.n_tokens, text)


def effect_questions(setting: Setting) -> tuple[str, tuple[ProxyQuestion, ...]]:
    """The questions that a neuron's effect is measured on: those of the evaluation, or else of the attribution."""
    if setting.evaluation:
        return "evaluation", setting.evaluation
    return "attribution", setting.attribution
