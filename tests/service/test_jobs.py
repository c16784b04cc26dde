"""Background jobs: one neuron asked about and text written, beside runs and alone, from request to file."""

import io
import os
import signal
import threading
from dataclasses import replace

import numpy as np
import pytest

from neuron_core.analysis.neuron import single_plan
from neuron_core.control.findings import Steering, Text
from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.errors import Cancelled, ConfigError, RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import EvaluationConfig
from neuron_core.runs.neuron_findings import findings_folder, question_scores, read_finding, standings
from neuron_core.runs.store import Store
from neuron_core.service.handle import EngineHandle
from neuron_core.service.job_steps import steps_of
from neuron_core.service.job_table import JobTable
from neuron_core.service.jobs import LengthsJob, NeuronJob, WritingJob
from neuron_core.service.prompt_lengths import Lengths, Reader, read_lengths
from neuron_core.service.protocol import (
    REPLY,
    REQUEST,
    DropRequest,
    JobEnded,
    JobRequest,
    JobStep,
    from_line,
    to_line,
)
from neuron_core.service.worker import Worker
from neuron_core.tasks.load import load_task
from tests.builders import SHORT_PROMPT, n_hooks
from tests.run_helpers import assert_equal_results, long_config, tiny_config, wait_until

LAYER, INDEX = 2, 11
WRITING = WritingJob(SHORT_PROMPT, Steering(((0, 3),), ((1, 5),)), 5)


@pytest.fixture(scope="module")
def run(tmp_path_factory, task_file, checkpoint, tiny_model, one_thread):
    """A finished run in a store of its own."""
    made = Store(tmp_path_factory.mktemp("runs")).create(tiny_config(task_file, checkpoint("llama")))
    execute(made, lambda _: Engine.of(tiny_model("llama")))
    return made


def test_the_same_prompt_for_another_model_is_another_job():
    sent = []
    table = JobTable(threading.Condition(), lambda spec, make: sent.append(make(len(sent))) or len(sent), sent.append)
    other = replace(WRITING, model=ModelSpec("some/model"))
    for one in (WRITING, other, other):
        table.start(one, one.model)
    assert [(request.job, request.spec) for request in sent] == [(WRITING, WRITING.model), (other, other.model)]
    assert table.state(WRITING) != table.state(other)


@pytest.fixture
def engine(tiny_model):
    return Engine.of(tiny_model("llama"))


def job(run, folder, what, **changes):
    return replace(NeuronJob(what, str(run.path), str(folder), LAYER, INDEX), **changes)


def carry_out(engine, run, folder, what, **changes):
    return list(steps_of(job(run, folder, what, **changes), engine))


def test_the_effect_of_a_neuron_is_that_of_an_evaluation_with_it_alone(engine, run, tmp_path):
    steps = carry_out(engine, run, tmp_path, "effect")
    assert [step.done for step in steps] == list(range(25))
    found = read_finding(tmp_path, LAYER, INDEX, "effect")
    questions = run.setting().evaluation
    assert found.source == "evaluation"
    assert found.question_ids == tuple(question.id for question in questions)
    for number, values in engine.evaluate(questions, single_plan(LAYER, INDEX), EvaluationConfig()):
        ours = [found.unmodified[number], found.silenced[number], found.doubled[number]]
        assert np.array_equal(np.array(ours, dtype=np.float32), values)
    means = engine.mean_neurons(questions)
    assert np.mean(found.values) == pytest.approx(float(means[LAYER, INDEX]), rel=1e-4)
    assert len(found.values) == len(questions)
    assert found.silenced != found.unmodified != found.doubled


def test_contexts_are_found_in_the_stems_of_the_tasks_examples(engine, run, tmp_path):
    steps = carry_out(engine, run, tmp_path, "contexts", examples=40)
    assert (steps[-1].done, steps[-1].total) == (40, 40)
    found = read_finding(tmp_path, LAYER, INDEX, "contexts")
    assert found.n_texts == 40
    stems = {question.example_id: question.stem for question in (*run.setting().attribution, *run.setting().evaluation)}
    known = [context for context in found.highest if context.example_id in stems]
    assert known
    assert all(c.before + c.token in stems[c.example_id] for c in known)
    again = list(engine.neuron_contexts([Text("x", stems[known[0].example_id])], LAYER, INDEX))[-1]
    assert known[0].value in [pytest.approx(c.value, rel=1e-4) for c in again.highest]


def test_tokens_are_written_and_read_again(engine, run, tmp_path):
    assert read_finding(tmp_path, LAYER, INDEX, "tokens") is None
    carry_out(engine, run, tmp_path, "tokens")
    assert read_finding(tmp_path, LAYER, INDEX, "tokens") == engine.neuron_tokens(LAYER, INDEX)


def test_a_damaged_finding_is_named(run, tmp_path):
    (tmp_path / "2.11.tokens.json").write_text('{"promoted": 5}')
    with pytest.raises(RunError, match=r"2\.11\.tokens\.json"):
        read_finding(tmp_path, LAYER, INDEX, "tokens")


def test_another_model_or_a_neuron_that_is_not_there_is_refused(tiny_model, engine, run, tmp_path):
    with pytest.raises(RunError, match="not the one this run was made with"):
        carry_out(Engine.of(tiny_model("gpt2")), run, tmp_path, "tokens")
    for what in ("tokens", "effect", "contexts"):
        with pytest.raises(ConfigError, match=r"no neuron 9\.11"):
            carry_out(engine, run, tmp_path, what, layer=9)
    assert list(tmp_path.iterdir()) == []


def test_findings_lie_in_the_run_or_for_a_run_elsewhere_in_the_store(run, tmp_path):
    assert findings_folder(Store(run.path.parent), run) == run.path / "neurons"
    elsewhere = findings_folder(Store(tmp_path), run)
    assert tmp_path in elsewhere.parents
    assert Store(tmp_path).runs() == []


def test_a_neurons_place_in_the_ranking_and_its_question_scores_come_from_the_run(run):
    ranking = run.ranking()
    layer, index = ranking.neurons[1].tolist()
    (found,) = standings(run, layer, index)
    assert (found.method, found.role, found.rank) == ("ace", "good", 2)
    assert found.score == pytest.approx(float(ranking.scores[1]))
    scores = question_scores(run, layer, index)
    assert [score.question_id for score in scores] == [question.id for question in run.setting().attribution]
    first = run.scores(0)
    assert scores[0].ig == pytest.approx(float(first.of("ace")[layer, index]))
    assert scores[0].value == pytest.approx(float(first.neurons[layer, index]))
    assert question_scores(run, layer, index, 2) == scores[:2]


def test_plain_and_steered_text_start_alike_without_steering(engine):
    same = list(engine.generate(SHORT_PROMPT, Steering((), ()), n_tokens=5, temperature=1.0, seed=3))[-1]
    assert same.plain == same.steered
    other = list(engine.generate(SHORT_PROMPT, WRITING.steering, n_tokens=5))[-1]
    assert other.plain.next_tokens != other.steered.next_tokens
    assert n_hooks(engine.loaded) == 0


MESSAGES = [
    (JobRequest(1, NeuronJob("effect", "/r", "/f", 1, 2), ModelSpec("llama")), REQUEST),
    (JobRequest(2, WRITING, ModelSpec("llama")), REQUEST),
    (JobRequest(3, LengthsJob("sentiment", "/f.json"), ModelSpec("llama")), REQUEST),
    (DropRequest(4), REQUEST),
    (JobStep(2, 1, 5), REPLY),
    (JobEnded(2), REPLY),
]


@pytest.mark.parametrize(("message", "kind"), MESSAGES, ids=str)
def test_a_message_comes_back_from_its_line(message, kind):
    assert from_line(to_line(message), kind) == message


def worker_replies(requests, tiny_model, spec_names=("llama", "gpt2")):
    sink = io.BytesIO()

    def load(spec, say):
        return Engine.of(tiny_model(next(name for name in spec_names if name in spec.source)))

    worker = Worker(io.BytesIO(b"".join(map(to_line, requests))), sink, load)
    # The end of input ends a worker at once: here it is to finish what it has begun.
    ending = worker._next

    def last_steps():
        request = ending()
        while request is None and worker._jobs.any():
            worker._jobs.step()
        return request

    worker._next = last_steps
    worker.serve()
    return [from_line(line, REPLY) for line in sink.getvalue().splitlines()]


def test_a_worker_carries_an_job_out_step_by_step(run, tiny_model, tmp_path):
    spec = run.config().model
    replies = worker_replies([JobRequest(1, WRITING, spec)], tiny_model)
    steps = [reply for reply in replies if isinstance(reply, JobStep)]
    assert [step.done for step in steps] == list(range(6))
    whole = list(Engine.of(tiny_model("llama")).generate(SHORT_PROMPT, WRITING.steering, n_tokens=5))[-1]
    assert steps[-1].text == whole
    assert replies[-1] == JobEnded(1)


def test_jobs_take_turns(run, tiny_model):
    spec = run.config().model
    replies = worker_replies([JobRequest(1, WRITING, spec), JobRequest(2, WRITING, spec)], tiny_model)
    assert [reply.number for reply in replies if isinstance(reply, JobStep)][-8:] == [1, 2] * 4


def test_a_model_that_takes_the_place_of_another_ends_its_jobs(run, tiny_model):
    llama, gpt2 = run.config().model, ModelSpec("gpt2")
    replies = worker_replies([JobRequest(1, WRITING, llama), JobRequest(2, WRITING, gpt2)], tiny_model)
    ended = {reply.number: reply.failure for reply in replies if isinstance(reply, JobEnded)}
    assert ended[2] is None
    assert "another model took the place" in ended[1].what


def test_lengths_are_counted_without_the_model_and_go_on_when_another_takes_its_place(
    run, tiny_model, checkpoint, tmp_path, task_file
):
    counted = LengthsJob(str(task_file), str(tmp_path / "long.json"))
    spec, gpt2 = run.config().model, ModelSpec("gpt2")
    requests = [JobRequest(1, counted, spec), JobRequest(2, WRITING, gpt2)]
    loaded = []

    def model(name):
        loaded.append(name)
        return tiny_model(name)

    replies = worker_replies(requests, model)
    assert {reply.number: reply.failure for reply in replies if isinstance(reply, JobEnded)} == {1: None, 2: None}
    assert loaded == ["gpt2"]
    found, reader = read_lengths(tmp_path / "long.json"), Reader.of(spec, lambda _: None)
    assert found == Lengths.of(load_task(str(task_file)).task, reader, 0)
    assert (found.limit, found.counts) == (tiny_model("llama").context_length, {})
    # The model in memory counts like its tokenizer alone.
    again = LengthsJob(str(task_file), str(tmp_path / "again.json"))
    worker_replies([JobRequest(1, WRITING, spec), JobRequest(2, again, spec)], tiny_model)
    assert read_lengths(tmp_path / "again.json") == found


def test_lengths_of_a_model_that_is_not_there_are_an_error(run, tiny_model, task_file, tmp_path):
    counted = LengthsJob(str(task_file), str(tmp_path / "long.json"))
    (tmp_path / "empty").mkdir()
    replies = worker_replies([JobRequest(1, counted, ModelSpec(str(tmp_path / "empty")))], tiny_model)
    assert replies[-1].failure.error == "ModelError"
    assert not (tmp_path / "long.json").exists()


@pytest.fixture(scope="module")
def handle(run):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        handle = EngineHandle(Store(run.path.parent))
        yield handle
        handle.close()


def test_an_job_goes_through_the_handle_and_its_file_is_there(handle, run, engine):
    wanted = job(run, findings_folder(handle.store, run), "tokens")
    assert handle.jobs.state(wanted) is None
    handle.jobs.start(wanted, run.config().model)
    handle.jobs.start(wanted, run.config().model)
    state = handle.jobs.wait(wanted, 60)
    assert (state.ended, state.failure, state.done, state.total) == (True, None, 1, 1)
    assert read_finding(run.path / "neurons", LAYER, INDEX, "tokens") == engine.neuron_tokens(LAYER, INDEX)


def test_a_cancelled_job_leaves_no_file_and_an_error_keeps_its_class(handle, run, tmp_path):
    spec = run.config().model
    # Long enough to step in.
    long = replace(WRITING, n_tokens=900)
    handle.jobs.start(long, spec)
    wait_until(lambda: handle.jobs.state(long).text, "the first token")
    with pytest.raises(RunError, match="in use"):
        handle.unload()
    handle.jobs.cancel(long)
    assert isinstance(handle.jobs.wait(long, 60).failure, Cancelled)
    wrong = job(run, tmp_path, "tokens", layer=9)
    handle.jobs.start(wrong, spec)
    assert isinstance(handle.jobs.wait(wrong, 60).failure, ConfigError)
    assert list(tmp_path.iterdir()) == []


def test_an_job_goes_on_in_mid_run_and_changes_nothing_in_it(
    handle, run, task_file, checkpoint, whole_long_run, tmp_path
):
    config = long_config(task_file, checkpoint("llama"))
    run_id = handle.submit(config)
    long_run = handle.store.open(run_id)
    wait_until(lambda: long_run.evaluated(), "a question of the evaluation")
    wanted = job(run, tmp_path, "effect")
    handle.jobs.start(wanted, config.model)
    state = handle.jobs.wait(wanted, 60)
    assert (state.ended, state.failure) == (True, None)
    assert handle.status(run_id).state == "running"
    with pytest.raises(RunError, match="another model"):
        handle.jobs.start(WRITING, ModelSpec(str(checkpoint("gpt2")), device="cpu"))
    counted = LengthsJob(str(task_file), str(tmp_path / "long.json"))
    handle.jobs.start(counted, ModelSpec(str(checkpoint("gpt2")), device="cpu"))
    assert handle.jobs.wait(counted, 60).failure is None
    assert handle.status(run_id).state == "running"
    assert read_lengths(tmp_path / "long.json").model == "gpt2"
    assert [*handle.stream(run_id)][-1].state == "done"
    assert_equal_results(long_run, whole_long_run)


def test_jobs_end_with_their_worker(handle, run, tmp_path):
    wanted = replace(WRITING, n_tokens=901)
    handle.jobs.start(wanted, run.config().model)
    wait_until(lambda: handle.jobs.state(wanted).text, "the first token")
    os.kill(handle.worker_pid(), signal.SIGKILL)
    state = handle.jobs.wait(wanted, 60)
    assert isinstance(state.failure, RunError)
    assert "SIGKILL" in str(state.failure)
