"""The worker: requests in, replies out, one model at a time, and its end with its input."""

import io
import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.errors import ModelError
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.store import Store
from neuron_core.service.jobs import PromptJob
from neuron_core.service.permissions import Permissions
from neuron_core.service.process import PROJECT, WorkerProcess
from neuron_core.service.protocol import (
    REPLY,
    REQUEST,
    CancelRequest,
    Failure,
    JobEnded,
    JobRequest,
    ModelState,
    RunEnded,
    RunRequest,
    from_line,
    to_line,
)
from neuron_core.service.worker import Worker
from neuron_core.service.worker_model import WorkerModel
from tests.builders import PROMPT
from tests.run_helpers import assert_equal_results, long_config, tiny_config, wait_until

LLAMA, GPT2, ABSENT = ModelSpec("llama"), ModelSpec("gpt2"), ModelSpec("absent")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


@pytest.fixture
def log():
    return []


@pytest.fixture
def load(tiny_model, log):
    """Makes engines around the tiny models and notes when they are loaded and closed."""

    class LoggedEngine(Engine):
        def __init__(self, loaded, name):
            self.__dict__.update(vars(Engine.of(loaded)), name=name)

        def close(self):
            log.append(f"close {self.name}")
            super().close()

    def load(spec, say):
        name = os.path.basename(spec.source)
        log.append(f"load {name}")
        if name == "absent":
            raise ModelError("no such model", where="absent", accepted="llama")
        say("loading weights")
        return LoggedEngine(tiny_model(name), name)

    return load


def replies_to(requests, load):
    """What a worker says whose input ends after these requests."""
    sink = io.BytesIO()
    Worker(io.BytesIO(b"".join(map(to_line, requests))), sink, load).serve()
    return [from_line(line, REPLY) for line in sink.getvalue().splitlines()]


class LiveWorker:
    """A worker on a thread, with an input that stays open."""

    def __init__(self, load):
        (source, self._in), (out, sink) = os.pipe(), os.pipe()
        self.requests, self.replies = os.fdopen(self._in, "wb"), os.fdopen(out, "rb")
        self._sink = os.fdopen(sink, "wb")
        worker = Worker(os.fdopen(source, "rb"), self._sink, load)
        self._thread = threading.Thread(target=worker.serve)
        self._thread.start()

    def send(self, *requests):
        self.requests.write(b"".join(map(to_line, requests)))
        self.requests.flush()

    def next(self, kind):
        return next(m for m in (from_line(line, REPLY) for line in self.replies) if isinstance(m, kind))

    def close(self):
        self.requests.close()
        self._thread.join(30)
        assert not self._thread.is_alive()
        self._sink.close()
        self.replies.close()


@pytest.fixture
def live(load):
    worker = LiveWorker(load)
    yield worker
    worker.close()


def request_for(run):
    return RunRequest(run.id, str(run.path))


MESSAGES = [
    (RunRequest("r", "/tmp/r"), REQUEST),
    (CancelRequest("r"), REQUEST),
    (JobRequest(3, PromptJob("a\u2028b\nç"), replace(LLAMA, revision="x")), REQUEST),
    (ModelState(True), REPLY),
    (ModelState(False, spec=LLAMA), REPLY),
    (RunEnded("r", Failure("ModelError", "w", None, "a")), REPLY),
    (JobEnded(3, Failure("RunError", "w", "x", None)), REPLY),
]


@pytest.mark.parametrize(("message", "kind"), MESSAGES, ids=[m.kind for m, _ in MESSAGES])
def test_a_message_comes_back_from_its_one_line(message, kind):
    line = to_line(message)
    assert line.count(b"\n") == 1
    assert from_line(line, kind) == message


def test_an_error_crosses_over_with_its_class_and_parts():
    error = Failure.of(ModelError("what failed", where="there", accepted="that")).exception()
    assert type(error) is ModelError
    assert str(error) == "what failed. Where: there. Accepted: that."
    assert "ValueError: odd" in str(Failure.of(ValueError("odd")).exception())


def test_the_model_is_loaded_once_for_two_prompts(load, log, tiny_model):
    replies = replies_to([JobRequest(1, PromptJob(PROMPT), LLAMA), JobRequest(2, PromptJob(PROMPT), LLAMA)], load)
    facts, report = Engine.of(tiny_model("llama")).facts(), Engine.of(tiny_model("llama")).inspect(PROMPT)
    assert replies == [
        ModelState(False),
        ModelState(True),
        ModelState(False, facts, LLAMA),
        JobEnded(1, report=report),
        JobEnded(2, report=report),
    ]
    assert log == ["load llama"]


def test_the_old_model_goes_before_the_new_one_is_loaded(load, log):
    replies_to([JobRequest(1, PromptJob(PROMPT), LLAMA), JobRequest(2, PromptJob(PROMPT), GPT2)], load)
    assert log == ["load llama", "close llama", "load gpt2"]


def test_a_model_whose_files_have_changed_is_loaded_again_but_not_in_mid_run(load, log, checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint("llama"), tmp_path / "llama")
    adapter = shutil.copytree(checkpoint("llama"), tmp_path / "adapter")
    family = tmp_path / "family.json"
    family.write_text("{}")
    spec = ModelSpec(str(folder), adapter=str(adapter), architecture=str(family), device="cpu")
    model = WorkerModel(load, lambda _: None, lambda: None)
    model.engine(spec)
    for number, file in enumerate((folder / "config.json", adapter / "config.json", family), start=1):
        # As a backup brings it back: other bytes, as many of them, with the old time.
        state, text = file.stat(), file.read_bytes()
        file.with_suffix(".new").write_bytes(text[::-1])
        file.with_suffix(".new").replace(file)
        os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
        model.engine(spec, in_run=True)
        assert log.count("load llama") == number
        model.engine(spec)
        model.engine(spec)
        assert log.count("load llama") == number + 1


def test_a_model_that_does_not_load_is_a_reply_and_the_worker_goes_on(load):
    replies = replies_to([JobRequest(1, PromptJob(PROMPT), ABSENT), JobRequest(2, PromptJob(PROMPT), LLAMA)], load)
    failed, good = [reply for reply in replies if isinstance(reply, JobEnded)]
    assert failed == JobEnded(1, Failure("ModelError", "no such model", "absent", "llama"))
    assert good.report is not None
    assert replies[2] == ModelState(False)


def test_a_run_without_a_folder_is_a_reply(load, tmp_path):
    (reply,) = [r for r in replies_to([RunRequest("r", str(tmp_path))], load) if isinstance(r, RunEnded)]
    assert "not a run folder" in reply.failure.what


def test_a_run_whose_input_has_ended_stops_at_once_and_stays_resumable(load, store, task_file):
    run = store.create(tiny_config(task_file, "llama"))
    with pytest.raises(SystemExit):
        replies_to([request_for(run)], load)
    assert run.status().state == "interrupted"


def test_prompts_are_answered_in_mid_run_but_not_with_another_model(live, store, task_file, tiny_model):
    run = store.create(long_config(task_file, "llama"))
    same = run.config().model
    live.send(request_for(run), JobRequest(1, PromptJob(PROMPT), same), JobRequest(2, PromptJob(PROMPT), GPT2))
    assert live.next(JobEnded) == JobEnded(1, report=Engine.of(tiny_model("llama")).inspect(PROMPT))
    refused = live.next(JobEnded)
    assert (refused.number, refused.report) == (2, None)
    assert "a run is using another model" in refused.failure.what
    assert run.status().state == "running"
    assert live.next(RunEnded) == RunEnded(run.id)
    assert run.status().state == "done"


def test_a_cancelled_run_can_be_asked_for_again(live, store, task_file):
    run = store.create(long_config(task_file, "llama"))
    live.send(request_for(run), CancelRequest(run.id))
    assert live.next(RunEnded).failure.error == "Cancelled"
    assert run.status().state == "cancelled"
    live.send(request_for(run))
    assert live.next(RunEnded) == RunEnded(run.id)
    assert run.status().state == "done"


def test_cancelling_one_run_does_not_stop_another(live, store, task_file):
    run = store.create(tiny_config(task_file, "llama"))
    live.send(CancelRequest("another"), request_for(run))
    assert live.next(RunEnded) == RunEnded(run.id)


def test_what_libraries_print_or_ask_can_not_reach_the_server(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from neuron_core.service.worker import private_streams\n"
        f"source, sink = private_streams(Path({str(tmp_path / 'log')!r}))\n"
        "print('printed', flush=True); os.system('echo child'); os.write(2, b'complaint\\n')\n"
        "sink.write(source.readline() + repr(sys.stdin.read()).encode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=b"request\n", capture_output=True, cwd=PROJECT, check=True
    )
    assert done.stdout == b"request\n''"
    assert (tmp_path / "log").read_text().split() == ["printed", "child", "complaint"]


def test_the_process_ends_with_its_input_in_mid_run_and_the_run_resumes_bit_for_bit(
    store, task_file, checkpoint, tiny_model, whole_long_run, monkeypatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    run = store.create(long_config(task_file, checkpoint("llama")))
    server = str(os.getpid())
    command = [sys.executable, "-m", "neuron_core.service.worker_process", server, "--store", str(store.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT) as process:
        process.stdin.write(to_line(request_for(run)))
        process.stdin.flush()
        wait_until(lambda: len(run.evaluated()) >= 3, "three questions of the evaluation")
        process.stdin.close()
        wait_until(lambda: process.poll() is not None, "the end of the worker")
    assert process.returncode == 0
    assert run.status().state == "interrupted"
    assert 3 <= len(run.evaluated()) < 60
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    assert_equal_results(run, whole_long_run)


SERVERS = """
import os, signal, sys, time
from pathlib import Path
import psutil
from neuron_core.service.permissions import Permissions
from neuron_core.service.process import WorkerProcess
from neuron_core.service.protocol import JobRequest
from neuron_core.service.jobs import PromptJob
from neuron_core.models.spec import ModelSpec

def is_there(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

def serve(said):
    started = WorkerProcess(Path(sys.argv[1]), Permissions(), lambda _: None, lambda _: None)
    started.send(JobRequest(1, PromptJob("A"), ModelSpec()))
    os.write(said, str(started.pid).encode())
    time.sleep(60)

for wait in map(float, sys.argv[2:]):
    heard, said = os.pipe()
    server = os.fork()
    if server == 0:
        serve(said)
    worker = int(os.read(heard, 20))
    time.sleep(wait)
    there = is_there(worker)
    os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)
    began = time.monotonic()
    while is_there(worker):
        assert time.monotonic() < began + 60
        time.sleep(0.01)
    print(f"{there} {time.monotonic() - began:.2f}")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_worker_that_has_just_begun_is_gone_two_seconds_after_a_killed_server(store):
    waits = [str(0.1 * tried) for tried in range(20)]
    command = [sys.executable, "-c", SERVERS, str(store.root), *waits]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=True)
    found = [line.split() for line in done.stdout.splitlines()]
    assert [there for there, _ in found] == ["True"] * 20
    assert max(float(seconds) for _, seconds in found) < 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_worker_whose_server_is_gone_before_it_begins_does_nothing(store):
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    command = [sys.executable, "-m", "neuron_core.service.worker_process", gone.stdout.strip()]
    with subprocess.Popen([*command, "--store", str(store.root)], stdin=subprocess.PIPE, cwd=PROJECT) as process:
        wait_until(lambda: process.poll() is not None, "the end of the worker")
    assert process.returncode == 0
    assert not store.root.exists()


def test_a_worker_stays_when_the_thread_that_asked_for_it_has_ended(store):
    """The kernel ends a worker with the thread that started it; pages are drawn by threads that end at once."""
    replies: list = []
    made: list[WorkerProcess] = []
    asking = threading.Thread(
        target=lambda: made.append(WorkerProcess(store.root, Permissions(), replies.append, replies.append))
    )
    asking.start()
    asking.join()
    wait_until(lambda: replies, "the worker's first word")
    assert replies == [ModelState(loading=False)]
    made[0].end_input()
    wait_until(lambda: len(replies) == 2, "the worker's end")
    assert replies[1] == "exit code 0"


def test_a_process_that_can_not_be_started_says_so(store, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(FileNotFoundError):
        WorkerProcess(store.root, Permissions(), print, print)


def test_a_line_that_is_no_request_ends_the_worker(load, monkeypatch):
    caught = []
    monkeypatch.setattr(threading, "excepthook", caught.append)
    source = io.BytesIO(to_line(JobRequest(1, PromptJob(PROMPT), ABSENT)) + b"hello\n" + to_line(RunRequest("r", "r")))
    sink = io.BytesIO()
    Worker(source, sink, load).serve()
    assert b"no such model" in sink.getvalue()
    assert b'"kind": "ended"' not in sink.getvalue()
    wait_until(lambda: caught, "the thread's complaint")
    assert caught[0].exc_type is json.JSONDecodeError
