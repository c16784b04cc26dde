"""What visitors may do: refused by the handle and by the worker, whatever a page, a link or a request asks for."""

import http.client
import io
import socket
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from neuron_core.control.findings import Steering
from neuron_core.errors import ConfigError, RunError, TaskError
from neuron_core.models.spec import ModelSpec
from neuron_core.paths import APP_FOLDER
from neuron_core.qatt.config import PromptConfig
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig, SetUse
from neuron_core.runs.run_folder import RunStatus
from neuron_core.runs.store import Store
from neuron_core.service.handle import RESUMABLE, EngineHandle
from neuron_core.service.job_table import JobTable
from neuron_core.service.jobs import LengthsJob, NeuronJob, PromptJob, WritingJob
from neuron_core.service.owner import EVALUATE, OWNER
from neuron_core.service.passwords import TRIES, WINDOW_S, Gate
from neuron_core.service.permissions import ACTIONS, MOST_WAITING, Permissions, is_loopback, permissions
from neuron_core.service.process import without_secrets
from neuron_core.service.protocol import (
    REPLY,
    DropRequest,
    JobEnded,
    JobRequest,
    Request,
    RunRequest,
    from_line,
    to_line,
)
from neuron_core.service.trust import TRIES as WORDS
from neuron_core.service.trust import Trust
from neuron_core.service.worker import Worker

# A model that the server names is allowed as it is: without an adapter, a family's file, fewer bits.
NAMED = {"NEURONLLM_MODELS": "named/model"}
DEMO = permissions(loopback=True, environment={"NEURONLLM_DEMO_MODE": "1", **NAMED})
SHARED = permissions(loopback=False, environment=NAMED)
MODELS = ["some/model", "/some/model.gguf", "."]


@pytest.fixture(params=[DEMO, SHARED], ids=["demo", "shared"])
def handle(request, tmp_path):
    made = EngineHandle(Store(tmp_path / "runs"), request.param)
    yield made
    made.close()


def refused_configs(folder: Path) -> list[RunConfig]:
    own = RunConfig("ner", evaluation=EvaluationConfig())
    balanced = EvaluationConfig(sample="balanced", comprehended_by=ModelSpec("/other"))
    foreign = SetUse(str(folder / "set.json"), "a")
    return [
        *(replace(own, model=ModelSpec(name)) for name in MODELS),
        replace(own, model=ModelSpec(trust_remote_code=True)),
        replace(own, model=ModelSpec(adapter="/some/adapter")),
        replace(own, model=ModelSpec(adapter="none")),
        replace(own, model=ModelSpec("named/model", load_in_4bit=True)),
        replace(own, model=ModelSpec("named/model", load_in_8bit=True)),
        # Whoever has an account on the hub can offer one.
        replace(own, model=ModelSpec("named/model", "refs/pr/1")),
        replace(own, model=ModelSpec("https://huggingface.co/named/model/tree/other")),
        replace(own, model=ModelSpec(architecture="/some/family.py")),
        replace(own, model=ModelSpec(architecture="/some/family.json")),
        replace(own, task="/etc/passwd"),
        replace(own, task="../../etc/passwd"),
        replace(own, task="hub:sst"),
        replace(own, evaluation=balanced),
        replace(own, attribution=AttributionConfig(methods=()), sets=(foreign,)),
    ]


def test_no_other_model_path_hub_or_code_goes_into_a_run(handle, tmp_path):
    for config in refused_configs(tmp_path):
        with pytest.raises((RunError, TaskError), match="allow"):
            handle.submit(config)
    assert handle.store.runs() == []
    assert handle.worker_pid() is None


def test_a_run_made_elsewhere_is_not_resumed_past_the_list(handle, tmp_path):
    for config in refused_configs(tmp_path):
        if config.sets or config.evaluation.comprehended_by:
            continue
        run = handle.store.create(config)
        for call in (handle.resume, lambda name: handle.evaluate(name, EvaluationConfig(examples=2))):
            with pytest.raises((RunError, TaskError), match="allow"):
                call(run.id)


def test_nothing_of_others_is_deleted_renamed_cancelled_or_unloaded(handle):
    run = handle.store.create(RunConfig("ner"))
    run.write_status(RunStatus("done"))
    token = OWNER.set("a visitor")
    try:
        calls = (handle.delete, handle.cancel, lambda name: handle.rename(name, "mine"), lambda _: handle.unload())
        for call in calls:
            with pytest.raises(RunError, match="does not allow"):
                call(run.id)
    finally:
        OWNER.reset(token)
    assert run.path.exists()
    assert run.label() == ""


def as_visitor(name, act, *what):
    """What a session of the app with this name does."""
    token = OWNER.set(name)
    try:
        return act(*what)
    finally:
        OWNER.reset(token)


LARGE = [
    (AttributionConfig(steps=4000), None),
    (AttributionConfig(examples=10**6), None),
    (AttributionConfig(), EvaluationConfig(examples=10**6)),
    (AttributionConfig(), EvaluationConfig(ks=tuple(range(1, 1000)))),
    (AttributionConfig(), EvaluationConfig(random_seeds=1000)),
]


@pytest.mark.parametrize(
    ("attribution", "evaluation"), LARGE, ids=["steps", "examples", "evaluated", "budgets", "random"]
)
def test_a_visitor_starts_no_run_without_an_end(handle, monkeypatch, attribution, evaluation):
    monkeypatch.setattr(EngineHandle, "_send_next", lambda _: None)
    config = RunConfig("ner", attribution=attribution, evaluation=evaluation)
    with pytest.raises(RunError, match=r"does not allow a run of .*large"):
        handle.submit(config)
    assert handle.store.runs() == []
    if evaluation is not None:
        own = as_visitor("a visitor", handle.submit, RunConfig("ner", evaluation=EvaluationConfig()))
        as_visitor("a visitor", handle.cancel, own)
        with pytest.raises(RunError, match="does not allow a run of"):
            as_visitor("a visitor", handle.evaluate, own, evaluation)


def test_visitors_do_not_fill_the_queue_without_end(handle, monkeypatch):
    monkeypatch.setattr(EngineHandle, "_send_next", lambda _: None)
    for _ in range(MOST_WAITING):
        last = as_visitor("a visitor", handle.submit, RunConfig("ner"))
    with pytest.raises(RunError, match="lets no more wait"):
        handle.submit(RunConfig("ner"))
    as_visitor("a visitor", handle.cancel, last)
    handle.submit(RunConfig("ner"))
    monkeypatch.setattr(handle, "permissions", Permissions())
    handle.submit(RunConfig("ner"))


def test_an_evaluation_of_others_is_not_replaced_but_ones_own_is(handle, monkeypatch):
    monkeypatch.setattr(EngineHandle, "_send_next", lambda _: None)
    theirs = handle.store.create(RunConfig("ner", evaluation=EvaluationConfig(ks=(7,))))
    theirs.write_status(RunStatus("done"))
    with pytest.raises(RunError, match="does not allow replacing the evaluation"):
        as_visitor("a visitor", handle.evaluate, theirs.id, EvaluationConfig())
    assert theirs.pending() is None
    assert theirs.config().evaluation.ks == (7,)

    own = as_visitor("a visitor", handle.submit, RunConfig("ner", evaluation=EvaluationConfig(ks=(7,))))
    as_visitor("a visitor", handle.cancel, own)
    as_visitor("a visitor", handle.evaluate, own, EvaluationConfig())
    as_visitor("a visitor", handle.cancel, own)
    with pytest.raises(RunError, match="does not allow replacing the evaluation"):
        as_visitor("another", handle.evaluate, own, EvaluationConfig())


@pytest.mark.parametrize("state", RESUMABLE)
def test_a_run_of_others_is_neither_resumed_nor_repaired_but_ones_own_is(handle, monkeypatch, state):
    monkeypatch.setattr(EngineHandle, "_send_next", lambda _: None)
    theirs = as_visitor("another", handle.submit, RunConfig("ner"))
    as_visitor("another", handle.cancel, theirs)
    earlier = handle.store.create(RunConfig("ner")).id
    for run_id in (theirs, earlier):
        run = handle.store.inside(run_id)
        run.write_status(RunStatus(state))
        for act in (handle.resume, handle.repair, lambda name: handle.evaluate(name, EvaluationConfig())):
            with pytest.raises(RunError, match="does not allow resuming or repairing a run that somebody else began"):
                as_visitor("a visitor", act, run_id)
            with pytest.raises(RunError, match="does not allow resuming"):
                act(run_id)
        assert run.status().state == state
        assert handle.queued() == ()
        assert all(as_visitor("a visitor", handle.why_not, action, run) for action in ("resume", EVALUATE))
    assert as_visitor("another", handle.why_not, "resume", handle.store.inside(theirs)) == ""
    assert as_visitor("another", handle.repair, theirs) == []
    as_visitor("another", handle.resume, theirs)
    assert handle.queued() == (theirs,)


def test_resuming_runs_of_others_can_be_allowed_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(EngineHandle, "_send_next", lambda _: None)
    allowed = permissions(loopback=False, environment={"NEURONLLM_ALLOW": "resume"})
    handle = EngineHandle(Store(tmp_path / "runs"), allowed)
    run = handle.store.create(RunConfig("ner"))
    as_visitor("a visitor", handle.resume, run.id)
    assert handle.queued() == (run.id,)
    handle.close()


def test_the_worker_refuses_a_run_of_others_and_takes_ones_own(handle, tmp_path):
    # Its model is what is refused next.
    run = handle.store.create(RunConfig("ner", model=ModelSpec("/some/model")))
    path = str(run.path.resolve())
    refused, unsaid, own = answers(
        handle.store.root,
        handle.permissions,
        RunRequest(run.id, path, of_others=True),
        RunRequest(run.id, path),
        RunRequest(run.id, path, of_others=False),
    )
    assert "does not allow resuming" in refused.failure.what
    assert "does not allow resuming" in unsaid.failure.what
    assert "does not allow this model" in own.failure.what


def test_what_a_page_is_told_is_what_the_handle_refuses(handle):
    run = handle.store.create(RunConfig("ner", evaluation=EvaluationConfig()))
    run.write_status(RunStatus("interrupted"))
    calls = {
        "delete": handle.delete,
        "rename": lambda name: handle.rename(name, "mine"),
        "cancel": handle.cancel,
        "resume": handle.resume,
        "unload": lambda _: handle.unload(),
        EVALUATE: lambda name: handle.evaluate(name, EvaluationConfig()),
    }
    for action, call in calls.items():
        with pytest.raises(RunError) as refused:
            as_visitor("a visitor", call, run.id)
        assert as_visitor("a visitor", handle.why_not, action, run) == refused.value.what


@pytest.mark.parametrize("allowed", [DEMO, SHARED], ids=["demo", "shared"])
def test_a_job_that_others_asked_for_is_not_stopped(allowed):
    sent = []

    def send(spec, make):
        sent.append(make(len(sent)))
        return len(sent) - 1

    def stopped():
        return sum(isinstance(one, DropRequest) for one in sent)

    jobs = JobTable(threading.Condition(), send, sent.append, permissions=allowed)
    job = WritingJob("A", Steering((), ()), 3)
    as_visitor("first", jobs.start, job, ModelSpec())
    with pytest.raises(RunError, match="does not allow stopping"):
        as_visitor("second", jobs.cancel, job)
    as_visitor("second", jobs.start, job, ModelSpec())
    with pytest.raises(RunError, match="does not allow stopping"):
        as_visitor("first", jobs.cancel, job)
    assert stopped() == 0
    assert "does not allow stopping" in as_visitor("first", jobs.why_not_cancel, job)
    jobs.change(0, ended=True)
    as_visitor("second", jobs.start, job, ModelSpec())
    as_visitor("second", jobs.cancel, job)
    assert stopped() == 1


def test_visitors_do_not_fill_the_worker_with_jobs_without_end():
    sent = []

    def send(spec, make):
        sent.append(make(len(sent)))
        return len(sent) - 1

    for allowed, refused in ((DEMO, True), (Permissions(), False)):
        sent.clear()
        jobs = JobTable(threading.Condition(), send, sent.append, permissions=allowed)
        texts = [WritingJob(f"A{n}", Steering((), ()), 3) for n in range(MOST_WAITING + 1)]
        for job in texts[:-1]:
            jobs.start(job, ModelSpec())
        with pytest.raises(RunError, match="20 jobs are waiting") if refused else nullcontext():
            jobs.start(texts[-1], ModelSpec())
        assert len(sent) == MOST_WAITING + (not refused)
        # One that is going already is no further one.
        jobs.start(texts[0], ModelSpec())
        jobs.change(0, ended=True)
        jobs.start(texts[-1], ModelSpec())
        assert jobs.state(texts[-1]) is not None


def test_a_prompt_longer_than_any_context_does_not_reach_the_worker():
    with pytest.raises(ConfigError, match="characters"):
        PromptJob("A" * 4_000_001)
    with pytest.raises(ConfigError, match="characters"):
        WritingJob("A" * 4_000_001, Steering((), ()), 3)
    for part in ("role", "rule", "stem"):
        with pytest.raises(ConfigError, match=part):
            PromptConfig(**{part: "A" * 100_001})


def test_prompts_and_jobs_ask_for_no_other_model_and_for_no_file_outside(handle, tmp_path):
    run = handle.store.create(RunConfig("ner"))
    inside = str(run.path / "neurons")
    with pytest.raises(RunError, match="does not allow this model"):
        handle.inspect("A", ModelSpec("/some/model"))
    for job in (
        NeuronJob("tokens", "/etc", inside, 0, 0),
        NeuronJob("tokens", str(run.path), str(tmp_path / "elsewhere"), 0, 0),
        LengthsJob("/etc/passwd", inside),
        LengthsJob("ner", str(tmp_path / "elsewhere" / "x.json")),
    ):
        with pytest.raises(RunError, match="does not allow"):
            handle.jobs.start(job, ModelSpec())
    assert handle.worker_pid() is None


def answers(store: Path, allowed: Permissions, *requests: Request) -> list:
    """What a worker says to these lines, whoever wrote them."""
    sink = io.BytesIO()

    def load(spec, say):
        raise AssertionError("a model was loaded")

    Worker(io.BytesIO(b"".join(map(to_line, requests))), sink, load, allowed, store).serve()
    return [from_line(line, REPLY) for line in sink.getvalue().splitlines()][1:]


@pytest.mark.parametrize("allowed", [DEMO, SHARED], ids=["demo", "shared"])
def test_the_worker_refuses_what_the_handle_would(allowed, tmp_path):
    store = Store(tmp_path / "runs")
    requests: list[Request] = [
        JobRequest(1, PromptJob("A"), ModelSpec("/some/model")),
        JobRequest(2, NeuronJob("tokens", "/etc", "/etc", 0, 0), ModelSpec()),
        JobRequest(3, LengthsJob("/etc/passwd", "/etc/x"), ModelSpec()),
    ]
    for config in refused_configs(tmp_path):
        if not config.sets:
            run = store.create(config)
            requests.append(RunRequest(run.id, str(run.path)))
    outside = Store(tmp_path / "outside").create(RunConfig("ner"))
    requests.append(RunRequest(outside.id, str(outside.path)))
    found = [one for one in answers(store.root, allowed, *requests) if getattr(one, "failure", None)]
    assert len(found) == len(requests)
    assert all("allow" in one.failure.what or "only runs of the store" in one.failure.what for one in found)


CODE = [ModelSpec("some/model", trust_remote_code=True), ModelSpec("some/model", architecture="/some/family.py")]


@pytest.mark.parametrize("spec", CODE)
@pytest.mark.parametrize("allowed", [Permissions(), DEMO, SHARED])
def test_code_of_a_model_needs_a_word_in_every_mode(allowed, spec, tmp_path):
    handle = EngineHandle(Store(tmp_path), allowed)
    with pytest.raises(RunError, match=r"word|does not allow"):
        handle.submit(RunConfig("ner", model=spec))
    with pytest.raises(RunError, match=r"word|does not allow"):
        handle.inspect("A", spec)
    assert handle.worker_pid() is None
    (answer,) = answers(tmp_path, allowed, JobRequest(1, LengthsJob("ner", str(tmp_path / "x")), spec))
    assert isinstance(answer, JobEnded)
    assert answer.failure is not None
    handle.close()


def test_a_word_is_printed_for_one_model_and_good_once():
    said: list[str] = []
    trust, spec, other = Trust(said.append), ModelSpec("some/model"), ModelSpec("some/model", "main")
    trust.ask(spec)
    trust.ask(spec)
    assert len(said) == 1
    word = said[0].rsplit(" ", 1)[1]
    with pytest.raises(RunError, match="no word was printed"):
        trust.confirm(other, word)
    trust.confirm(spec, f" {word.upper()} ")
    assert trust.has(spec)
    assert not trust.has(other)
    with pytest.raises(RunError, match="no word was printed"):
        trust.confirm(spec, word)


def test_a_word_is_void_after_five_wrong_ones_and_a_name_can_not_write_to_the_terminal():
    said: list[str] = []
    trust, spec = Trust(said.append), ModelSpec("some\n\x1b[2Jmodel")
    trust.ask(spec)
    assert said[0].isprintable()
    word = said[0].rsplit(" ", 1)[1]
    for _ in range(WORDS):
        with pytest.raises(RunError, match="word"):
            trust.confirm(spec, "wrong")
    with pytest.raises(RunError, match="no word was printed"):
        trust.confirm(spec, word)
    assert not trust.has(spec)


def test_runs_open_by_their_id_alone(tmp_path):
    store = Store(tmp_path / "runs")
    run, outside = store.create(RunConfig("ner")), Store(tmp_path / "outside").create(RunConfig("ner"))
    (store.root / "link").symlink_to(outside.path)
    handle = EngineHandle(store)
    names = [str(outside.path), f"../outside/{outside.id}", "link", "..", "", "x" * 5000, "a\0b", f"./{run.id}", "~"]
    for name in names:
        with pytest.raises(RunError, match="no run is called"):
            handle.status(name)
        with pytest.raises(RunError, match="no run is called"):
            handle.delete(name)
    assert handle.status(run.id).state == "interrupted"
    assert [one.id for one in store.runs()] == [run.id]
    handle.close()


def test_a_revision_of_a_model_is_allowed_where_it_is_named():
    allowed = permissions(loopback=False, environment={"NEURONLLM_MODELS": "a/b@v1, /models/x@y"})
    assert allowed.sources == ("/models/x@y", "a/b", "embedded", "embedded-plain")
    allowed.check_model(ModelSpec("a/b", "v1"))
    allowed.check_model(ModelSpec("/models/x@y"))
    for spec in (ModelSpec("a/b"), ModelSpec("a/b", "v2"), ModelSpec("/models/x", "y2"), ModelSpec("embedded", "v1")):
        with pytest.raises(RunError, match="does not allow this model"):
            allowed.check_model(spec)
    assert allowed.revisions
    assert not permissions(loopback=False, environment={"NEURONLLM_MODELS": "a/b, /models/x@y"}).revisions


def test_what_is_allowed_is_named_and_what_is_no_name_is_refused():
    allowed = permissions(loopback=False, environment={"NEURONLLM_ALLOW": "delete, upload", "NEURONLLM_MODELS": "a/b"})
    assert allowed.actions == {"delete", "upload"}
    allowed.check_model(ModelSpec("a/b"))
    with pytest.raises(RunError, match="does not allow this model"):
        allowed.check_model(ModelSpec("a/c"))
    assert permissions(loopback=True, environment={}).actions == set(ACTIONS)
    with pytest.raises(ConfigError, match="names 'fly'"):
        permissions(loopback=False, environment={"NEURONLLM_ALLOW": "fly"})
    assert all(map(is_loopback, ("127.0.0.1", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "example.org", "", None)))


def test_a_password_is_guessed_ten_times_a_minute_at_most():
    clock = [0.0]
    gate = Gate("right", lambda: clock[0])
    gate.check("right")
    for _ in range(TRIES):
        with pytest.raises(RunError, match="not the password"):
            gate.check("wrong")
    with pytest.raises(RunError, match="too many"):
        gate.check("right")
    clock[0] += WINDOW_S
    gate.check("right")
    assert not Gate("").is_set


def test_the_worker_is_not_told_the_password():
    assert without_secrets({"NEURONLLM_PASSWORD": "secret", "HOME": "/"}) == {"HOME": "/"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The app on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    process = subprocess.Popen(command, cwd=APP_FOLDER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if asked(port, "/_stcore/health", {}) == 200:
                    break
            except OSError:
                time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def asked(port: int, path: str, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


HOSTS = [
    ("127.0.0.1:{port}", "http://127.0.0.1:{port}", True),
    ("localhost:{port}", "http://localhost:{port}", True),
    ("[::1]:{port}", "http://[::1]:{port}", True),
    ("evil.example", "http://evil.example", False),
    ("evil.example:{port}", "http://evil.example:{port}", False),
    ("127.0.0.1.evil.example", "http://127.0.0.1.evil.example", False),
    ("evil.example@127.0.0.1", "http://evil.example", False),
    ("", "http://evil.example", False),
]
# The page, one of its scripts by any name, what Streamlit answers itself, an upload, a file of the media store.
PATHS = ["/", "/runs", "/static/js/index.js", "/_stcore/health", "/_stcore/host-config", "/media/x.png", "/favicon.png"]


@pytest.mark.parametrize(("host", "origin", "known"), [*HOSTS, ("127.0.0.1:{port}", "http://evil.example", False)])
def test_a_web_page_of_another_name_gets_no_connection_to_the_app(server, host, origin, known):
    headers = {"Host": host.format(port=server), "Origin": origin.format(port=server), **UPGRADE}
    assert asked(server, "/_stcore/stream", headers) == (101 if known else 403)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("host", "origin", "known"), HOSTS)
def test_no_request_is_answered_for_another_host_name(server, path, host, origin, known):
    status = asked(server, path, {"Host": host.format(port=server)})
    assert (status != 421) is known


@pytest.mark.parametrize(
    "names", [[], ["127.0.0.1", "evil.example"], ["evil.example", "127.0.0.1"]], ids=["none", "own first", "own last"]
)
def test_a_request_with_two_host_names_or_none_gets_no_page(server, names):
    lines = ["GET / HTTP/1.1" if names else "GET / HTTP/1.0", *(f"Host: {name}" for name in names), "Connection: close"]
    with socket.create_connection(("127.0.0.1", server), 20) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert answer.split()[1] in ("400", "421")
    assert "<html" not in answer


def test_the_refusal_of_a_host_name_says_what_to_do(server):
    connection = http.client.HTTPConnection("127.0.0.1", server, timeout=20)
    connection.request("GET", "/", headers={"Host": "evil.example<script>"})
    answer = connection.getresponse()
    said = answer.read().decode()
    connection.close()
    assert (answer.status, answer.headers["content-type"]) == (421, "text/plain; charset=utf-8")
    assert "NEURONLLM_HOSTS" in said
    assert "evil" not in said
