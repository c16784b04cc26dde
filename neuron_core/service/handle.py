"""The handle on the worker: pages submit, watch, cancel and resume runs here. No torch."""

import atexit
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace

from neuron_core.engine.cluster_options import ClusterOptions
from neuron_core.errors import NeuronCoreError, RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import EvaluationConfig, RunConfig
from neuron_core.runs.repair import Damage, repair
from neuron_core.runs.run_folder import ACTIVE, RunFolder, RunStatus
from neuron_core.runs.setting import ModelFacts, PromptReport
from neuron_core.runs.store import Store
from neuron_core.service.jobs import BackgroundJob
from neuron_core.service.owner import Owners
from neuron_core.service.permissions import Permissions
from neuron_core.service.protocol import RunEnded, RunRequest
from neuron_core.service.run_queue import CANCELLED, RunQueue
from neuron_core.service.trust import Trust
from neuron_core.service.worker_control import RunInWorker, WorkerControl

POLL_S = 0.2
"how often the status of a run is read while it is streamed"
RESUMABLE = ("interrupted", "cancelled", "failed")


class EngineHandle:
    """Owns the worker process and the queue of runs. Any number of threads may share it.

    The worker starts when it is first needed, and starts again after it died. One lock guards the state; a thread
    that waits for the worker releases the lock meanwhile. Every method that names a run raises RunError for an
    unknown one.
    """

    def __init__(self, store: Store, permissions: Permissions | None = None, trust: Trust | None = None) -> None:
        """permissions: what callers may do; None allows everything. trust: the models whose own code was confirmed at
        the terminal; None for none so far.
        """
        self.store = store
        self.permissions = permissions or Permissions()
        self.trust = trust or Trust()
        self._state = threading.Condition()
        self._queue = RunQueue(store)
        self._worker = WorkerControl(
            self._state, store.root, self.permissions, self._check_job, self._run_ended, self._worker_ended
        )
        self.jobs = self._worker.jobs
        self._owners = Owners(self.permissions)
        self._clusters: dict[str, ClusterOptions] = {}
        "run id → the cluster that computes it; absent for runs that the worker computes"
        atexit.register(self.close)
        # A server that was ended may have left half-removed runs. Nobody waits for their removal.
        threading.Thread(target=store.sweep, name="leftovers", daemon=True).start()

    def submit(self, config: RunConfig, cluster: ClusterOptions | None = None) -> str:
        """Makes the run's folder, queues the run, and returns its id.

        cluster: the cluster that computes the run, also when it is resumed by this handle; None for the worker.
        """
        with self._state:
            self._worker.check_open()
            self._check_run(config)
            if cluster is not None:
                self.permissions.check("cluster", cluster.address)
            run = self.store.create(config)
            self._owners.begin(run.id)
            if cluster is not None:
                self._clusters[run.id] = cluster
            self._enqueue(run)
            return run.id

    def resume(self, run_id: str) -> None:
        """Queues an interrupted, cancelled or failed run again; what it finished is not computed again."""
        with self._state:
            self._worker.check_open()
            run = self._in_state(run_id, RESUMABLE)
            self._owners.check("resume", run_id)
            self._check_run((run.pending() or run).config())
            self._owners.resume(run_id)
            self._queue_again(run)

    def evaluate(self, run_id: str, evaluation: EvaluationConfig) -> None:
        """Gives a run that is not active this evaluation, in place of any before, and queues it."""
        with self._state:
            self._worker.check_open()
            run = self._in_state(run_id, ("done", *RESUMABLE))
            self._owners.check_evaluate(run)
            wanted = replace(run.config(), evaluation=evaluation)
            self._check_run(wanted)
            with self._queue.claimed(run), run.held():
                run.set_evaluation(wanted)
            self._owners.begin(run.id)
            self._queue_again(run)

    def cancel(self, run_id: str) -> None:
        """Stops a queued or running run within 2 s. Does nothing to a run that has ended.

        The run stops between two questions. If the worker does not answer in time (it is loading, or a question
        takes long), its process is ended, and its model with it. RunError when another process is working on the
        run.
        """
        with self._state:
            run = self.store.inside(run_id)
            self._owners.check("cancel", run_id)
            if run_id in self._queue.ids():
                self._queue.cancel(run)
                self._state.notify_all()
                return
            if run_id == self.active():
                self._worker.cancel_run()
            elif run.status().state == "running" or self._is_claimed_elsewhere(run):
                raise RunError("another process works on this run", where=run_id, accepted="cancel it there")

    def status(self, run_id: str) -> RunStatus:
        """The run's status, from its folder and the queue together. A run whose folder says `queued`, but which is
        in no queue, is `interrupted`.
        """
        with self._state:
            run = self.store.inside(run_id)
            status = run.status()
            if status.state == "interrupted":
                return replace(status, message=self._queue.message(run_id, status.message))
            if status.state != "queued" or run_id in self._queue.ids():
                return status
            if run_id == self.active():
                return replace(status, state="running", stage="loading", message="starting")
            if self._is_claimed_elsewhere(run):
                return replace(status, message="in the queue of another server")
            message = self._queue.message(run_id, "The server that had it in its queue has ended.")
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
        self._owners.check("delete", run_id)
        with self._state:
            run = self.store.inside(run_id)
            try:
                run.config()
                state = self.status(run_id).state
            except RunError:
                # The state of a damaged run can't be read. If a process works on it, its claim shows that.
                state = "damaged"
            if state in ACTIVE or self._queue.has_claimed(run_id):
                raise RunError(f"the run is {state}", where=run_id, accepted="cancel it first")
            gone = self.store.put_away(run_id)
            self._queue.forget(run_id)
        # Removing thousands of files takes seconds, so this is done without the lock.
        shutil.rmtree(gone, ignore_errors=True)

    def rename(self, run_id: str, label: str) -> None:
        """Gives a run a label. RunError for one that is too long."""
        self._owners.check("rename", run_id)
        self.store.inside(run_id).set_label(label)

    def repair(self, run_id: str) -> list[Damage]:
        """Moves the damaged files of a run aside, see `runs.repair`. Resume computes them again."""
        self._owners.check("resume", run_id)
        return repair(self.store.inside(run_id))

    def why_not(self, action: str, run: RunFolder | None = None) -> str:
        """As `Owners.why_not`: why the session that asks may not do this, in words; empty if it may."""
        with self._state:
            return self._owners.why_not(action, run)

    def active(self) -> str | None:
        """Id of the run that the worker is carrying out, or None."""
        with self._state:
            return self._worker.run.run_id if self._worker.run else None

    def queued(self) -> tuple[str, ...]:
        """Ids of the waiting runs, in the order in which they will start."""
        with self._state:
            return self._queue.ids()

    def model(self, spec: ModelSpec | None = None) -> ModelFacts | None:
        """The model that is loaded now; with a spec, only if it is that one: titles of two models can be equal."""
        with self._state:
            loaded = self._worker.model
        return loaded.facts if spec is None or loaded.spec == spec else None

    def worker_pid(self) -> int | None:
        """Number of the worker process, None while there is none."""
        with self._state:
            return self._worker.pid()

    def worker_memory(self) -> int:
        """Bytes that the worker holds now, most of them its model; 0 while there is none."""
        with self._state:
            return self._worker.memory()

    def loading(self) -> bool:
        """Whether the worker is starting or a model is being loaded."""
        with self._state:
            return self._worker.model.loading

    def inspect(self, prompt: str, spec: ModelSpec) -> PromptReport:
        """Tokens and option probabilities of one prompt; loads the model if it is not loaded.

        Waits for the end of a question if a run with this model is going. RunError when a run is using
        another model, the worker ends, or 120 s pass; ModelError and LetterError from the model.
        """
        self.permissions.check_model(spec, confirmed=self.trust.has(spec))
        return self._worker.prompts.ask(prompt, spec, confirmed=self.trust.has(spec))

    def unload(self) -> None:
        """Ends the worker process, which frees all memory of the model. RunError while the model is used."""
        self._owners.check("unload")
        with self._state:
            if self._queue.ids() or self._worker.in_use():
                raise RunError("the model is in use", accepted="wait until it has finished, or cancel what it does")
            self._worker.stop()

    def close(self) -> None:
        """Ends the worker. A run that it was carrying out can be resumed by another handle."""
        atexit.unregister(self.close)
        with self._state:
            self._worker.closed = True
            self._worker.stop()
            self._queue.clear()

    def _check_job(self, job: BackgroundJob, spec: ModelSpec) -> bool:
        """Whether the model's own code was confirmed. RunError for a job that is not allowed."""
        confirmed = self.trust.has(spec)
        self.permissions.check_job(job, spec, self.store.root, confirmed=confirmed)
        return confirmed

    def _in_state(self, run_id: str, states: tuple[str, ...]) -> RunFolder:
        state = self.status(run_id).state
        if state not in states:
            raise RunError(f"the run is {state}", where=run_id, accepted=f"a run that is {' or '.join(states)}")
        return self.store.inside(run_id)

    def _check_run(self, config: RunConfig) -> None:
        self.permissions.check_run(config, self.store.root, confirmed=self.trust.has_all(config))
        self.permissions.check_waiting(len(self._queue.ids()))

    def _is_claimed_elsewhere(self, run: RunFolder) -> bool:
        """Whether another process has the run in its queue."""
        return not self._queue.has_claimed(run.id) and run.is_claimed()

    def _queue_again(self, run: RunFolder) -> None:
        with self._queue.claimed(run):
            run.write_status(replace(run.status(), state="queued", message="", eta_s=None))
            self._enqueue(run)

    def _enqueue(self, run: RunFolder) -> None:
        self._queue.add(run)
        self._send_next()
        self._state.notify_all()

    def _send_next(self) -> None:
        """Gives the worker the next run, if it is free."""
        while self._queue.ids() and self._worker.can_start_run():
            run_id = self._queue.take()
            try:
                run = self.store.inside(run_id)
                config = (run.pending() or run).config()
                cluster, confirmed = self._clusters.get(run_id), self.trust.has_all(config)
                others = self._owners.of_others(run_id)
                request = RunRequest(run_id, str(run.path.resolve()), confirmed, cluster, others)
                self._worker.start_run(request, config.model)
            except (NeuronCoreError, OSError) as error:
                self._queue.record_end(run_id, "failed", str(error))

    def _run_ended(self, reply: RunEnded) -> None:
        """Called with the lock when the worker says that a run has ended."""
        if reply.failure is not None:
            self._queue.record_end(reply.run_id, "failed", str(reply.failure.exception()))
        else:
            self._queue.release(reply.run_id)
        self._send_next()

    def _worker_ended(self, run: RunInWorker | None, cancelled: bool, how: str) -> None:
        """Called with the lock when the worker process has ended, perhaps in the middle of a run."""
        if run is not None and cancelled:
            self._queue.record_end(run.run_id, "cancelled", CANCELLED)
        elif run is not None:
            message = f"The worker process ended ({how}). What was finished is kept."
            self._queue.record_end(run.run_id, "interrupted", message)
        self._send_next()
