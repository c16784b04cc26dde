"""What a handle knows of its worker: the process, the loaded model, the run it carries out, and who waits for answers.
No torch.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Condition

import psutil

from neuron_core.errors import RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.service.job_table import JobTable
from neuron_core.service.jobs import BackgroundJob
from neuron_core.service.permissions import Permissions
from neuron_core.service.process import WorkerProcess
from neuron_core.service.prompt_inspection import PromptInspections
from neuron_core.service.protocol import (
    WORKER_LOG,
    CancelRequest,
    Failure,
    JobEnded,
    JobStep,
    ModelState,
    Reply,
    Request,
    RunEnded,
    RunRequest,
)

CONFIRM_S = 1.5
"how long the worker may take to confirm that a run has stopped"
END_S, TERMINATE_S, KILL_S = 1.0, 0.2, 0.2
"how long the worker is given to end after the end of its input, after SIGTERM and after SIGKILL"


@dataclass(frozen=True, eq=False)
class RunInWorker:
    """A run that the worker is carrying out now. A run that is resumed later gets a new one."""

    run_id: str
    spec: ModelSpec


class WorkerControl:
    """The worker process of one handle. It starts when the first request is sent, and again after it has ended.

    The caller has the handle's lock whenever it calls a method. Methods that wait release the lock meanwhile.
    """

    def __init__(
        self,
        lock: Condition,
        root: Path,
        permissions: Permissions,
        check_job: Callable[[BackgroundJob, ModelSpec], bool],
        on_run_ended: Callable[[RunEnded], None],
        on_worker_ended: Callable[[RunInWorker | None, bool, str], None],
    ) -> None:
        """root: the folder of runs. check_job: as for JobTable.

        on_run_ended: called with the lock when the worker says that a run has ended. on_worker_ended: called with the
        lock when the process has ended: with the run that it was carrying out, whether that run was being cancelled,
        and in which way the process ended.
        """
        self._lock, self._root, self._permissions = lock, root, permissions
        self._on_run_ended, self._on_worker_ended = on_run_ended, on_worker_ended
        self._numbers = itertools.count()
        self._process: WorkerProcess | None = None
        self._cancelling: RunInWorker | None = None
        self.run: RunInWorker | None = None
        self.model = ModelState(loading=False)
        "what the worker last said about its model"
        self.stopping = False
        "whether the process has been told to end and has not ended yet; nothing is sent to it then"
        self.closed = False
        self.prompts = PromptInspections(lock, self._send_during_run)
        self.jobs = JobTable(lock, self._send_during_run, self._send_if_running, check_job, permissions)

    def start_run(self, request: RunRequest, spec: ModelSpec) -> None:
        """Gives the worker a run; spec: the model of the run. No other run may be in the worker."""
        self._send(request)
        self.run = RunInWorker(request.run_id, spec)

    def can_start_run(self) -> bool:
        """Whether the worker is free for a run."""
        return self.run is None and not self.stopping and not self.closed

    def cancel_run(self) -> None:
        """Stops the run in the worker. Ends the process if the worker does not confirm it within 1.5 s."""
        run = self._cancelling = self.run
        if run is not None:
            self._send_if_running(CancelRequest(run.run_id))
            if not self._lock.wait_for(lambda: self.run is not run, CONFIRM_S):
                self.stop(at_once=True)

    def check_open(self) -> None:
        """RunError after the handle was closed."""
        if self.closed:
            raise RunError("the handle is closed", accepted="a new EngineHandle")

    def in_use(self) -> bool:
        """Whether the worker has a run, a job or a prompt."""
        return self.run is not None or self.prompts.going() or self.jobs.going()

    def stop(self, *, at_once: bool = False) -> None:
        """Ends the process and waits for its end: first by closing its input, then by signals.

        at_once: without waiting for the question that the worker is working on.
        """
        process = self._process
        if process is None:
            return
        self.stopping = True
        steps = (
            (process.end_input, 0.0 if at_once else END_S),
            (process.terminate, TERMINATE_S),
            (process.kill, KILL_S),
        )
        for step, seconds in steps:
            step()
            if self._lock.wait_for(lambda: self._process is not process, seconds):
                return

    def pid(self) -> int | None:
        """Number of the process, None while there is none."""
        return self._process.pid if self._process else None

    def memory(self) -> int:
        """Bytes that the process holds now, most of them its model. 0 while there is no process."""
        try:
            return int(psutil.Process(self._process.pid).memory_info().rss) if self._process else 0
        except psutil.Error:
            # The process has just ended.
            return 0

    def _send(self, request: Request) -> None:
        """Sends a request, to a new process if none is running."""
        if self._process is None:
            self._root.mkdir(parents=True, exist_ok=True)
            self._process = WorkerProcess(self._root, self._permissions, self._on_reply, self._on_end)
            self.model = ModelState(loading=True)
        self._process.send(request)

    def _send_if_running(self, request: Request) -> None:
        if self._process is not None:
            self._process.send(request)

    def _send_during_run(self, spec: ModelSpec | None, make: Callable[[int], Request]) -> int:
        """Sends a request that the worker answers during a run, and returns its number. RunError when the run uses
        another model.
        """
        self.check_open()
        self._lock.wait_for(lambda: not self.stopping, CONFIRM_S)
        if self.run is not None and spec is not None and self.run.spec != spec:
            raise RunError("a run is using another model", where=self.run.run_id, accepted="wait for it, or cancel it")
        number = next(self._numbers)
        self._send(make(number))
        return number

    def _on_reply(self, reply: Reply) -> None:
        """Called by the thread that reads the worker's replies."""
        with self._lock:
            if isinstance(reply, ModelState):
                self.model = reply
            elif isinstance(reply, JobStep):
                self.jobs.change(reply.number, done=reply.done, total=reply.total, text=reply.text)
            elif isinstance(reply, JobEnded):
                # The number is that of a prompt or that of a background job.
                self.prompts.answer(reply)
                self.jobs.change(reply.number, ended=True, failure=reply.failure and reply.failure.exception())
            elif isinstance(reply, RunEnded):
                self.run = None
                self._on_run_ended(reply)
            self._lock.notify_all()

    def _on_end(self, how: str) -> None:
        """Called by the same thread after the last reply, when the process has ended."""
        with self._lock:
            self._process, self.stopping, self.model = None, False, ModelState(loading=False)
            gone = Failure.of(RunError(f"the worker process ended ({how})", where=str(self._root / WORKER_LOG)))
            self.prompts.end_all(gone)
            self.jobs.end_all(gone.exception())
            run, self.run = self.run, None
            self._on_worker_ended(run, run is not None and run is self._cancelling, how)
            self._lock.notify_all()
