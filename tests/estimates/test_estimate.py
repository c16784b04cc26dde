from dataclasses import replace

import pytest

from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.estimates.estimate import Pace, estimate, facts_from_runs, pace_from_runs
from neuron_core.models.size import Size
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import AttributionConfig, RunConfig
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import ModelFacts
from neuron_core.runs.store import Store
from tests.run_helpers import tiny_config

FACTS = ModelFacts("a model", "0" * 16, "llama", "float32", "cpu", 30, 1536)


@pytest.fixture
def run(tmp_path, task_file, checkpoint, tiny_model) -> RunFolder:
    made = Store(tmp_path).create(tiny_config(task_file, checkpoint("llama"), evaluation=None))
    execute(made, lambda _: Engine.of(tiny_model("llama")))
    return made


def test_time_grows_with_questions_and_steps():
    config = RunConfig("sentiment", attribution=AttributionConfig(steps=32, examples=10))
    found = estimate(config, FACTS, Pace(1.5, 16, "r"), Size(25, None))
    assert found.n_questions == 30
    assert found.seconds == pytest.approx(90.0)
    assert found.weight_bytes == 100
    # Whole scores and values; top and bottom 654 of 10 examples, 8 bytes each; three dense sums; 2 KiB a question.
    whole, extremes, sums, checks = 2 * 4 * 46_080 * 30, 10 * 2 * 654 * 8, 3 * 8 * 46_080, 30 * 2048
    assert found.disk_bytes == whole + extremes + sums + checks


def test_nothing_is_made_up_where_nothing_is_known():
    found = estimate(RunConfig("sentiment"), None, None, None)
    assert (found.n_questions, found.seconds, found.weight_bytes, found.disk_bytes) == (15, None, None, None)


def test_a_finished_attribution_gives_the_pace_and_the_model(run):
    run.write_status(replace(run.status(), seconds={"loading": 9.0, "attribution": 24.0}))
    spec = run.config().model
    assert pace_from_runs(spec, [run]) == Pace(2.0, 16, run.id)
    assert facts_from_runs(spec, [run]) == run.setting().model


@pytest.mark.parametrize("change", [{"dtype": "bfloat16"}, {"device": "auto"}, {"source": "other/model"}])
def test_a_run_of_another_model_tells_nothing(run, change):
    spec = replace(run.config().model, **change)
    assert pace_from_runs(spec, [run]) is None
    assert facts_from_runs(spec, [run]) is None


def test_a_run_that_is_not_finished_tells_no_pace(run):
    (run.path / "rankings" / "ace.npz").unlink()
    assert pace_from_runs(run.config().model, [run]) is None


def test_no_run_tells_nothing():
    assert pace_from_runs(ModelSpec(), []) is None
