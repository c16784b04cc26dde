"""Kills of the worker, of the server that owns it, and of the actors of a cluster."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import psutil

from faulting.lab import Lab, Line, gone, is_locked
from neuron_core.engine.cluster_options import ClusterOptions, has_ray, prepare_ray
from neuron_core.engine.execute import execute
from neuron_core.runs.repair import verify
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from neuron_core.service.handle import EngineHandle
from tests.run_helpers import assert_equal_results

ORPHAN_S = 2.0
"how long a worker may outlive its server"
KILLS_A_POOL = 3
"Ray starts an actor again three times"


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
    """A process that owns the handle, as a server does, ends without a word; another one resumes."""
    line, longest, hit = Line("SIGKILL of the server in a run"), 0.0, 0
    store = Store(lab.folder / "two servers")

    def serve(ready: int) -> None:
        handle = EngineHandle(store)
        run_id = handle.submit(lab.config)
        os.write(ready, f"{run_id} {handle.worker_pid()}\n".encode())
        for _ in handle.stream(run_id):
            pass
        threading.Event().wait()

    def begun() -> tuple[int, int, RunFolder]:
        out, ready = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(out)
            try:
                serve(ready)
            finally:
                os._exit(0)
        os.close(ready)
        with os.fdopen(out, encoding="utf-8") as said:
            run_id, pid = said.readline().split()
        return child, int(pid), store.inside(run_id)

    def ended(child: int) -> None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    began = time.monotonic()
    child, pid, run = begun()
    while run.status().state != "done":
        time.sleep(0.05)
    usual = time.monotonic() - began
    ended(child)
    gone([pid])
    for _ in lab.tries(1, 100):

        def one() -> None:
            nonlocal hit, longest
            child, pid, run = begun()
            time.sleep(lab.draw.uniform(0, usual))
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
    """A run on a cluster of this machine; one of its two actors is killed. The run itself must go on."""
    if not has_ray():
        return
    prepare_ray("local")
    from neuron_core.engine.ray_engine import RayEngines

    line, kills, engines = Line("SIGKILL of a Ray actor in a run"), 0, None
    options = ClusterOptions("local", 2, 2, gpus=0, cpus=0.5)

    def carried(run: RunFolder, on_progress: object = None) -> None:
        assert engines is not None
        execute(run, lambda say: engines.engine(run.config().model, say), on_progress=on_progress)  # type: ignore[arg-type]

    def pids() -> list[int]:
        assert engines is not None
        assert engines._held is not None
        return [place.pid for place, _ in engines._held[1]._pool.members()]

    try:
        for number in lab.tries(1, 100):
            if number % KILLS_A_POOL == 0:
                if engines is not None:
                    engines.close()
                engines = RayEngines(options)
            n_before = lab.draw.randrange(36)
            killed: list[int] = []

            def kill(status: object, n_before: int = n_before, killed: list[int] = killed) -> None:
                done = status.done + (12 if status.stage == "evaluation" else 0)  # type: ignore[attr-defined]
                at_work = status.stage in ("attribution", "evaluation") and pids()  # type: ignore[attr-defined]
                if at_work and done >= n_before and not killed:
                    killed.append(lab.draw.choice(pids()))
                    os.kill(killed[0], signal.SIGKILL)

            def one(kill: object = kill, killed: list[int] = killed) -> None:
                nonlocal kills
                run = lab.store.create(replace(lab.config))
                carried(run, kill)
                kills += len(killed)
                whole(lab, run)
                assert gone(killed), "the actor is still there"

            lab.answer(line, one)
        last = pids()
    finally:
        if engines is not None:
            engines.close()
    if not gone(last):
        line.message = "actors are left after the end of the run"
        line.survived -= 1
    line.message = line.message or f"{kills} of {line.tries} were killed at work"
    yield line
