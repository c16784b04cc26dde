"""The demo run that comes with the app is what the current code and the embedded model compute."""

import numpy as np
import pytest

from neuron_core.engine.engine import Engine
from neuron_core.places import ASSETS
from neuron_core.runs.setting import make_setting, plan_of
from neuron_core.runs.store import RunFolder


@pytest.fixture(scope="module")
def run():
    return RunFolder(ASSETS / "demo_run")


@pytest.fixture(scope="module")
def engine(run):
    with_model = Engine(run.config().model)
    yield with_model
    with_model.close()


def test_the_shipped_run_is_finished_and_asks_the_questions_of_todays_task_and_template(run, engine):
    made, kept = make_setting(run.config(), engine.facts()), run.setting()
    assert run.status().state == "done"
    assert (made.attribution, made.evaluation) == (kept.attribution, kept.evaluation)
    assert made.model.fingerprint == kept.model.fingerprint
    assert (made.task_fingerprint, made.z, made.k) == (kept.task_fingerprint, kept.z, kept.k)


def test_the_scores_of_a_shipped_question_come_out_again(run, engine):
    questions = run.setting().attribution
    others = set(range(len(questions))) - {7}
    ((number, scores),) = engine.attribute(questions, run.config().attribution, skip=others)
    kept = run.scores(number)
    assert number == 7
    # Another machine, or another number of threads, adds float32 numbers in another order.
    assert np.abs(scores.ig - kept.ig).max() <= 5e-5 * np.abs(kept.ig).max()


def test_the_option_probabilities_of_a_shipped_question_come_out_again(run, engine):
    questions, config = run.setting().evaluation, run.config().evaluation
    plan = plan_of(config, run.rankings())
    ((number, values),) = engine.evaluate(questions, plan, config, skip=set(range(len(questions))) - {11})
    kept = run.probabilities().values[number]
    assert values.shape == kept.shape == (1 + len(plan), 4)
    np.testing.assert_allclose(values, kept, atol=5e-5)
