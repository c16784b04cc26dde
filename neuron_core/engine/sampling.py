"""Chooses the evaluation examples of a run by how a model answers their questions. No torch."""

from dataclasses import replace

from neuron_core.engine.reporter import RunReporter
from neuron_core.engine.run_engine import EngineSource
from neuron_core.errors import RunError
from neuron_core.models.chat import day_of
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.questions import candidates
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Sample


def choose_sample(run: RunFolder, source: EngineSource, reporter: RunReporter) -> None:
    """Asks a model the questions of one example after the other, until the sample is full or no example is left.

    source: gives the engine of the model that is asked. RunError when the sample has no example at all.
    """
    config = run.config()
    assert config.evaluation is not None
    sample = run.sample()
    if sample is not None and sample.finished:
        return
    reporter.begin("loading", 0, 0)
    engine = source(reporter.say)
    reporter.close()
    by_example: dict[str, list[ProxyQuestion]] = {}
    for question in candidates(config, engine.facts(day_of(run.status().created)).chat):
        by_example.setdefault(question.example_id, []).append(question)
    sample = sample or Sample(config.evaluation.sample, engine.facts().title, config.evaluation.examples, {})
    reporter.begin("sampling", len(sample.right), len(by_example))
    left = [name for name in by_example if name not in sample.right]
    asked = engine.baseline([question for name in left for question in by_example[name]])
    for name in reporter.each(left):
        answers = [int(next(asked).argmax()) == question.target for question in by_example[name]]
        sample = replace(sample, right={**sample.right, name: sum(answers)})
        if sample.full:
            break
        run.save_sample(sample)
    run.save_sample(replace(sample, finished=True))
    reporter.close()
    if not sample.comprehended and not sample.others:
        raise RunError(
            f"{sample.chosen_by} comprehends none of the {len(sample.right)} examples asked about",
            where=run.id,
            accepted="a natural sample",
        )
