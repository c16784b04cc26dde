"""The demo runs that come with the app are what the current code and the embedded model compute."""

import numpy as np
import pytest

from neuron_core.analysis.layers import neuron_rows
from neuron_core.analysis.neuron import single_plan
from neuron_core.control.findings import Text
from neuron_core.engine.engine import Engine
from neuron_core.engine.stage_part import StagePart
from neuron_core.paths import ASSETS
from neuron_core.qatt.stems import stem_of
from neuron_core.runs.config import EvaluationConfig
from neuron_core.runs.demo import DEMO, DEMO_TASK, demo_config, demo_folders
from neuron_core.runs.neuron_findings import read_finding, shipped_folder
from neuron_core.runs.questions import make_setting, reading_of
from neuron_core.runs.results import plan_for
from neuron_core.runs.run_folder import RunFolder

FOLDERS = demo_folders()
MOST_BYTES = 6_000_000
every_demo = pytest.mark.parametrize("name", FOLDERS)


@pytest.fixture(scope="module")
def engine():
    with_model = Engine(RunFolder(FOLDERS[DEMO]).config().model)
    yield with_model
    with_model.close()


def test_demos_are_those_of_today_and_all_of_them_are_small():
    tasks = [RunFolder(path).config().task for path in FOLDERS.values()]
    assert tasks[0] == DEMO_TASK
    assert set(tasks) <= {"chunking", "commonsense", "ner", "sentiment"}
    assert [RunFolder(path).config() for path in FOLDERS.values()] == [demo_config(task=task) for task in tasks]
    files = [path for folder in ("demo_run", "demo_runs") for path in (ASSETS / folder).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES


@every_demo
def test_a_shipped_run_is_finished_and_asks_the_questions_of_todays_task_and_template(name, engine):
    run = RunFolder(FOLDERS[name])
    made, kept = make_setting(run.config(), engine.facts()), run.setting()
    assert run.status().state == "done"
    assert (made.attribution, made.evaluation) == (kept.attribution, kept.evaluation)
    assert made.model.fingerprint == kept.model.fingerprint
    assert (made.task_fingerprint, made.z, made.k) == (kept.task_fingerprint, kept.z, kept.k)
    assert run.evaluation().baseline.content_margin > 0
    assert set(run.rankings()) == {"content", "ace"}


def test_the_scores_of_a_shipped_question_come_out_again(engine):
    run = RunFolder(FOLDERS[DEMO])
    questions = run.setting().attribution
    others = set(range(len(questions))) - {7}
    ((number, scores),) = engine.attribute(questions, run.config().attribution, StagePart(skip=others))
    kept = run.scores(number)
    assert number == 7
    assert scores.targets == kept.targets
    # Another machine, or another number of threads, adds float32 numbers in another order.
    largest = np.abs(kept.ig).max(axis=(1, 2), keepdims=True)
    assert (np.abs(scores.ig - kept.ig) / largest).max() <= 5e-5


@every_demo
def test_the_option_probabilities_of_a_shipped_question_come_out_again(name, engine):
    run = RunFolder(FOLDERS[name])
    questions, plan = run.setting().evaluation, plan_for(run)
    wanted = set(range(len(questions))) - {11}
    ((number, values),) = engine.evaluate(questions, plan, run.config().evaluation, StagePart(skip=wanted))
    kept = run.probabilities().values[number]
    assert values.shape == kept.shape == (1 + len(plan), 4)
    np.testing.assert_allclose(values, kept, atol=5e-5)


def test_the_twenty_strongest_neurons_of_the_demo_have_all_findings():
    run = RunFolder(FOLDERS[DEMO])
    rows = neuron_rows(run.ranking().cut(10))
    assert len(rows) == 20
    for row in rows:
        for what in ("tokens", "effect", "contexts"):
            assert read_finding(shipped_folder(run), row.layer, row.index, what) is not None, row.id
        effect = read_finding(shipped_folder(run), row.layer, row.index, "effect")
        assert effect.question_ids == tuple(question.id for question in run.setting().evaluation)


def texts_of(run):
    task = reading_of(run.config()).task
    return [Text(example.id, stem_of(example, task, run.config().prompt.stem)) for example in task.examples]


def test_the_findings_of_a_shipped_neuron_come_out_again(engine, tmp_path):
    run = RunFolder(FOLDERS[DEMO])
    row = neuron_rows(run.ranking().cut(3))[-1]
    kept = {what: read_finding(shipped_folder(run), row.layer, row.index, what) for what in ("tokens", "effect")}
    assert [one.token for one in engine.neuron_tokens(row.layer, row.index).promoted[:5]] == [
        one.token for one in kept["tokens"].promoted[:5]
    ]
    questions, effect = run.setting().evaluation, kept["effect"]
    others = set(range(len(questions))) - {11}
    ((number, values),) = engine.evaluate(
        questions, single_plan(row.layer, row.index), EvaluationConfig(), StagePart(skip=others)
    )
    ours = np.array([effect.unmodified[number], effect.silenced[number], effect.doubled[number]])
    np.testing.assert_allclose(values, ours, atol=5e-5)
    contexts = read_finding(shipped_folder(run), row.layer, row.index, "contexts")
    strongest = contexts.highest[0]
    text = next(one for one in texts_of(run) if one.example_id == strongest.example_id)
    (again,) = list(engine.neuron_contexts([text], row.layer, row.index))
    same = next(one for one in again.highest if one.position == strongest.position)
    assert same.value == pytest.approx(strongest.value, rel=1e-3)
    assert (same.tokens, same.place) == (strongest.tokens, strongest.place)
