"""The worker: a process that has one engine and carries out the requests of a handle, one at a time.

Requests arrive as lines on standard input. A thread reads them. It notes cancellations at once and queues all other
requests for the main thread, which does the work. Replies are lines on a private copy of standard output. What
libraries print goes to a log. When the input ends, the server has ended, and the worker ends before the next question.
"""

import argparse
import faulthandler
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, BinaryIO

from neuron_core.errors import RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import default_root
from neuron_core.service.job_steps import length_steps, steps_of
from neuron_core.service.job_turns import JobTurns
from neuron_core.service.jobs import LengthsJob, PromptJob
from neuron_core.service.permissions import Permissions
from neuron_core.service.protocol import (
    REQUEST,
    WORKER_LOG,
    CancelRequest,
    DropRequest,
    Failure,
    JobEnded,
    JobRequest,
    Reply,
    Request,
    RunEnded,
    RunRequest,
    from_line,
    to_line,
)
from neuron_core.service.worker_model import Load, WorkerModel, load_engine

if TYPE_CHECKING:
    from neuron_core.engine.engine import Engine

LAST_S = 1.5
"how long a worker may work on after its server has ended"
SLICE_S = 0.3
"how long steps of jobs may take between two questions of a run"


class Worker:
    """Carries out the requests that it reads from `source`, and writes replies to `sink`, until the input ends."""

    def __init__(
        self,
        source: BinaryIO,
        sink: BinaryIO,
        load: Load = load_engine,
        permissions: Permissions | None = None,
        store: Path | None = None,
        on_gone: Callable[[], None] = lambda: None,
    ) -> None:
        """load: makes the engine of a model. permissions: what requests may ask for; None allows everything. store: the
        folder of runs. on_gone: called once, by the reading thread, when the server has ended.
        """
        self._permissions, self._store, self._on_gone = permissions, store or default_root(), on_gone
        self._source, self._sink = source, sink
        self._inbox: SimpleQueue[Request | None] = SimpleQueue()
        self._postponed: deque[Request] = deque()
        self._cancelled: set[str] = set()
        self._server_gone = threading.Event()
        self._jobs = JobTurns(self._send)
        self._model = WorkerModel(load, self._send, self._end_jobs_with_model)

    def serve(self) -> None:
        """Returns when the input has ended. During a run it raises SystemExit instead, so that the run can be
        resumed.
        """
        # Requests are read while torch is imported, which takes seconds.
        threading.Thread(target=self._read, name="requests", daemon=True).start()
        import neuron_core.engine.execute  # noqa: F401

        self._send(self._model.state())
        while (request := self._next()) is not None:
            if isinstance(request, RunRequest):
                self._run(request)
            elif isinstance(request, JobRequest):
                self._begin_job(request, running=False)

    def _read(self) -> None:
        try:
            for line in self._source:
                request = from_line(line, REQUEST)
                if isinstance(request, CancelRequest):
                    self._cancelled.add(request.run_id)
                    continue
                if isinstance(request, DropRequest):
                    self._jobs.drop(request.number)
                    continue
                if isinstance(request, RunRequest):
                    self._cancelled.discard(request.run_id)
                self._inbox.put(request)
        finally:
            self._server_gone.set()
            self._inbox.put(None)
            self._on_gone()

    def _next(self) -> Request | None:
        """The next request, or None at the end of the input. Does steps of jobs while there is no request."""
        if self._postponed:
            return self._postponed.popleft()
        while self._jobs.any() and self._inbox.empty():
            self._jobs.step()
        return self._inbox.get()

    def _run(self, request: RunRequest) -> None:
        from neuron_core.engine.engines import engines_for
        from neuron_core.engine.execute import execute

        failure, cluster = None, None
        try:
            run = RunFolder(Path(request.path))
            spec = run.config().model
            self._check_run(run, request)
            cluster = engines_for(request.cluster) if request.cluster else None
            engine_for = cluster.engine if cluster else self._model.engine
            # A run on a cluster does not use the model that is loaded here.
            own = None if cluster else spec
            execute(
                run,
                lambda say: engine_for(spec, say),
                other_engine=engine_for,
                should_stop=lambda: self._between_questions(request.run_id, own),
            )
        except Exception as error:
            failure = Failure.logged(error)
        finally:
            if cluster is not None:
                cluster.close()
        self._send(RunEnded(request.run_id, failure))

    def _check_run(self, run: RunFolder, request: RunRequest) -> None:
        if self._permissions is None:
            return
        if run.path.is_symlink() or run.path.resolve().parent != self._store.resolve():
            raise RunError("only runs of the store are carried out here", where=str(run.path))
        if request.of_others:
            self._permissions.check("resume", request.run_id)
        for view in filter(None, (run, run.pending())):
            self._permissions.check_run(view.config(), self._store, confirmed=request.confirmed)
        if request.cluster is not None:
            self._permissions.check("cluster", request.cluster.address)

    def _between_questions(self, run_id: str, own: ModelSpec | None) -> bool:
        """Called by a run between two questions: answers waiting requests, does steps of jobs for a moment, and
        returns whether the run was cancelled.

        own: the run's model. While it is not loaded yet, nothing else is done. None where a cluster computes the run.
        """
        while own in (None, self._model.spec) and not self._inbox.empty():
            request = self._inbox.get()
            if isinstance(request, RunRequest):
                self._postponed.append(request)
            elif isinstance(request, JobRequest):
                self._begin_job(request, running=own is not None)
        end = time.monotonic() + SLICE_S
        while own in (None, self._model.spec) and self._jobs.any() and time.monotonic() < end:
            self._jobs.step()
        if self._server_gone.is_set():
            # SystemExit is no Exception, so the run is recorded neither as failed nor as cancelled. It can be resumed.
            raise SystemExit
        return run_id in self._cancelled

    def _begin_job(self, request: JobRequest, *, running: bool) -> None:
        """Reports on a prompt, or accepts a job whose steps are done later.

        running: whether a run is using the model that is loaded. RunError, as a reply, if the request needs another
        one.
        """
        number, job, spec = request.number, request.job, request.spec
        try:
            if self._permissions is not None:
                self._permissions.check_job(job, spec, self._store, confirmed=request.confirmed)
            if isinstance(job, LengthsJob):
                self._jobs.add(number, length_steps(job, self._model.token_reader(spec)), uses_model=False)
            elif isinstance(job, PromptJob):
                report = self._engine(spec, running).inspect(job.prompt)
                self._send(JobEnded(number, report=report))
            else:
                self._jobs.add(number, steps_of(job, self._engine(spec, running)))
        except Exception as error:
            self._send(JobEnded(number, Failure.logged(error)))

    def _engine(self, spec: ModelSpec, running: bool) -> "Engine":
        if running and spec != self._model.spec:
            raise RunError("a run is using another model", where=spec.title, accepted="wait for it, or cancel it")
        return self._model.engine(spec, in_run=running)

    def _end_jobs_with_model(self) -> None:
        """Called before another model is loaded."""
        gone = RunError("another model took the place of this one", accepted="ask again")
        self._jobs.end_those_with_model(gone)

    def _send(self, reply: Reply) -> None:
        try:
            self._sink.write(to_line(reply))
            self._sink.flush()
        except BrokenPipeError:
            # The server is gone.
            raise SystemExit from None


def private_streams(log: Path) -> tuple[BinaryIO, BinaryIO]:
    """Copies of standard input and output for the protocol. Afterwards, file descriptor 0 is empty, and what is written
    to 1 and 2 goes to the log. So a library that prints or reads from the terminal can't disturb the protocol.
    """
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with log.open("ab") as file, open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    return source, sink


def end_soon() -> None:
    """Ends this process after 1.5 s, also in the middle of a question or of loading. Finished results are kept."""
    timer = threading.Timer(LAST_S, os._exit, (0,))
    timer.daemon = True
    timer.start()


def main(argv: list[str]) -> int:
    """Carries out requests from standard input until it ends. `worker_process` calls it in a process of its own."""
    parser = argparse.ArgumentParser(prog="worker")
    parser.add_argument("--store", type=Path, default=None, help="folder of run folders; the log lies in it")
    parser.add_argument("--permissions", default=None, help="what requests may ask for, as JSON")
    said = parser.parse_args(argv)
    root = said.store or default_root()
    allowed = Permissions.from_json(said.permissions) if said.permissions else None
    root.mkdir(parents=True, exist_ok=True)
    source, sink = private_streams(root / WORKER_LOG)
    faulthandler.enable()
    # Ctrl+C is sent to all processes of the server. The worker ends when its input ends, after its current question.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Worker(source, sink, permissions=allowed, store=root, on_gone=end_soon).serve()
    return 0
