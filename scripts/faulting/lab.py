"""What every try needs: a task, a tiny model, an undisturbed run, and how a run is held against it."""

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import psutil

from neuron_core.engine import example_sums
from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.errors import NeuronCoreError
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import EvaluationConfig, RunConfig
from neuron_core.runs.files import PART
from neuron_core.runs.repair import repair, verify
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from tests.builders import classification_rows, tiny_checkpoint, write_jsonl
from tests.run_helpers import assert_equal_results, logs, tiny_config

OTHER = EvaluationConfig(examples=6, ks=(5,), random_seeds=1)


@dataclass
class Line:
    """One line of the table."""

    fault: str
    tries: int = 0
    survived: int = 0
    lost: int = 0
    "finished units that were computed again"
    message: str = ""
    "the last one that a user would see"


class Lab:
    """A task, a tiny model and what its runs come out as."""

    def __init__(self, folder: Path, seed: int, full: bool, most: int, seconds: float) -> None:
        """most: tries of a fault; seconds: after which no further try of a fault begins."""
        self.folder, self.draw, self.full, self.most, self.seconds = folder, random.Random(seed), full, most, seconds
        # So that runs of four examples are killed between two savings of their sums, too.
        example_sums.SAVED_EVERY = 3
        task = write_jsonl(folder / "wéather 1.jsonl", classification_rows(48))
        self.model = tiny_checkpoint(folder, "llama")
        self.config = tiny_config(task, self.model)
        self.engine = Engine(ModelSpec(str(self.model), device="cpu"))
        self.store = Store(folder / "rüns here")
        self.names = iter(range(10**9))
        self.whole = self.made(self.config)
        self.attributed = self.made(replace(self.config, evaluation=None))
        self.thin = replace(self.attributed.config(), attribution=replace(self.config.attribution, keep_bytes=0))
        self.thinned = self.made(self.thin)
        self.evaluated = self.copy(self.whole)
        self.evaluated.set_evaluation(replace(self.config, evaluation=OTHER))
        self.finish(self.evaluated)

    def made(self, config: RunConfig) -> RunFolder:
        run = self.store.create(config)
        self.finish(run)
        return run

    def copy(self, run: RunFolder) -> RunFolder:
        return RunFolder(shutil.copytree(run.path, self.folder / "tries" / str(next(self.names)) / run.id))

    def finish(self, run: RunFolder) -> None:
        # A lock that was made before a fork is not taken after it.
        execute(RunFolder(run.path), lambda _: self.engine)

    def tries(self, short: int, full: int) -> Iterator[int]:
        end = time.monotonic() + self.seconds
        for number in range(min(full if self.full else short, self.most)):
            if number and time.monotonic() > end:
                return
            if number % 10 == 0 and self.full:
                print(time.strftime("%H:%M:%S"), f"{number} tries", file=sys.stderr, flush=True)
            yield number

    def check(self, line: Line, run: RunFolder, wanted: RunFolder, kept: dict[str, int] | None = None) -> None:
        """Resumes a run and counts it as survived when it comes out as the undisturbed one."""
        line.tries += 1
        try:
            assert not is_locked(run), "a stale lock"
            repair(run)
            self.finish(run)
            assert_equal_results(run, wanted)
            assert verify(run) == []
            half = [path.name for path in run.path.rglob(".*") if path.suffix == PART or path.name[:8] == ".deleted"]
            assert half == [], f"half files {half}"
            again = places(run)
            line.lost += sum(again.get(name) != place for name, place in (kept or {}).items())
            line.survived += 1
        except (NeuronCoreError, AssertionError) as error:
            line.message = f"{type(error).__name__}: {error}"
        shutil.rmtree(run.path.parent if run.path.parent.parent.name == "tries" else run.path)

    def answer(self, line: Line, act: Callable[[], object]) -> None:
        """Counts a try that `act` judges: survived when it raises nothing."""
        line.tries += 1
        try:
            act()
            line.survived += 1
        except (NeuronCoreError, AssertionError) as error:
            line.message = f"{type(error).__name__}: {error}"


def places(run: RunFolder) -> dict[str, int]:
    """Where each finished question lies: one that is computed again lies elsewhere."""
    found = logs(run.pending() or run)
    return {f"{name}/{n}": at for name in ("scores", "evaluation") for n, at in found[name].places().items()}


def killed(act: Callable[[], object], after_s: float | None) -> bool:
    """Carries `act` out in a process of its own, and kills it after so many seconds; whether it was still at it."""
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(0)
    if after_s is not None:
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@cache
def seconds(lab: Lab, kind: str) -> float:
    """How long one of these takes, undisturbed, in a process of its own."""
    run, began = prepared(lab, kind), time.monotonic()
    killed(lambda: lab.finish(run), None)
    return time.monotonic() - began


def prepared(lab: Lab, kind: str) -> RunFolder:
    """A run that has an attribution, a first evaluation, or another evaluation before it."""
    if kind == "attribute, sums alone kept":
        return lab.store.create(lab.thin)
    if kind == "attribute":
        return lab.store.create(replace(lab.config, evaluation=None))
    run = lab.copy(lab.attributed if kind == "evaluate" else lab.whole)
    run.set_evaluation(lab.config if kind == "evaluate" else replace(lab.config, evaluation=OTHER))
    return run


def wanted(lab: Lab, kind: str) -> RunFolder:
    return {
        "attribute": lab.attributed,
        "attribute, sums alone kept": lab.thinned,
        "evaluate": lab.whole,
        "evaluate again": lab.evaluated,
    }[kind]


def is_locked(run: RunFolder) -> bool:
    """Whether a process works on the run, or has it in its queue."""
    return run.is_held() or run.is_claimed()


def gone(pids: list[int], within_s: float = 10.0) -> bool:
    """Whether all of these processes end in time."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids):
            return True
        time.sleep(0.05)
    return False
