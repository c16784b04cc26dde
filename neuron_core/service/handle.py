"""The handle on the worker: runs are submitted, watched, cancelled and resumed here. No torch."""

import atexit
import itertools
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

import psutil
from filelock import FileLock

from neuron_core.engine.cluster_options import ClusterOptions
from neuron_core.errors import NeuronCoreError, RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import EvaluationConfig, RunConfig
from neuron_core.runs.repair import Damage, repair
from neuron_core.runs.run_folder import ACTIVE, RunFolder, RunStatus
from neuron_core.runs.setting import ModelFacts, PromptReport
from neuron_core.runs.store import Store
from neuron_core.service.job_table import JobTable
from neuron_core.service.jobs import BackgroundJob
from neuron_core.service.permissions import Permissions, runs_code
from neuron_core.service.process import WorkerProcess
from neuron_core.service.prompt_inspection import PromptInspections
from neuron_core.service.protocol import (
    WORKER_LOG,
    CancelRequest,
    Failure,
    Inspected,
    JobEnded,
    JobStep,
    ModelState,
    Reply,
    Request,
    RunEnded,
    RunRequest,
)
from neuron_core.service.run_end import CANCELLED, end_run, settle
from neuron_core.service.trust import Trust

OWNER: ContextVar[str] = ContextVar("owner", default="")
"who asks: a session of the app"
CONFIRM_S, END_S, TERMINATE_S, KILL_S = 1.5, 1.0, 0.2, 0.2
POLL_S = 0.2
RESUMABLE = ("interrupted", "cancelled", "failed")


@dataclass(frozen=True, eq=False)
class _RunInWorker:
    """A run that the worker is carrying out now. A run that is resumed later gets a new one."""

    run_id: str
    spec: ModelSpec


class EngineHandle:
    """Owns the worker process and the queue of runs. Any number of threads may share it.

    The worker starts when it is first needed, and starts again after it died. One lock guards the state; a thread
    that waits for the worker releases the lock meanwhile. Every method that names a run raises RunError for an
    unknown one.
    """

    def __init__(self, store: Store, permissions: Permissions | None = None, trust: Trust | None = None) -> None:
        """permissions: what callers may ask for; None for everything, code that comes with models only by a word."""
        self.store = store
        self.permissions = permissions or Permissions()
        self.trust = trust or Trust()
        self._owners: dict[str, str] = {}
        "run → who began it; of this server's life"
        self._state = threading.Condition()
        self._queue: list[str] = []
        self._clusters: dict[str, ClusterOptions] = {}
        self._claims: dict[str, FileLock] = {}
        "of the runs in the queue or in the worker: other servers and the command line leave them alone"
        self._last_words: dict[str, str] = {}
        "why a run ended, for when the disk did not take it"
        self._in_worker: _RunInWorker | None = None
        self._cancelling: _RunInWorker | None = None
        self._process: WorkerProcess | None = None
        self._stopping = False
        self._model = ModelState(loading=False)
        self._numbers = itertools.count()
        self._closed = False
        self._prompts = PromptInspections(self._state, self._send_during_run)
        self.jobs = JobTable(self._state, self._send_during_run, self._send_if_there, self._check_job)
        atexit.register(self.close)
        # What deletions left when a server was ended; nothing waits for it.
        threading.Thread(target=store.sweep, name="leftovers", daemon=True).start()

    def submit(self, config: RunConfig, cluster: ClusterOptions | None = None) -> str:
        """Makes the run's folder, queues the run, returns its id.

        cluster: where it is computed, and again when it is resumed here; None: in the worker.
        """
        with self._state:
            self._check_open()
            self._check_run(config)
            if cluster is not None:
                self.permissions.check("cluster", cluster.address)
            run = self.store.create(config)
            self._owners[run.id] = OWNER.get()
            if cluster is not None:
                self._clusters[run.id] = cluster
            self._enqueue(run)
            return run.id

    def resume(self, run_id: str) -> None:
        """Queues an interrupted, cancelled or failed run again; what it finished is not computed again."""
        with self._state:
            self._check_open()
            run = self._in_state(run_id, RESUMABLE)
            self._check_run((run.due() or run).config())
            self._queue_again(run)

    def evaluate(self, run_id: str, evaluation: EvaluationConfig) -> None:
        """Gives a run that is not active this evaluation, in place of any before, and queues it."""
        with self._state:
            self._check_open()
            run = self._in_state(run_id, ("done", *RESUMABLE))
            wanted = replace(run.config(), evaluation=evaluation)
            self._check_run(wanted)
            with self._claimed(run), run.held():
                run.set_evaluation(wanted)
            self._owners[run.id] = OWNER.get()
            self._queue_again(run)

    def cancel(self, run_id: str) -> None:
        """Stops a queued or running run within 2 s. Does nothing to a run that has ended.

        The run stops between two questions. If the worker does not answer in time (it is loading, or a question
        takes long), its process is ended, and its model with it. RunError when another process is working on the
        run.
        """
        with self._state:
            run = self.store.inside(run_id)
            if not OWNER.get() or self._owners.get(run_id) != OWNER.get():
                self.permissions.check("cancel", run_id)
            if run_id in self._queue:
                self._queue.remove(run_id)
                end_run(run, "cancelled", CANCELLED)
                self._release(run_id)
                self._state.notify_all()
                return
            current, process = self._in_worker, self._process
            if current is None or process is None or current.run_id != run_id:
                if run.status().state == "running" or (run_id not in self._claims and run.is_claimed()):
                    raise RunError("another process works on this run", where=run_id, accepted="cancel it there")
                return
            self._cancelling = current
            process.send(CancelRequest(run_id))
            if not self._state.wait_for(lambda: self._in_worker is not current, CONFIRM_S):
                self._stop_worker(at_once=True)

    def status(self, run_id: str) -> RunStatus:
        """The run's state from its folder and the queue together. A run that is queued on disk but not in this queue
        is `interrupted`.
        """
        with self._state:
            run = self.store.inside(run_id)
            status = run.status()
            if status.state == "interrupted":
                return replace(status, message=self._last_words.get(run_id, status.message))
            if status.state != "queued" or run_id in self._queue:
                return status
            if self._in_worker is not None and self._in_worker.run_id == run_id:
                return replace(status, state="running", stage="loading", message="starting")
            if run_id not in self._claims and run.is_claimed():
                return replace(status, message="in the queue of another server")
            message = self._last_words.get(run_id, "The server that had it in its queue has ended.")
            return replace(status, state="interrupted", message=message)

    def stream(self, run_id: str) -> Iterator[RunStatus]:
        """Each new status of a run, until it is neither queued nor worked on."""
        last = None
        while True:
            with self._state:
                status = self.status(run_id)
                going = status.state in ACTIVE or run_id == self.active()
                if going and status == last:
                    self._state.wait(POLL_S)
                    continue
            if status != last:
                yield status
            if not going:
                return
            last = status

    def delete(self, run_id: str) -> None:
        """Removes a run for good. RunError while it is queued or worked on."""
        self.permissions.check("delete", run_id)
        with self._state:
            run = self.store.inside(run_id)
            try:
                run.config()
                state = self.status(run_id).state
            except RunError:
                # A damaged run can't say its state; who works on it has its lock.
                state = "damaged"
            if state in ACTIVE or run_id in self._claims:
                raise RunError(f"the run is {state}", where=run_id, accepted="cancel it first")
            gone = self.store.put_away(run_id)
            self._last_words.pop(run_id, None)
        # Thousands of files take seconds: nobody else waits for them.
        shutil.rmtree(gone, ignore_errors=True)

    def rename(self, run_id: str, label: str) -> None:
        """Gives a run a label. RunError for one that is too long."""
        self.permissions.check("rename", run_id)
        self.store.inside(run_id).set_label(label)

    def repair(self, run_id: str) -> list[Damage]:
        """Sets aside what is damaged in a run, see `runs.repair`; Resume computes it again."""
        return repair(self.store.inside(run_id))

    def active(self) -> str | None:
        """Id of the run that the worker is carrying out, or None."""
        with self._state:
            return self._in_worker.run_id if self._in_worker else None

    def queued(self) -> tuple[str, ...]:
        """Ids of the waiting runs, in the order in which they will start."""
        with self._state:
            return tuple(self._queue)

    def model(self) -> ModelFacts | None:
        """The model that is loaded now."""
        with self._state:
            return self._model.facts

    def worker_pid(self) -> int | None:
        """Number of the worker process, None while there is none."""
        with self._state:
            return self._process.pid if self._process else None

    def worker_memory(self) -> int:
        """Bytes that the worker holds now, most of them its model; 0 while there is none."""
        pid = self.worker_pid()
        try:
            return int(psutil.Process(pid).memory_info().rss) if pid else 0
        except psutil.Error:
            return 0

    def loading(self) -> bool:
        """Whether the worker is starting or a model is being loaded."""
        with self._state:
            return self._model.loading

    def inspect(self, prompt: str, spec: ModelSpec) -> PromptReport:
        """Tokens and option probabilities of one prompt; loads the model if it is not loaded.

        Waits for the end of a question if a run with this model is going. RunError when a run is using
        another model, the worker ends, or 120 s pass; ModelError and LetterError from the model.
        """
        self.permissions.check_model(spec, confirmed=self.trust.has(spec))
        return self._prompts.ask(prompt, spec, confirmed=self.trust.has(spec))

    def unload(self) -> None:
        """Ends the worker process, which frees all memory of the model. RunError while the model is used."""
        self.permissions.check("unload")
        with self._state:
            if self._in_worker is not None or self._queue or self._prompts.going() or self.jobs.going():
                raise RunError("the model is in use", accepted="wait until it has finished, or cancel what it does")
            self._stop_worker()

    def close(self) -> None:
        """Ends the worker. A run that it was carrying out can be resumed by another handle."""
        atexit.unregister(self.close)
        with self._state:
            self._closed = True
            self._queue.clear()
            self._stop_worker()
            for run_id in list(self._claims):
                self._release(run_id)

    def _stop_worker(self, *, at_once: bool = False) -> None:
        """Ends the worker process: first by closing its input, then by signals. Nothing is sent to it in the
        meantime.
        """
        process = self._process
        if process is None:
            return
        self._stopping = True
        steps = (
            (process.end_input, 0.0 if at_once else END_S),
            (process.terminate, TERMINATE_S),
            (process.kill, KILL_S),
        )
        for step, seconds in steps:
            step()
            if self._state.wait_for(lambda: self._process is not process, seconds):
                return

    def _send_during_run(self, spec: ModelSpec | None, make: Callable[[int], Request]) -> int:
        """Sends a request that the worker answers during a run, and returns its number. RunError when the run uses
        another model.
        """
        self._check_open()
        self._state.wait_for(lambda: not self._stopping, CONFIRM_S)
        current = self._in_worker
        if current is not None and spec is not None and current.spec != spec:
            raise RunError("a run is using another model", where=current.run_id, accepted="wait for it, or cancel it")
        number = next(self._numbers)
        self._worker().send(make(number))
        return number

    def _check_job(self, job: BackgroundJob, spec: ModelSpec) -> bool:
        """Whether the model's own code was confirmed. RunError for a job that is not allowed."""
        confirmed = self.trust.has(spec)
        self.permissions.check_job(job, spec, self.store.root, confirmed=confirmed)
        return confirmed

    def _send_if_there(self, request: Request) -> None:
        if self._process is not None:
            self._process.send(request)

    def _check_open(self) -> None:
        if self._closed:
            raise RunError("the handle is closed", accepted="a new EngineHandle")

    def _in_state(self, run_id: str, states: tuple[str, ...]) -> RunFolder:
        state = self.status(run_id).state
        if state not in states:
            raise RunError(f"the run is {state}", where=run_id, accepted=f"a run that is {' or '.join(states)}")
        return self.store.inside(run_id)

    def _check_run(self, config: RunConfig) -> None:
        self.permissions.check_run(config, self.store.root, confirmed=self._confirmed(config))

    def _confirmed(self, config: RunConfig) -> bool:
        """Whether all code that comes with the models of a run was confirmed at the terminal."""
        chooser = config.evaluation.comprehended_by if config.evaluation else None
        specs = [spec for spec in (config.model, chooser) if spec is not None and runs_code(spec)]
        return all(map(self.trust.has, specs))

    def _queue_again(self, run: RunFolder) -> None:
        with self._claimed(run):
            run.write_status(replace(run.status(), state="queued", message="", eta_s=None))
            self._enqueue(run)

    @contextmanager
    def _claimed(self, run: RunFolder) -> Iterator[None]:
        """The run is this handle's; after an error it is not any more. RunError when it is another process's."""
        had = run.id in self._claims
        if not had:
            self._claims[run.id] = run.claim()
        try:
            yield
        except BaseException:
            if not had:
                self._release(run.id)
            raise

    def _release(self, run_id: str) -> None:
        if (claim := self._claims.pop(run_id, None)) is not None:
            claim.release()

    def _enqueue(self, run: RunFolder) -> None:
        with self._claimed(run):
            self._last_words.pop(run.id, None)
            self._queue.append(run.id)
        self._send_next()
        self._state.notify_all()

    def _send_next(self) -> None:
        while self._queue and self._in_worker is None and not self._stopping and not self._closed:
            run_id = self._queue.pop(0)
            try:
                run = self.store.inside(run_id)
                config = (run.due() or run).config()
                current = _RunInWorker(run_id, config.model)
                request = RunRequest(
                    run_id, str(run.path.resolve()), self._confirmed(config), self._clusters.get(run_id)
                )
                self._worker().send(request)
                self._in_worker = current
            except (NeuronCoreError, OSError) as error:
                self._settle(run_id, "failed", str(error))

    def _worker(self) -> WorkerProcess:
        if self._process is None:
            self.store.root.mkdir(parents=True, exist_ok=True)
            self._process = WorkerProcess(self.store.root, self.permissions, self._on_reply, self._on_end)
            self._model = ModelState(loading=True)
        return self._process

    def _on_reply(self, reply: Reply) -> None:
        with self._state:
            if isinstance(reply, ModelState):
                self._model = reply
            elif isinstance(reply, Inspected):
                self._prompts.answer(reply)
            elif isinstance(reply, JobStep):
                self.jobs.change(reply.number, done=reply.done, total=reply.total, text=reply.text)
            elif isinstance(reply, JobEnded):
                failure = reply.failure and reply.failure.exception()
                self.jobs.change(reply.number, ended=True, failure=failure)
            elif isinstance(reply, RunEnded):
                self._in_worker = None
                if reply.failure is not None:
                    self._settle(reply.run_id, "failed", str(reply.failure.exception()))
                else:
                    self._let_go(reply.run_id)
                self._send_next()
            self._state.notify_all()

    def _on_end(self, how: str) -> None:
        with self._state:
            self._process, self._stopping, self._model = None, False, ModelState(loading=False)
            gone = Failure.of(RunError(f"the worker process ended ({how})", where=str(self.store.root / WORKER_LOG)))
            self._prompts.end_all(gone)
            self.jobs.end_all(gone.exception())
            current, self._in_worker = self._in_worker, None
            if current is not None and current is self._cancelling:
                self._settle(current.run_id, "cancelled", CANCELLED)
            elif current is not None:
                self._settle(
                    current.run_id, "interrupted", f"The worker process ended ({how}). What was finished is kept."
                )
            self._send_next()
            self._state.notify_all()

    def _settle(self, run_id: str, state: str, message: str) -> None:
        """Records how a run ended if the worker did not, unless the run has been queued again since."""
        if run_id not in self._queue:
            self._last_words[run_id] = message
            settle(self.store, run_id, state, message)
            self._let_go(run_id)

    def _let_go(self, run_id: str) -> None:
        if run_id not in self._queue:
            self._release(run_id)
