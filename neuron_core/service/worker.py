"""The worker: a process that has one engine and carries out the requests of a handle, one at a time.

Requests arrive as lines on standard input. A thread reads them: it queues most of them and notes cancellations at
once. Everything else happens on the main thread. Replies are lines on a private copy of standard output; whatever
libraries print goes to a log. When the input ends, the server is gone, and the worker ends at the next question.
"""

import argparse
import faulthandler
import gc
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, BinaryIO

from neuron_core.errors import Cancelled, NeuronCoreError, RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import default_root
from neuron_core.service.job_steps import Step, length_steps, steps_of
from neuron_core.service.jobs import LengthsJob
from neuron_core.service.permissions import Permissions
from neuron_core.service.prompt_lengths import Reader
from neuron_core.service.protocol import (
    REQUEST,
    WORKER_LOG,
    CancelRequest,
    DropRequest,
    Failure,
    Inspected,
    InspectRequest,
    JobEnded,
    JobRequest,
    JobStep,
    ModelState,
    Reply,
    Request,
    RunEnded,
    RunRequest,
    from_line,
    to_line,
)

if TYPE_CHECKING:
    from neuron_core.engine.engine import Engine

LAST_S = 1.5
"how long a worker may go on when its server is gone"
SLICE_S = 0.3
"how long jobs may go on between two questions of a run"
Load = Callable[[ModelSpec, Callable[[str], None]], "Engine"]


def load_engine(spec: ModelSpec, say: Callable[[str], None]) -> "Engine":
    """An engine with this model."""
    from neuron_core.engine.engine import Engine

    return Engine(spec, on_stage=say)


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
        """permissions: what requests may ask for, whoever wrote them; None for everything. on_gone: called once, on
        the reading thread, when the server is gone.
        """
        self._permissions, self._store, self._on_gone = permissions, store or default_root(), on_gone
        self._source, self._sink, self._load = source, sink, load
        self._inbox: SimpleQueue[Request | None] = SimpleQueue()
        self._postponed: deque[Request] = deque()
        self._cancelled: set[str] = set()
        self._server_gone = threading.Event()
        self._engine: Engine | None = None
        self._spec: ModelSpec | None = None
        self._loading = False
        self._reader: tuple[ModelSpec, Reader] | None = None
        self._jobs: dict[int, Iterator[Step]] = {}
        self._without_model: set[int] = set()
        self._dropped: set[int] = set()

    def serve(self) -> None:
        """Returns when the input has ended. During a run it raises SystemExit instead, so that the run can be
        resumed.
        """
        # Reading begins before torch is imported, which takes seconds.
        threading.Thread(target=self._read, name="requests", daemon=True).start()
        import neuron_core.engine.execute  # noqa: F401

        self._send_model_state()
        while (request := self._next()) is not None:
            if isinstance(request, RunRequest):
                self._run(request)
            else:
                self._answer_request(request, running=False)

    def _read(self) -> None:
        try:
            for line in self._source:
                request = from_line(line, REQUEST)
                if isinstance(request, CancelRequest):
                    self._cancelled.add(request.run_id)
                    continue
                if isinstance(request, DropRequest):
                    self._dropped.add(request.number)
                    continue
                if isinstance(request, RunRequest):
                    self._cancelled.discard(request.run_id)
                self._inbox.put(request)
        finally:
            self._server_gone.set()
            self._inbox.put(None)
            self._on_gone()

    def _next(self) -> Request | None:
        if self._postponed:
            return self._postponed.popleft()
        while self._jobs and self._inbox.empty():
            self._step_next_job()
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
            engine_for = cluster.engine if cluster else self._engine_for
            # What a cluster computes does not use the model that is loaded here.
            own = None if cluster else spec
            execute(
                run,
                lambda say: engine_for(spec, say),
                other_engine=engine_for,
                should_stop=lambda: self._between_questions(request.run_id, own),
            )
        except Exception as error:
            failure = self._failure(error)
        finally:
            if cluster is not None:
                cluster.close()
        self._send(RunEnded(request.run_id, failure))

    def _check_run(self, run: RunFolder, request: RunRequest) -> None:
        if self._permissions is None:
            return
        if run.path.is_symlink() or run.path.resolve().parent != self._store.resolve():
            raise RunError("only runs of the store are carried out here", where=str(run.path))
        for view in filter(None, (run, run.due())):
            self._permissions.check_run(view.config(), self._store, confirmed=request.confirmed)
        if request.cluster is not None:
            self._permissions.check("cluster", request.cluster.address)

    def _between_questions(self, run_id: str, own: ModelSpec | None) -> bool:
        """Called by a run between two questions: answers waiting requests, does steps of jobs for a moment, and
        returns whether the run was cancelled.

        own: the run's model, which must be loaded here first; None where the run is computed on a cluster.
        """
        while own in (None, self._spec) and not self._inbox.empty():
            request = self._inbox.get()
            if isinstance(request, RunRequest):
                self._postponed.append(request)
            elif request is not None:
                self._answer_request(request, running=own is not None)
        end = time.monotonic() + SLICE_S
        while own in (None, self._spec) and self._jobs and time.monotonic() < end:
            self._step_next_job()
        if self._server_gone.is_set():
            # No Exception: the run neither failed nor was cancelled, it can be resumed.
            raise SystemExit
        return run_id in self._cancelled

    def _answer_request(self, request: Request, *, running: bool) -> None:
        """Answers a prompt inspection or accepts a job. During a run only if both need the same model."""
        if isinstance(request, InspectRequest):
            try:
                if self._permissions is not None:
                    self._permissions.check_model(request.spec, confirmed=request.confirmed)
                report = self._engine_during_run(request.spec, running).inspect(request.prompt)
                answer = Inspected(request.number, report)
            except Exception as error:
                answer = Inspected(request.number, failure=self._failure(error))
            self._send(answer)
        elif isinstance(request, JobRequest):
            try:
                self._jobs[request.number] = self._steps_of(request, running)
            except Exception as error:
                self._send(JobEnded(request.number, self._failure(error)))

    def _steps_of(self, request: JobRequest, running: bool) -> Iterator[Step]:
        if self._permissions is not None:
            self._permissions.check_job(request.job, request.spec, self._store, confirmed=request.confirmed)
        if isinstance(request.job, LengthsJob):
            steps = length_steps(request.job, self._reader_for(request.spec))
            self._without_model.add(request.number)
            return steps
        return steps_of(request.job, self._engine_during_run(request.spec, running))

    def _reader_for(self, spec: ModelSpec) -> Reader:
        if self._engine is not None and self._spec == spec:
            loaded, facts = self._engine.loaded, self._engine.facts()
            return Reader(facts.title, loaded.tokenizer, loaded.context_length, facts.chat)
        if self._reader is None or self._reader[0] != spec:
            self._reader = spec, Reader.of(spec, lambda _: None)
        return self._reader[1]

    def _engine_during_run(self, spec: ModelSpec, running: bool) -> "Engine":
        if running and spec != self._spec:
            raise RunError("a run is using another model", where=spec.title, accepted="wait for it, or cancel it")
        return self._engine_for(spec, lambda _: None)

    def _step_next_job(self) -> None:
        """Does one step of the next job. Jobs take turns, one step each."""
        number = next(iter(self._jobs))
        steps = self._jobs.pop(number)
        try:
            if number in self._dropped:
                self._dropped.remove(number)
                raise Cancelled("this was cancelled")
            step = next(steps, None)
        except Exception as error:
            self._end(number, self._failure(error))
            return
        if step is None:
            self._end(number)
        else:
            self._jobs[number] = steps
            self._send(JobStep(number, step.done, step.total, step.text))

    def _end(self, number: int, failure: Failure | None = None) -> None:
        self._without_model.discard(number)
        self._send(JobEnded(number, failure))

    def _engine_for(self, spec: ModelSpec, say: Callable[[str], None]) -> "Engine":
        if self._engine is not None and self._spec == spec:
            return self._engine
        self._release_engine()
        self._loading = True
        self._send_model_state()
        try:
            self._engine, self._spec = self._load(spec, say), spec
            return self._engine
        finally:
            self._loading = False
            self._send_model_state()

    def _release_engine(self) -> None:
        """Releases the loaded model before another one is loaded, because two may not fit into memory. Jobs that use
        it are ended.
        """
        for number in [number for number in self._jobs if number not in self._without_model]:
            gone = RunError("another model took the place of this one", accepted="ask again")
            self._send(JobEnded(number, Failure.of(gone)))
            del self._jobs[number]
        if self._engine is not None:
            self._engine.close()
            self._engine = self._spec = None
            gc.collect()

    def _failure(self, error: Exception) -> Failure:
        # The log has the traceback; a user's mistake needs none.
        if not isinstance(error, NeuronCoreError):
            sys.excepthook(type(error), error, error.__traceback__)
        return Failure.of(error)

    def _send_model_state(self) -> None:
        self._send(ModelState(self._loading, self._engine.facts() if self._engine else None))

    def _send(self, reply: Reply) -> None:
        try:
            self._sink.write(to_line(reply))
            self._sink.flush()
        except BrokenPipeError:
            raise SystemExit from None


def private_streams(log: Path) -> tuple[BinaryIO, BinaryIO]:
    """Copies of standard input and output for the protocol. After this, file descriptor 0 reads nothing, and 1 and 2
    write to the log.

    So a library that prints or asks a question on the terminal can't disturb the protocol.
    """
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with log.open("ab") as file, open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    return source, sink


def end_soon() -> None:
    """Ends this process even in the middle of a question or of loading: what was finished is on the disk."""
    timer = threading.Timer(LAST_S, os._exit, (0,))
    timer.daemon = True
    timer.start()


def main(argv: list[str] | None = None) -> int:
    """Carries out requests from standard input until it ends."""
    parser = argparse.ArgumentParser(prog="python -m neuron_core worker")
    parser.add_argument("--store", type=Path, default=None, help="folder of run folders; the log lies in it")
    parser.add_argument("--permissions", default=None, help="what requests may ask for, as JSON")
    said = parser.parse_args(argv)
    root = said.store or default_root()
    allowed = Permissions.from_json(said.permissions) if said.permissions else None
    root.mkdir(parents=True, exist_ok=True)
    source, sink = private_streams(root / WORKER_LOG)
    faulthandler.enable()
    # Ctrl+C goes to the server's whole group; the worker ends with its input, after the question in hand.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Worker(source, sink, permissions=allowed, store=root, on_gone=end_soon).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
