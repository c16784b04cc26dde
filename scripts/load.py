"""Many runs in one store and many visitors of one server: how long pages take, and what stays in memory.

    python scripts/load.py                                    a store of 1,000 runs, 50 sessions, a job at work
    python scripts/load.py --runs 200 --sessions 20 --loads 40 --jobs 4

Visitors are websocket clients, not browsers: they ask for pages as a browser does, and draw nothing. The runs are of a
tiny model. Everything happens on 127.0.0.1. It prints one table.
"""

import argparse
import asyncio
import os
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]
os.environ.setdefault("OMP_NUM_THREADS", "1")

import psutil  # noqa: E402

from neuron_core.engine.engine import Engine  # noqa: E402
from neuron_core.engine.execute import execute  # noqa: E402
from neuron_core.models.spec import ModelSpec  # noqa: E402
from neuron_core.runs.config import EvaluationConfig  # noqa: E402
from neuron_core.runs.run_folder import RunFolder  # noqa: E402
from neuron_core.runs.store import Store  # noqa: E402
from neuron_core.runs.summary import summary_of  # noqa: E402
from tests.builders import classification_rows, tiny_checkpoint, write_jsonl  # noqa: E402
from tests.run_helpers import tiny_config  # noqa: E402
from visitor import Visitor, server  # noqa: E402

PAGES = ("", "overview", "attribution", "layers", "control", "questions", "neuron", "runs", "methods")
ENDED = ("done", "failed", "cancelled")
LONG = EvaluationConfig(examples=3900, ks=(4, 6, 8, 10), random_seeds=5)


class Table:
    """Rows of what was measured, printed as they come."""

    def __init__(self) -> None:
        print("| what | value |\n|---|---|", flush=True)

    def add(self, what: str, value: str) -> None:
        print(f"| {what} | {value} |", flush=True)


def filled(folder: Path, n: int) -> tuple[Store, Any]:
    """A store of copies of one finished run, and the config of a run that takes long."""
    store = Store(folder / "runs")
    model = tiny_checkpoint(folder, "llama")
    task = write_jsonl(folder / "mood.jsonl", classification_rows(4000))
    config = tiny_config(task, model)
    first = store.create(config)
    engine = Engine(ModelSpec(str(model), device="cpu"))
    execute(first, lambda _: engine)
    for number in range(n - 1):
        name = f"{time.strftime('%Y%m%d')}-{number:06d}-mood-{secrets.token_hex(8)}"
        shutil.copytree(first.path, store.root / name)
    return store, config


def interrupted(store: Store, config: Any) -> RunFolder:
    """A run that a server which is gone had in its queue: Resume begins it."""
    return store.create(config)


def held(process: psutil.Process) -> tuple[float, int]:
    """Megabytes and file descriptors."""
    return process.memory_info().rss / 1e6, process.num_fds()


def said(times: list[float]) -> str:
    ordered = sorted(times)
    at = min(len(ordered) - 1, int(0.95 * len(ordered)))
    return f"median {statistics.median(ordered):.2f} s, 95th percentile {ordered[at]:.2f} s, {len(ordered)} pages"


def busy(process: psutil.Process) -> float:
    """Seconds of the processor that it has had."""
    found = process.cpu_times()
    return float(found.user + found.system)


async def alone(address: str, table: Table, run_id: str, app: psutil.Process) -> None:
    """Every page for one visitor: the first time on this server, and twice more, each in a new session."""
    for page in PAGES:
        seconds, spent = [], []
        for _ in range(3):
            before = busy(app)
            async with Visitor(address) as visitor:
                seconds.append(await visitor.open(page, f"run={run_id}"))
                assert not visitor.errors, visitor.errors
            spent.append(busy(app) - before)
        table.add(
            f"page {page or 'start'}: first time, again",
            f"{seconds[0]:.2f} s, {min(seconds[1:]):.2f} s; of the processor {spent[0]:.2f} s, {min(spent[1:]):.2f} s",
        )


async def crowd(address: str, run_id: str, n: int, think: float, rounds: int) -> tuple[list[float], list[str], int]:
    """Sessions that open page after page, each with a pause of its own before the next one. Gives the seconds of each
    page, the errors, and the pages whose end was not said.
    """
    times: list[float] = []
    errors: list[str] = []
    unsaid = 0

    async def one(number: int) -> None:
        nonlocal unsaid
        await asyncio.sleep(think * number / n)
        try:
            async with Visitor(address) as visitor:
                for turn in range(rounds):
                    times.append(await visitor.open(PAGES[(number + turn) % len(PAGES)], f"run={run_id}"))
                    await asyncio.sleep(think)
                errors.extend(visitor.errors)
                unsaid += visitor.unsaid
        except Exception as error:
            errors.append(repr(error))

    await asyncio.gather(*(one(number) for number in range(n)))
    return times, errors, unsaid


async def resume(address: str, run_id: str) -> None:
    async with Visitor(address) as visitor:
        await visitor.open("runs", f"run={run_id}")
        await visitor.click("Resume")


async def until(condition: Callable[[], bool], seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        await asyncio.sleep(0.2)


async def measure(given: argparse.Namespace, folder: Path) -> int:
    table, bad = Table(), 0
    store, config = filled(folder, given.runs)
    began = time.perf_counter()
    for run in store.runs():
        summary_of(run)
    table.add(f"listing {given.runs} runs in a new process", f"{time.perf_counter() - began:.2f} s")
    shown = store.runs()[0].id
    with server(store.root, folder / "server.log") as (address, process):
        app = psutil.Process(process.pid)
        await alone(address, table, shown, app)
        long = interrupted(store, replace(config, evaluation=LONG))
        await resume(address, long.id)
        # From here on the worker is busy; its first question may come minutes later on a busy machine.
        await until(lambda: long.status().stage == "evaluation" or long.status().state in ENDED)
        assert long.status().state not in ENDED, long.status().message
        for think in given.pauses:
            spent = busy(app)
            times, errors, unsaid = await crowd(address, shown, given.sessions, think, 3)
            each = (busy(app) - spent) / max(1, len(times))
            words = f"{said(times)}, {len(errors)} errors, {unsaid} ends not said; {each:.2f} s of the processor a page"
            name = f"{think:g} s between two pages" if think else "without a pause"
            table.add(f"{given.sessions} sessions beside a job, {name}", words)
            bad += len(errors)
            for error in errors[:3]:
                print(error, file=sys.stderr)
        state = long.status()
        table.add("the job beside them", f"{state.state}, {state.done} of {state.total} questions")
        async with Visitor(address) as visitor:
            await visitor.open("runs", f"run={long.id}")
            if "Cancel" in visitor.buttons:
                await visitor.click("Cancel")
        await until(lambda: long.status().state not in ("queued", "running"))
        await crowd(address, shown, 4, 0.0, 5)
        before = held(app)
        for _ in range(4):
            await crowd(address, shown, 5, 0.0, given.loads // 20)
        after = held(app)
        table.add(
            f"server before and after {given.loads} page loads",
            f"{before[0]:.0f} and {after[0]:.0f} MB, {before[1]} and {after[1]} file descriptors",
        )
        bad += await jobs(address, store, config, app, given.jobs, table)
        left = [path.name for path in store.root.rglob("*") if path.suffix == ".part" or path.name[:8] == ".deleted"]
        table.add("temporary files left in the store", str(len(left)))
    return bad + len(left)


async def jobs(address: str, store: Store, config: Any, app: psutil.Process, n: int, table: Table) -> int:
    """Runs one after another in the same worker: its memory and descriptors after the first quarter and at the end."""
    seen: list[tuple[float, int]] = []
    bad = 0
    for number in range(n):
        run = interrupted(store, replace(config, seed=100 + number))
        await resume(address, run.id)
        await until(lambda run=run: run.status().state not in ("queued", "running", "interrupted"))
        bad += run.status().state != "done"
        workers = [
            one
            for one in app.children(recursive=True)
            if "neuron_core.service.worker_process" in " ".join(one.cmdline())
        ]
        seen.append(held(workers[0]))
    early, late = seen[len(seen) // 4], seen[-1]
    table.add(
        f"worker after {len(seen) // 4 + 1} and after {n} runs",
        f"{early[0]:.0f} and {late[0]:.0f} MB, {early[1]} and {late[1]} file descriptors, {bad} runs failed",
    )
    return bad


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1000, help="in the store")
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument(
        "--pauses",
        type=float,
        nargs="+",
        default=[20.0, 5.0, 2.0, 0.0],
        help="of a session between two pages, in seconds",
    )
    parser.add_argument("--loads", type=int, default=200, help="pages over which the server's memory is watched")
    parser.add_argument("--jobs", type=int, default=20, help="runs over which the worker's memory is watched")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        return int(asyncio.run(measure(given, Path(folder))) > 0)


if __name__ == "__main__":
    sys.exit(main())
