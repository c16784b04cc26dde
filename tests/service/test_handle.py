"""The handle, with real worker processes and a tiny model."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from neuron_core.errors import LetterError, ModelError, RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import EvaluationConfig, RunConfig
from neuron_core.runs.run_folder import RunStatus
from neuron_core.runs.store import Store
from neuron_core.service.handle import EngineHandle
from neuron_core.service.process import PROJECT
from tests.builders import OTHER_PROMPT, PROMPT
from tests.run_helpers import assert_equal_results, long_config, tiny_config, wait_until, written


@pytest.fixture(scope="module", autouse=True)
def one_thread_in_workers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def handle(tmp_path_factory):
    """One for all tests: a worker takes seconds to start."""
    handle = EngineHandle(Store(tmp_path_factory.mktemp("runs")))
    yield handle
    handle.close()


@pytest.fixture
def idle(handle):
    """The handle with nothing to do, whatever the test before left."""
    wait_until(lambda: handle.active() is None and not handle.queued(), "an idle handle")
    return handle


@pytest.fixture(scope="module")
def config(task_file, checkpoint):
    return long_config(task_file, checkpoint("llama"))


def in_mid_run(handle, run_id, n=3):
    run = handle.store.open(run_id)
    wait_until(lambda: len(run.evaluated()) >= n, f"{n} questions of the evaluation")
    assert handle.status(run_id).state == "running"
    return run


def end_of(handle, run_id):
    return [*handle.stream(run_id)][-1]


def cancel_in_time(handle, run_id):
    began = time.monotonic()
    handle.cancel(run_id)
    assert time.monotonic() - began < 2
    status = handle.status(run_id)
    assert status.state == "cancelled", status.message


def test_importing_the_handle_imports_neither_torch_nor_streamlit():
    code = (
        "import sys, neuron_core.service.handle\n"
        "print([m for m in ('torch', 'transformers', 'streamlit') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], cwd=PROJECT, text=True).strip() == "[]"


def test_a_handle_starts_no_process_before_it_is_needed(tmp_path):
    handle = EngineHandle(Store(tmp_path))
    assert (handle.worker_pid(), handle.model(), handle.loading(), handle.active()) == (
        None,
        None,
        False,
        None,
    )
    handle.close()


def test_a_submitted_run_is_seen_from_queue_to_done(idle, config, whole_long_run):
    run_id = idle.submit(config)
    assert idle.active() == run_id
    first = idle.status(run_id)
    assert (first.state, first.stage) == ("running", "loading")
    seen = list(idle.stream(run_id))
    assert {status.stage for status in seen} >= {"loading", "evaluation"}
    assert (seen[-1].state, seen[-1].done, seen[-1].total) == ("done", 60, 60)
    assert idle.active() is None
    assert idle.loading() is False
    assert idle.model().architecture == "llama"
    assert idle.model() == idle.store.open(run_id).setting().model
    assert_equal_results(idle.store.open(run_id), whole_long_run)


def test_a_run_cancelled_in_the_middle_keeps_its_questions_and_resumes_bit_for_bit(idle, config, whole_long_run):
    pid = idle.worker_pid()
    run_id = idle.submit(config)
    run = in_mid_run(idle, run_id)
    cancel_in_time(idle, run_id)
    kept = written(run)
    assert 3 <= len(run.evaluated()) < 60
    assert idle.worker_pid() == pid
    idle.resume(run_id)
    assert end_of(idle, run_id).state == "done"
    assert kept.items() <= written(run).items()
    assert_equal_results(run, whole_long_run)


def test_a_worker_that_does_not_answer_is_ended_and_the_run_cancelled_in_time(idle, config):
    run_id = idle.submit(config)
    run = in_mid_run(idle, run_id)
    pid = idle.worker_pid()
    os.kill(pid, signal.SIGSTOP)
    cancel_in_time(idle, run_id)
    assert idle.worker_pid() is None
    assert idle.model() is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert 3 <= len(run.evaluated()) < 60


def test_a_run_cancelled_while_worker_and_model_load_is_cancelled_in_time(idle, config, whole_long_run):
    idle.unload()
    assert (idle.worker_pid(), idle.model()) == (None, None)
    run_id, waiting = idle.submit(config), idle.submit(config)
    assert idle.loading() is True
    cancel_in_time(idle, run_id)
    assert idle.store.open(run_id).scored() == set()
    assert end_of(idle, waiting).state == "done"
    assert_equal_results(idle.store.open(waiting), whole_long_run)


def test_a_killed_worker_leaves_an_interrupted_run_that_resumes_bit_for_bit(idle, config, whole_long_run):
    run_id = idle.submit(config)
    run = in_mid_run(idle, run_id)
    os.kill(idle.worker_pid(), signal.SIGKILL)
    wait_until(lambda: idle.status(run_id).state == "interrupted", "the run to be seen as interrupted")
    wait_until(lambda: idle.active() is None, "the handle to see the end of the worker")
    assert "SIGKILL" in idle.status(run_id).message
    idle.resume(run_id)
    assert end_of(idle, run_id).state == "done"
    assert_equal_results(run, whole_long_run)


def test_runs_wait_for_each_other_and_a_waiting_one_can_be_cancelled(idle, config, whole_long_run):
    first, second, third = idle.submit(config), idle.submit(config), idle.submit(config)
    assert (idle.active(), idle.queued()) == (first, (second, third))
    assert idle.status(third).state == "queued"
    cancel_in_time(idle, second)
    assert idle.queued() == (third,)
    assert idle.active() == first
    assert end_of(idle, third).state == "done"
    assert idle.status(first).state == "done"
    assert idle.status(second).state == "cancelled"
    assert_equal_results(idle.store.open(third), whole_long_run)
    cancel_in_time(idle, second)
    idle.resume(second)
    assert end_of(idle, second).state == "done"


def test_prompts_are_answered_in_mid_run_with_the_quiet_numbers(idle, config, whole_long_run):
    spec = config.model
    quiet = {prompt: idle.inspect(prompt, spec) for prompt in (PROMPT, OTHER_PROMPT)}
    assert quiet[PROMPT] != quiet[OTHER_PROMPT]
    run_id = idle.submit(config)
    in_mid_run(idle, run_id, 1)
    with ThreadPoolExecutor(4) as pool:
        asked = [PROMPT, OTHER_PROMPT] * 8
        found = list(pool.map(lambda prompt: idle.inspect(prompt, spec), asked))
    assert idle.status(run_id).state == "running"
    assert found == [quiet[prompt] for prompt in asked]
    assert end_of(idle, run_id).state == "done"
    assert idle.inspect(PROMPT, spec) == quiet[PROMPT]
    assert_equal_results(idle.store.open(run_id), whole_long_run)


def test_what_a_busy_model_can_not_do_is_refused(idle, config, checkpoint):
    run_id = idle.submit(config)
    in_mid_run(idle, run_id, 1)
    with pytest.raises(RunError, match="another model"):
        idle.inspect(PROMPT, ModelSpec(str(checkpoint("gpt2")), device="cpu"))
    with pytest.raises(RunError, match="in use"):
        idle.unload()
    with pytest.raises(RunError, match="the run is running"):
        idle.resume(run_id)
    with pytest.raises(RunError, match="the run is running"):
        idle.evaluate(run_id, EvaluationConfig(examples=2))
    cancel_in_time(idle, run_id)


def test_another_model_takes_the_place_of_the_one_before(idle, checkpoint, config):
    other = ModelSpec(str(checkpoint("gpt2")), device="cpu")
    assert idle.inspect(PROMPT, other).letter_tokens == (" A", " B", " C", " D")
    assert idle.model().architecture == "gpt2"
    assert idle.model(other) == idle.model()
    # A model of the same title need not be the same.
    assert idle.model(replace(other, dtype="bfloat16")) is None
    idle.inspect(PROMPT, config.model)
    assert idle.model().architecture == "llama"


def test_errors_of_a_prompt_keep_their_class(idle, config):
    with pytest.raises(ModelError, match="the prompt has"):
        idle.inspect("word " * 600 + PROMPT, config.model)
    with pytest.raises(LetterError, match="the letter A"):
        idle.inspect("Answer: ", config.model)
    with pytest.raises(ModelError, match="config"):
        idle.inspect(PROMPT, ModelSpec(str(PROJECT / "assets")))
    assert idle.loading() is False


def test_a_run_without_its_task_file_or_model_fails_with_the_reason(idle, config, tmp_path):
    missing = idle.submit(RunConfig(task=str(tmp_path / "gone.jsonl"), model=config.model))
    assert "the task file of this run is not there" in end_of(idle, missing).message
    assert idle.status(missing).state == "failed"
    no_model = idle.submit(tiny_config(config.task, tmp_path))
    assert "config.json" in end_of(idle, no_model).message
    assert idle.status(no_model).state == "failed"


def test_a_run_whose_folder_is_spoilt_before_it_starts_fails_and_the_next_one_runs(idle, config, task_file):
    first, spoilt = idle.submit(config), idle.submit(config)
    last = idle.submit(tiny_config(task_file, config.model.source))
    (idle.store.open(spoilt).path / "config.json").write_text('{"task": 5}')
    cancel_in_time(idle, first)
    assert end_of(idle, last).state == "done"
    assert idle.status(spoilt).state == "failed"
    assert "config is wrong" in idle.status(spoilt).message


def test_a_finished_run_gets_another_evaluation_and_keeps_its_attribution(idle, whole_long_run, config, task_file):
    run_id = idle.submit(tiny_config(task_file, config.model.source, evaluation=None))
    assert end_of(idle, run_id).state == "done"
    run, kept = idle.store.open(run_id), written(idle.store.open(run_id))
    idle.evaluate(run_id, config.evaluation)
    assert end_of(idle, run_id).state == "done"
    assert kept.items() <= written(run).items()
    assert_equal_results(run, whole_long_run)


def test_a_finished_run_is_not_resumed_and_an_unknown_one_is_named(idle, task_file, config):
    run_id = idle.submit(tiny_config(task_file, config.model.source))
    done = end_of(idle, run_id)
    with pytest.raises(RunError, match="the run is done"):
        idle.resume(run_id)
    for call in (idle.status, idle.resume, idle.cancel):
        with pytest.raises(RunError, match="no run is called 'nothing'"):
            call("nothing")
    idle.cancel(run_id)
    assert idle.status(run_id) == done


def test_a_queued_run_of_another_server_shows_as_interrupted_and_can_be_resumed(idle, task_file, config):
    run = idle.store.create(tiny_config(task_file, config.model.source))
    assert run.status().state == "queued"
    assert idle.status(run.id).state == "interrupted"
    idle.resume(run.id)
    assert end_of(idle, run.id).state == "done"


def test_a_run_that_another_process_works_on_is_left_alone(idle, task_file, config):
    run = idle.store.create(tiny_config(task_file, config.model.source))
    with run.held():
        run.write_status(RunStatus("running", "attribution"))
        with pytest.raises(RunError, match="another process"):
            idle.cancel(run.id)
        with pytest.raises(RunError, match="the run is running"):
            idle.resume(run.id)
    assert idle.status(run.id).state == "interrupted"


def test_a_worker_that_dies_fails_the_prompt_it_was_asked(idle, config):
    idle.inspect(PROMPT, config.model)
    os.kill(idle.worker_pid(), signal.SIGSTOP)
    caught = []

    def ask():
        with pytest.raises(RunError) as error:
            idle.inspect(PROMPT, config.model)
        caught.append(str(error.value))

    thread = threading.Thread(target=ask)
    thread.start()
    wait_until(lambda: idle._worker.prompts.going(), "the prompt to be on its way")
    os.kill(idle.worker_pid(), signal.SIGKILL)
    thread.join(30)
    assert "SIGKILL" in caught[0]
    assert "worker.log" in caught[0]


def test_closing_ends_the_worker_in_mid_run_and_its_runs_show_as_interrupted(tmp_path, config):
    store = Store(tmp_path / "runs")
    handle = EngineHandle(store)
    run_id, waiting = handle.submit(config), handle.submit(config)
    run, pid = in_mid_run(handle, run_id), handle.worker_pid()
    handle.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(RunError, match="closed"):
        handle.submit(config)
    assert 3 <= len(run.evaluated()) < 60
    after_restart = EngineHandle(store)
    assert after_restart.status(run_id).state == after_restart.status(waiting).state == "interrupted"
    after_restart.close()
