"""Python code to copy that reproduces what the Neuron and Playground pages compute. No torch."""

from neuron_core.runs.config import RunConfig
from neuron_core.service.jobs import WritingJob


def neuron_python(config: RunConfig, run: str, layer: int, index: int) -> str:
    """A script that repeats the measurements of one neuron. run: id or path of the run folder."""
    return f"""from neuron_core.analysis.neuron import single_plan
from neuron_core.control.findings import Text
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import EvaluationConfig
from neuron_core.engine.engine import Engine
from neuron_core.runs.neuron_findings import question_scores, standings
from neuron_core.runs.store import Store

layer, index = {layer}, {index}
run = Store().open({run!r})
print(standings(run, layer, index))
print(question_scores(run, layer, index))

engine = Engine({config.model!r})
tokens = engine.neuron_tokens(layer, index)
print([one.token for one in tokens.promoted])
print([one.token for one in tokens.suppressed])

questions = run.setting().evaluation or run.setting().attribution
for number, rows in engine.evaluate(questions, single_plan(layer, index), EvaluationConfig()):
    target = questions[number].target
    print(questions[number].id, "unmodified, silenced, doubled:", rows[:, target])

texts = [Text(question.example_id, question.stem) for question in questions[::3]]
for found in engine.neuron_contexts(texts, layer, index):
    pass
print([(one.token, one.value) for one in found.highest])
"""


def writing_python(config: RunConfig, job: WritingJob) -> str:
    """A script that continues the same prompt with the unmodified and with the steered model."""
    return f"""from neuron_core.control.findings import Steering
from neuron_core.models.spec import ModelSpec
from neuron_core.engine.engine import Engine

engine = Engine({config.model!r})
prompt = {job.prompt!r}
steering = {job.steering!r}
*_, texts = engine.generate(
    prompt, steering, n_tokens={job.n_tokens}, temperature={job.temperature}, seed={job.seed}
)
print(texts.plain.text)
print("---")
print(texts.steered.text)
"""
