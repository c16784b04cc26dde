"""Kills of the worker, of the server that owns it, and of the actors of a cluster."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import psutil

from faulting.lab import Lab, Line, gone, is_locked
from neuron_core.engine.cluster_options import ClusterOptions, has_ray, prepare_ray
from neuron_core.engine.execute import execute
from neuron_core.errors import NeuronCoreError
from neuron_core.runs.repair import verify
from neuron_core.runs.run_folder import RunFolder, RunStatus
from neuron_core.runs.store import Store
from neuron_core.service import process, worker_process
from neuron_core.service.handle import EngineHandle
from tests.run_helpers import assert_equal_results

FRESH = 10
"of so many workers, one is started anew"
ORPHAN_S = 2.0
"how long a worker may outlive its server"
MOST_KILLS = 3
"of actors in one run: a batch may lose its actor three times"
N_ATTRIBUTION, N_QUESTIONS = 12, 36
"questions of a run in its first stage, and in both"


class ForkedWorker:
    """A worker as `subprocess.Popen` starts it, but forked from this process, which has imported everything."""

    def __init__(self, command: list[str], *, stdin: int, stdout: int, env: dict[str, str]) -> None:
        requests, replies = os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.dup2(requests[0], 0)
                os.dup2(replies[1], 1)
                os.closerange(3, 4096)
                sys.argv = command[2:]
                worker_process.main()
            finally:
                os._exit(0)
        os.close(requests[0])
        os.close(replies[1])
        self.stdin, self.stdout = os.fdopen(requests[1], "wb"), os.fdopen(replies[0], "rb")

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)


def whole(lab: Lab, run: RunFolder) -> None:
    assert not is_locked(run), "a stale lock"
    assert run.status().state == "done", f"the run is {run.status().state}: {run.status().message}"
    assert_equal_results(run, lab.whole)
    assert verify(run) == [], "a damaged run"


def workers(lab: Lab) -> Iterator[Line]:
    line, hit = Line("SIGKILL of the worker in a run"), 0
    handle = EngineHandle(Store(lab.folder / "served"))

    def finished() -> RunFolder:
        run_id = handle.submit(lab.config)
        for _ in handle.stream(run_id):
            pass
        return handle.store.inside(run_id)

    try:
        finished()
        began = time.monotonic()
        finished()
        usual = time.monotonic() - began
        for _ in lab.tries(1, 100):

            def one() -> None:
                nonlocal hit
                run_id = handle.submit(lab.config)
                pid = handle.worker_pid()
                assert pid is not None, "no worker"
                time.sleep(lab.draw.uniform(0, usual))
                os.kill(pid, signal.SIGKILL)
                for _ in handle.stream(run_id):
                    pass
                state = handle.status(run_id).state
                hit += state == "interrupted"
                assert state in ("interrupted", "done"), f"the run is {state}"
                assert gone([pid]), "the worker is still there"
                if state == "interrupted":
                    handle.resume(run_id)
                    for _ in handle.stream(run_id):
                        pass
                whole(lab, handle.store.inside(run_id))
                handle.delete(run_id)

            lab.answer(line, one)
    finally:
        handle.close()
    line.message = line.message or f"{hit} of {line.tries} were still at work"
    yield line


def servers(lab: Lab) -> Iterator[Line]:
    """A process that owns the handle, as a server does, ends without a word; another one resumes.

    The imports of a worker take ten times as long as its run. So nine workers of ten are forked from a process that has
    imported everything, and most kills meet a run at work.
    """
    line, longest, hit = Line("SIGKILL of the server in a run"), 0.0, 0
    store = Store(lab.folder / "two servers")

    def serve(ready: int, fresh: bool) -> None:
        if not fresh:
            process.subprocess = SimpleNamespace(Popen=ForkedWorker, PIPE=subprocess.PIPE)  # type: ignore[attr-defined]
        handle = EngineHandle(store)
        run_id = handle.submit(lab.config)
        os.write(ready, f"{run_id} {handle.worker_pid()}\n".encode())
        for _ in handle.stream(run_id):
            pass
        threading.Event().wait()

    def begun(fresh: bool) -> tuple[int, int, RunFolder]:
        out, ready = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(out)
            try:
                serve(ready, fresh)
            finally:
                os._exit(0)
        os.close(ready)
        with os.fdopen(out, encoding="utf-8") as said:
            run_id, pid = said.readline().split()
        return child, int(pid), store.inside(run_id)

    def ended(child: int) -> None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    @cache
    def usual(fresh: bool) -> float:
        began = time.monotonic()
        child, pid, run = begun(fresh)
        while run.status().state != "done":
            time.sleep(0.05)
        found = time.monotonic() - began
        ended(child)
        gone([pid])
        return found

    for number in lab.tries(1, 100):

        def one(fresh: bool = number % FRESH == 0) -> None:
            nonlocal hit, longest
            at = lab.draw.uniform(0, usual(fresh))
            child, pid, run = begun(fresh)
            time.sleep(at)
            ended(child)
            at_work = psutil.pid_exists(pid)
            since = time.monotonic()
            assert gone([pid], ORPHAN_S), f"the worker was there {ORPHAN_S:g} s later"
            longest = max(longest, time.monotonic() - since)
            # The kernel ends a process thread by thread, and drops its locks with the last one.
            while (state := EngineHandle(store).status(run.id).state) == "running":
                assert time.monotonic() < since + ORPHAN_S, f"the run was running {ORPHAN_S:g} s later"
                time.sleep(0.01)
            assert state in ("interrupted", "done"), f"the run is {state}"
            hit += at_work and state == "interrupted"
            assert not is_locked(run), "a stale lock"
            if state != "done":
                lab.finish(run)
            whole(lab, run)

        lab.answer(line, one)
    said = f"{hit} of {line.tries} were still at work; the worker was gone after {longest:.1f} s at most"
    line.message = line.message or said
    yield line


def actors(lab: Lab) -> Iterator[Line]:
    """Runs on a cluster of this machine with two actors, of which one to three are killed. Each run must go on by
    itself. A try is a kill.
    """
    if not has_ray():
        return
    prepare_ray("local")
    # By default, actors get the processor only when nothing else wants it.
    os.environ.setdefault("RAY_worker_niceness", "0")
    import ray

    from neuron_core.engine import ray_pool
    from neuron_core.engine.ray_engine import RayEngines, connect

    # One cluster and one pool serve all runs: to start them takes longer than all else.
    ray_pool.RESTARTS = 10**6
    line, runs = Line("SIGKILL of a Ray actor in a run"), 0
    connect("local")
    engines = RayEngines(ClusterOptions("local", 2, 2, gpus=0, cpus=0.5))

    def pids() -> list[int]:
        held = engines._held
        # The pool learns of a kill when it asks the actor next.
        return [place.pid for place, _ in held[1]._pool.members() if psutil.pid_exists(place.pid)] if held else []

    def run_with(moments: list[int], killed: list[int]) -> None:
        def kill(status: RunStatus) -> None:
            done = status.done + (N_ATTRIBUTION if status.stage == "evaluation" else 0)
            if moments and done >= moments[0] and status.stage in ("attribution", "evaluation") and pids():
                # Meanwhile the actors compute: they are killed in the middle of a batch, too.
                time.sleep(lab.draw.uniform(0, 0.05))
                # Those killed before may have gone only now; then the next question is the moment.
                if there := pids():
                    moments.pop(0)
                    killed.append(lab.draw.choice(there))
                    os.kill(killed[-1], signal.SIGKILL)

        run = lab.store.create(replace(lab.config))
        execute(run, lambda say: engines.engine(run.config().model, say), on_progress=kill)
        whole(lab, run)
        assert gone(killed), "the actor is still there"

    try:
        for _ in lab.tries(1, 100):
            if line.tries >= min(100, lab.most):
                break
            runs, killed = runs + 1, []
            moments = sorted(lab.draw.sample(range(N_QUESTIONS), lab.draw.randint(1, MOST_KILLS)))
            try:
                run_with(moments, killed)
                line.survived += len(killed)
            except (NeuronCoreError, AssertionError) as error:
                line.message = f"{type(error).__name__}: {error}"
            line.tries += len(killed)
        last = pids()
    finally:
        engines.close()
        ray.shutdown()
    assert gone(last), "actors are left after the end of the run"
    line.message = line.message or f"{runs} runs"
    yield line
