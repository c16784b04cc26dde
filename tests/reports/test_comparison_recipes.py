"""Comparisons as Python: what the script of Figure 9 measures. The others are run by the tests of their pages."""

from types import SimpleNamespace

import pandas as pd
import pytest

from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.experiments import figure9
from neuron_core.models.spec import ModelSpec
from neuron_core.reports.recipes import comparison
from neuron_core.runs.config import AttributionConfig, RunConfig
from neuron_core.runs.store import Store

STEPS = 3


@pytest.fixture
def run(tmp_path, task_file, checkpoint, tiny_model, monkeypatch):
    monkeypatch.setenv("NEURONLLM_RUNS", str(tmp_path))
    model = ModelSpec(str(checkpoint("llama")), device="cpu")
    attribution = AttributionConfig(steps=STEPS, examples=1, z=12, k=3)
    made = Store().create(RunConfig(str(task_file), model, attribution=attribution))
    execute(made, lambda say: Engine.of(tiny_model("llama")))
    return made


def test_the_script_of_figure_9_measures_the_shown_model_on_its_own_question(run, monkeypatch):
    asked = SimpleNamespace()

    def measured(loaded, prompt, place, setting):
        asked.__dict__.update(loaded=loaded, prompt=prompt, place=place, setting=setting)
        return pd.DataFrame({"seconds": [1.0]})

    monkeypatch.setattr(figure9, "answer_cost", measured)
    names: dict[str, object] = {}
    exec(comparison.cost_python(run.config(), run.id), names)
    question = run.setting().attribution[0]
    assert asked.place == question.target
    assert asked.loaded.tokenizer.decode(asked.prompt.token_ids).endswith(question.prompt[-20:])
    assert asked.setting.steps == STEPS
    assert names["table"]["seconds"].tolist() == [1.0]
