"""The steps of background jobs. A job is a generator: it does a small step, reports its progress, and goes on when the
worker asks for the next step.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neuron_core.analysis.neuron import check_place, single_plan
from neuron_core.control.findings import Generation, NeuronEffect, Text
from neuron_core.errors import RunError
from neuron_core.models.fingerprint import same_model
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.qatt.stems import stem_of
from neuron_core.runs.config import EvaluationConfig
from neuron_core.runs.neuron_findings import What, save_finding
from neuron_core.runs.questions import reading_of
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from neuron_core.service.jobs import LengthsJob, ModelJob, WritingJob
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
    yield from neuron_steps(
        RunFolder(Path(job.run)), Path(job.folder), job.what, [(job.layer, job.index)], engine, job.examples
    )


def neuron_steps(
    run: RunFolder, folder: Path, what: What, neurons: Sequence[tuple[int, int]], engine: "Engine", examples: int
) -> Iterator[Step]:
    """Measures one thing about one or several neurons of a run, all of them in one pass over its questions or texts.

    folder: where the findings go. neurons: (layer, index) of each. examples: texts read at most. Errors: `steps_of`.
    """
    setting = run.setting()
    if setting is None:
        raise RunError(
            "the attribution of this run has not begun", where=run.id, accepted="a run whose attribution is finished"
        )
    if not same_model(setting.model.fingerprint, engine.facts().fingerprint):
        raise RunError(
            "the model is not the one this run was made with",
            where=run.id,
            accepted=f"{setting.model.title}, fingerprint {setting.model.fingerprint}",
        )
    for layer, index in neurons:
        check_place(layer, index, setting.model.n_layers, setting.model.n_neurons)
    if what == "tokens":
        for done, (layer, index) in enumerate(neurons, start=1):
            save_finding(folder, layer, index, "tokens", engine.neuron_tokens(layer, index))
            yield Step(done, len(neurons))
    elif what == "effect":
        yield from _effects(folder, neurons, engine, setting)
    else:
        yield from _contexts(folder, neurons, engine, run, setting, examples)


def _effects(folder: Path, neurons: Sequence[tuple[int, int]], engine: "Engine", setting: Setting) -> Iterator[Step]:
    source, questions = effect_questions(setting)
    plan = [one for layer, index in neurons for one in single_plan(layer, index)]
    every = []
    yield Step(0, len(questions))
    for number, values in engine.evaluate(questions, plan, EvaluationConfig()):
        every.append(values)
        yield Step(number + 1, len(questions))
    own = engine.neuron_values(questions, neurons)
    for place, (layer, index) in enumerate(neurons):
        unmodified, silenced, doubled = (
            tuple(_shortest(values[row]) for values in every) for row in (0, 1 + 2 * place, 2 + 2 * place)
        )
        effect = NeuronEffect(
            source=source,
            question_ids=tuple(question.id for question in questions),
            examples=tuple(question.example_id for question in questions),
            targets=tuple(question.target for question in questions),
            unmodified=unmodified,
            silenced=silenced,
            doubled=doubled,
            values=_shortest(own[:, place]),
        )
        save_finding(folder, layer, index, "effect", effect)


def _shortest(row: NDArray[np.float32]) -> tuple[float, ...]:
    """The shortest decimals that are these float32 numbers again: a third of the length on disk."""
    return tuple(float(str(value)) for value in row)


def _contexts(
    folder: Path,
    neurons: Sequence[tuple[int, int]],
    engine: "Engine",
    run: RunFolder,
    setting: Setting,
    most: int,
) -> Iterator[Step]:
    config = run.config()
    task = reading_of(config).task
    if task.fingerprint != setting.task_fingerprint:
        raise RunError("the task file changed since this run began", where=run.id, accepted="a new run")
    examples = {example.id: example for example in task.examples}
    chosen = draw_order(examples, config.seed, "contexts")[:most]
    texts = (Text(name, stem_of(examples[name], task, config.prompt.stem)) for name in chosen)
    yield Step(0, len(chosen))
    for done, found in enumerate(engine.contexts_of_neurons(texts, neurons), start=1):
        if done == len(chosen):
            for (layer, index), contexts in zip(neurons, found, strict=True):
                save_finding(folder, layer, index, "contexts", contexts)
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


def effect_questions(setting: Setting) -> tuple[str, Sequence[ProxyQuestion]]:
    """The questions that a neuron's effect is measured on, and where they come from: the run's evaluation or, if it has
    none, its attribution.
    """
    if setting.evaluation:
        return "evaluation", setting.evaluation
    return "attribution", setting.attribution
