"""A run through its stages: what is on disk is kept, what does not fit it is refused."""

from dataclasses import replace

import numpy as np
import pytest

from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.errors import Cancelled, RunError
from neuron_core.models.prepare import prepare_model
from neuron_core.runs import questions
from neuron_core.runs.config import EvaluationConfig
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from neuron_core.tasks.load import load_task
from tests.builders import classification_rows, write_jsonl
from tests.run_helpers import (
    ATTRIBUTION_QUESTIONS,
    EVALUATION_QUESTIONS,
    assert_equal_results,
    tiny_config,
    written,
)


class WatchedEngine(Engine):
    """Notes every question that is computed, and may fail at one."""

    def __init__(self, loaded, fail_at=None, error=None):
        self.__dict__.update(vars(Engine.of(loaded)))
        self.computed, self.fail_at, self.error = [], fail_at, error

    def attribute(self, *what, **how):
        return self._watched("attribution", super().attribute(*what, **how))

    def evaluate(self, *what, **how):
        return self._watched("evaluation", super().evaluate(*what, **how))

    def _watched(self, stage, units):
        for number, value in units:
            if (stage, number) == self.fail_at:
                raise self.error
            self.computed.append((stage, number))
            yield number, value


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


@pytest.fixture
def config(task_file, checkpoint):
    return tiny_config(task_file, checkpoint("llama"))


@pytest.fixture
def engine(tiny_model):
    return WatchedEngine(tiny_model("llama"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory, task_file, checkpoint, tiny_model):
    """A run that nothing interrupted."""
    run = Store(tmp_path_factory.mktemp("whole")).create(tiny_config(task_file, checkpoint("llama")))
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    return run


def units(run):
    return len(run.scored()) + len(run.evaluated())


def cancelled_after(run, engine, n_units):
    with pytest.raises(Cancelled):
        execute(run, lambda _: engine, should_stop=lambda: units(run) >= n_units)
    assert run.status().state == "cancelled"
    assert units(run) == n_units


def test_a_run_of_an_earlier_version_goes_on_with_the_shorter_fingerprint_of_its_model(
    store, config, engine, whole, tiny_model
):
    loaded = tiny_model("llama")
    short = loaded.fingerprint.partition("-")[0]
    run = store.create(config)
    cancelled_after(run, WatchedEngine(replace(loaded, fingerprint=short)), ATTRIBUTION_QUESTIONS + 5)
    execute(run, lambda _: engine)
    assert engine.computed == [("evaluation", number) for number in range(5, EVALUATION_QUESTIONS)]
    assert run.setting().model.fingerprint == short
    assert run.evaluation() == whole.evaluation()


def test_a_model_with_one_silenced_neuron_is_not_the_one_that_a_run_began_with(store, config, engine, tiny_model):
    run = store.create(config)
    cancelled_after(run, engine, 3)
    weight = tiny_model("llama").down_projections[1].weight
    kept = weight[:, 5].clone()
    try:
        weight[:, 5] = 0.0
        other = prepare_model(config.model, tiny_model("llama").model, tiny_model("llama").tokenizer)
        with pytest.raises(RunError, match="the model is not the one this run began with"):
            execute(run, lambda _: Engine.of(other))
    finally:
        weight[:, 5] = kept


def test_a_run_goes_through_its_stages_and_ends_done(store, config, engine):
    run, seen = store.create(config), []
    execute(run, lambda say: say("loading weights") or engine, on_progress=seen.append)
    status = run.status()
    assert (status.state, status.stage, status.message) == ("done", "evaluation", "")
    assert status.done == status.total == EVALUATION_QUESTIONS
    assert set(status.seconds) == {"loading", "attribution", "evaluation"}
    stages = [event["stage"] for event in run.events() if event["event"] == "stage"]
    assert stages == ["loading", "attribution", "evaluation"]
    assert run.events()[-1]["event"] == "done"
    assert [s.done for s in seen if s.stage == "attribution" and s.eta_s is not None] == [*range(1, 13)]
    assert "loading weights" in [s.message for s in seen]
    assert run.scored() == set(range(ATTRIBUTION_QUESTIONS))
    assert len(run.ranking().scores) > 0
    assert run.evaluation().baseline.n_questions == EVALUATION_QUESTIONS
    assert not run.is_held()


@pytest.mark.parametrize("n_units", [0, 5, ATTRIBUTION_QUESTIONS, ATTRIBUTION_QUESTIONS + 7])
def test_a_resumed_run_computes_only_what_is_missing_and_equals_an_uninterrupted_one(
    store, config, tiny_model, whole, n_units
):
    run = store.create(config)
    cancelled_after(run, WatchedEngine(tiny_model("llama")), n_units)
    before, engine = written(run), WatchedEngine(tiny_model("llama"))
    execute(run, lambda _: engine)
    assert run.status().state == "done"
    assert len(engine.computed) == ATTRIBUTION_QUESTIONS + EVALUATION_QUESTIONS - n_units
    assert before.items() <= written(run).items()
    assert_equal_results(run, whole)


def test_results_that_differ_in_one_bit_are_not_equal(store, config, engine, whole):
    run = store.create(config)
    execute(run, lambda _: engine)
    scores = run.scores(3)
    scores.ig[0, 1, 2] = np.nextafter(scores.ig[0, 1, 2], np.float32(1))
    run.save_scores(3, scores)
    with pytest.raises(AssertionError, match="scores/3:ig"):
        assert_equal_results(run, whole)


def test_time_of_a_stage_adds_up_over_resumes(store, config, engine):
    run = store.create(config)
    cancelled_after(run, engine, 5)
    first = run.status().seconds["attribution"]
    execute(run, lambda _: engine)
    assert run.status().seconds["attribution"] > first > 0


def test_a_run_is_not_resumed_with_another_model(store, config, engine, tiny_model):
    run = store.create(config)
    cancelled_after(run, engine, 5)
    with pytest.raises(RunError, match="the model is not the one"):
        execute(run, lambda _: Engine.of(tiny_model("gpt2")))
    assert run.status().state == "failed"
    assert "the model is not the one" in run.status().message
    assert len(run.scored()) == 5


def test_a_run_is_not_resumed_when_its_attribution_examples_changed(store, engine, tmp_path, checkpoint):
    task = write_jsonl(tmp_path / "task.jsonl", classification_rows(48))
    run = store.create(tiny_config(task, checkpoint("llama")))
    cancelled_after(run, engine, 5)
    write_jsonl(task, [{**row, "text": f"{row['text']} Or so."} for row in classification_rows(48)])
    with pytest.raises(RunError, match="the task file changed"):
        execute(run, lambda _: engine)
    assert "the task file changed" in run.status().message


def test_an_evaluation_is_not_resumed_when_its_examples_changed(store, engine, tmp_path, checkpoint):
    task = write_jsonl(tmp_path / "task.jsonl", classification_rows(48))
    run = store.create(tiny_config(task, checkpoint("llama")))
    cancelled_after(run, engine, ATTRIBUTION_QUESTIONS + 3)
    evaluated = run.setting().evaluation[-1].example_id
    row = next(e.row for e in load_task(str(task)).task.examples if e.id == evaluated)
    write_jsonl(task, [r for i, r in enumerate(classification_rows(48), start=1) if i != row])
    with pytest.raises(RunError, match="the task file changed"):
        execute(run, lambda _: engine)


def test_questions_are_made_again_only_if_something_that_they_are_made_from_has_changed(
    store, config, engine, monkeypatch
):
    run, made = store.create(config), []
    own = questions.questions_of
    monkeypatch.setattr(questions, "questions_of", lambda *given: made.append(given) or own(*given))
    execute(run, lambda _: engine)
    assert len(made) == 2
    written = (run.path / "setting.json").stat().st_mtime_ns
    execute(RunFolder(run.path), lambda _: engine)
    assert len(made) == 2
    assert (run.path / "setting.json").stat().st_mtime_ns == written
    # Another version of the program makes them, and finds the same.
    monkeypatch.setattr(questions, "code_digest", lambda *_: "another")
    execute(RunFolder(run.path), lambda _: engine)
    assert len(made) == 4
    execute(RunFolder(run.path), lambda _: engine)
    assert len(made) == 4


def test_a_run_that_is_worked_on_is_not_worked_on_twice(store, config, engine):
    run = store.create(config)
    with run.held(), pytest.raises(RunError, match="another process works on this run"):
        execute(store.open(run.id), lambda _: engine)
    assert engine.computed == []
    assert run.status().state == "queued"


@pytest.mark.parametrize("stage", ["attribution", "evaluation"])
def test_a_failure_is_written_and_the_run_can_be_resumed(store, config, tiny_model, whole, stage):
    run = store.create(config)
    broken = WatchedEngine(tiny_model("llama"), fail_at=(stage, 4), error=ValueError("the fifth is odd"))
    with pytest.raises(ValueError, match="the fifth is odd"):
        execute(run, lambda _: broken)
    status = run.status()
    assert (status.state, status.stage, status.done) == ("failed", stage, 4)
    assert status.message == "ValueError: the fifth is odd"
    assert run.events()[-1]["message"] == "ValueError: the fifth is odd"
    assert not run.is_held()
    execute(run, lambda _: WatchedEngine(tiny_model("llama")))
    assert_equal_results(run, whole)


def test_too_little_memory_is_said_in_words(store, config, tiny_model):
    run = store.create(config)
    broken = WatchedEngine(tiny_model("llama"), fail_at=("attribution", 0), error=MemoryError())
    with pytest.raises(RunError, match="layers_per_pass"):
        execute(run, lambda _: broken)
    assert run.status().message == "Out of memory."


def test_a_model_that_does_not_load_fails_the_run(store, config):
    def no_engine(say):
        raise RunError("no such model", where="here")

    run = store.create(config)
    with pytest.raises(RunError, match="no such model"):
        execute(run, no_engine)
    assert run.status().message == "no such model. Where: here."


def test_the_end_of_the_process_leaves_the_run_interrupted_and_not_failed(store, config, tiny_model):
    run = store.create(config)
    engine = WatchedEngine(tiny_model("llama"), fail_at=("attribution", 4), error=SystemExit())
    with pytest.raises(SystemExit):
        execute(run, lambda _: engine)
    assert run.status().state == "interrupted"
    assert len(run.scored()) == 4


def test_a_run_gets_its_evaluation_later_without_another_attribution(store, config, tiny_model, whole):
    run = store.create(tiny_config(config.task, config.model.source, evaluation=None))
    execute(run, lambda _: WatchedEngine(tiny_model("llama")))
    assert run.status().stage == "attribution"
    assert run.evaluation() is None
    run.set_evaluation(config)
    engine = WatchedEngine(tiny_model("llama"))
    execute(run, lambda _: engine)
    assert {stage for stage, _ in engine.computed} == {"evaluation"}
    assert_equal_results(run, whole)


def test_another_evaluation_has_its_own_examples_and_grid(store, config, engine):
    run = store.create(config)
    execute(run, lambda _: engine)
    fewer = tiny_config(
        config.task, config.model.source, evaluation=EvaluationConfig(examples=3, ks=(4,), random_seeds=0)
    )
    run.set_evaluation(fewer)
    execute(run, lambda _: engine)
    assert run.probabilities().values.shape == (9, 1 + 11 * 2, 4)
    assert run.evaluation().baseline.n_questions == 9
    assert run.evaluation().random == ()
