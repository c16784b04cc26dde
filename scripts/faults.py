"""Faults, tried one after another on a tiny model: kills, power cuts, full disks, damage, two at once, hostile files.

    python scripts/faults.py            the short form, as in the tests
    python scripts/faults.py --full     more tries of each
    python scripts/faults.py --full --most 20 --only kill,damage --seed 3

Every try ends in a run that is resumed and compared with one that nothing disturbed, bit for bit. It prints one table;
the exit code is 1 where a try did not survive. Needs a system with fork. Opens no connection.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402

from neuron_core.cni.sets import from_json  # noqa: E402
from neuron_core.engine.engine import Engine  # noqa: E402
from neuron_core.engine.execute import execute  # noqa: E402
from neuron_core.errors import NeuronCoreError, RunError  # noqa: E402
from neuron_core.models.spec import ModelSpec  # noqa: E402
from neuron_core.runs import files  # noqa: E402
from neuron_core.runs.config import EvaluationConfig, RunConfig  # noqa: E402
from neuron_core.runs.repair import LOST, repair, verify  # noqa: E402
from neuron_core.runs.run_folder import RunFolder  # noqa: E402
from neuron_core.runs.store import Store  # noqa: E402
from tests.builders import classification_rows, tiny_checkpoint, write_jsonl  # noqa: E402
from tests.run_helpers import assert_equal_results, contents, logs, tiny_config  # noqa: E402

TIMEOUT_S = 60.0
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

    def __init__(self, folder: Path, seed: int, full: bool, most: int) -> None:
        self.folder, self.draw, self.full, self.most = folder, random.Random(seed), full, most
        task = write_jsonl(folder / "wéather 1.jsonl", classification_rows(48))
        self.model = tiny_checkpoint(folder, "llama")
        self.config = tiny_config(task, self.model)
        self.engine = Engine(ModelSpec(str(self.model), device="cpu"))
        self.store = Store(folder / "rüns here")
        self.names = iter(range(10**9))
        self.whole = self.made(self.config)
        self.attributed = self.made(replace(self.config, evaluation=None))
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

    def tries(self, short: int, full: int) -> range:
        return range(min(full if self.full else short, self.most))

    def check(self, line: Line, run: RunFolder, wanted: RunFolder, kept: dict[str, int] | None = None) -> None:
        """Resumes a run and counts it as survived when it comes out as the undisturbed one."""
        line.tries += 1
        try:
            repair(run)
            self.finish(run)
            assert_equal_results(run, wanted)
            assert verify(run) == []
            again = places(run)
            line.lost += sum(again.get(name) != place for name, place in (kept or {}).items())
            line.survived += 1
        except (NeuronCoreError, AssertionError) as error:
            line.message = f"{type(error).__name__}: {error}"
        shutil.rmtree(run.path.parent if run.path.parent.parent.name == "tries" else run.path)


def places(run: RunFolder) -> dict[str, int]:
    """Where each finished question lies: one that is computed again lies elsewhere."""
    found = logs(run.due() or run)
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
    if kind == "attribute":
        return lab.store.create(replace(lab.config, evaluation=None))
    run = lab.copy(lab.attributed if kind == "evaluate" else lab.whole)
    run.set_evaluation(lab.config if kind == "evaluate" else replace(lab.config, evaluation=OTHER))
    return run


def wanted(lab: Lab, kind: str) -> RunFolder:
    return {"attribute": lab.attributed, "evaluate": lab.whole, "evaluate again": lab.evaluated}[kind]


def kills(lab: Lab) -> Iterator[Line]:
    for kind in ("attribute", "evaluate", "evaluate again"):
        line, hit = Line(f"SIGKILL in {kind}"), 0
        for _ in lab.tries(4, 100):
            run = prepared(lab, kind)
            hit += killed(lambda run=run: lab.finish(run), lab.draw.uniform(0, seconds(lab, kind)))
            if kind == "evaluate again" and run.due_folder():
                # What was there is shown until the new one is whole.
                assert contents(run)["evaluation"] == contents(lab.whole)["evaluation"]
            lab.check(line, run, wanted(lab, kind), places(run))
        line.message = line.message or f"{hit} of {line.tries} were still at work"
        yield line


class Counting(files.Disk):
    """Does what `at` says at the write of this number, and from there on where it says so."""

    def __init__(self, number: int, error: int) -> None:
        self.left, self.error = number, error

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(self.error, os.strerror(self.error))

    def write(self, path: Path, data: bytes) -> None:
        if self.left == 0:
            super().write(path, data[: len(data) // 2])
        self._count()
        super().write(path, data)

    def append(self, path: Path, data: bytes) -> None:
        if self.left == 0:
            super().append(path, data[: len(data) // 2])
        self._count()
        super().append(path, data)


def with_disk(disk: files.Disk, act: Callable[[], object]) -> BaseException | None:
    """Carries `act` out on this disk; gives what it raised."""
    files.disk = disk
    try:
        act()
    except (NeuronCoreError, SystemExit, OSError) as error:
        return error
    finally:
        files.disk = files.Disk()
    return None


def full_disks(lab: Lab) -> Iterator[Line]:
    for name, number in (("disk full", 28), ("permission denied", 13), ("read-only file system", 30)):
        line, kind = Line(f"{name} at a write"), lab.draw.choice(("attribute", "evaluate again"))
        for _ in lab.tries(4, 60):
            run = prepared(lab, kind)
            error = with_disk(Counting(lab.draw.randrange(60), number), lambda run=run: lab.finish(run))
            if error is not None and not isinstance(error, RunError):
                line.message, line.tries = f"no words: {error!r}", line.tries + 1
                continue
            kept = places(run)
            lab.check(line, run, wanted(lab, kind), kept)
            line.message = line.message or (str(error).partition(". Where")[0] if error else "")
        yield line


class PowerCut(files.Disk):
    """Keeps what was not synced in mind; `cut` loses any part of it."""

    def __init__(self, at: int, draw: random.Random) -> None:
        self.left, self.draw = at, draw
        self.unsynced: dict[Path, int] = {}
        self.renamed: list[tuple[Path, Path, bytes | None]] = []

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise SystemExit

    def write(self, path: Path, data: bytes) -> None:
        self._count()
        self.unsynced[path] = 0
        super().write(path, data)

    def append(self, path: Path, data: bytes) -> None:
        self._count()
        self.unsynced.setdefault(path, path.stat().st_size if path.exists() else 0)
        super().append(path, data)

    def sync(self, path: Path) -> None:
        self._count()
        super().sync(path)
        self.unsynced.pop(path, None)

    def rename(self, old: Path, new: Path) -> None:
        self._count()
        self.renamed.append((old, new, new.read_bytes() if new.exists() else None))
        super().rename(old, new)
        if old in self.unsynced:
            self.unsynced[new] = self.unsynced.pop(old)

    def sync_folder(self, path: Path) -> None:
        self._count()
        super().sync_folder(path)
        self.renamed = [one for one in self.renamed if one[1].parent != path]

    def cut(self) -> None:
        """The power is gone: unsynced bytes may be there in part, unsynced names may be the old ones."""
        for path, kept in self.unsynced.items():
            if path.exists():
                data = path.read_bytes()
                path.write_bytes(data[: self.draw.randint(kept, len(data))])
        for _, new, before in reversed(self.renamed):
            if self.draw.random() < 0.5 and new.exists():
                new.unlink() if before is None else new.write_bytes(before)


def power_cuts(lab: Lab) -> Iterator[Line]:
    line = Line("power cut between any two operations")
    for _ in lab.tries(8, 200):
        kind = lab.draw.choice(("attribute", "evaluate", "evaluate again"))
        run = prepared(lab, kind)
        disk = PowerCut(lab.draw.randrange(250), lab.draw)
        with_disk(disk, lambda run=run: lab.finish(run))
        disk.cut()
        lab.check(line, run, wanted(lab, kind))
    yield line


def damage(lab: Lab) -> Iterator[Line]:
    found = [path.relative_to(lab.whole.path) for path in lab.whole.path.rglob("*") if path.is_file()]
    names = sorted(one for one in found if one.name not in (".lock", ".queued", "events.jsonl"))
    other = lab.made(replace(lab.config, seed=1))
    ways: dict[str, Callable[[bytes, Path], bytes]] = {
        "truncated": lambda data, _: data[: lab.draw.randrange(len(data))],
        "emptied": lambda data, _: b"",
        "one bit flipped": lambda data, _: flipped(data, lab.draw),
        "swapped with another run's": lambda data, name: (other.path / name).read_bytes(),
    }
    for way, spoil in ways.items():
        line = Line(f"file {way}")
        for _ in lab.tries(1, 4):
            for name in names if lab.full else lab.draw.sample(names, 5):
                run = lab.copy(lab.whole)
                path = run.path / name
                path.write_bytes(spoil(path.read_bytes(), name))
                said = verify(run)
                line.message = said[0].why if said else line.message
                if not said:
                    line.tries, line.message = line.tries + 1, f"not found in {name}"
                elif all(one.mend == LOST for one in said):
                    # Named, and never read: the config is what nothing else knows.
                    line.tries, line.survived = line.tries + 1, line.survived + 1
                else:
                    lab.check(line, run, lab.whole)
        yield line


def flipped(data: bytes, draw: random.Random) -> bytes:
    found, at = bytearray(data), draw.randrange(len(data))
    found[at] ^= 1 << draw.randrange(8)
    return bytes(found)


def at_once(lab: Lab) -> Iterator[Line]:
    line = Line("two evaluations of one run at once")
    for _ in lab.tries(2, 20):
        run, children = lab.copy(lab.attributed), []
        out = [run.path.parent / f"answer-{number}" for number in (0, 1)]
        for place, evaluation in zip(out, (lab.config.evaluation, OTHER), strict=True):
            child = os.fork()
            if child == 0:
                try:
                    mine = RunFolder(run.path)
                    with mine.taken():
                        mine.set_evaluation(replace(mine.config(), evaluation=evaluation))
                        lab.finish(mine)
                        place.write_text(json.dumps(sorted({row.k for row in mine.evaluation().grid})))
                except NeuronCoreError as error:
                    place.write_text(json.dumps(error.what))
                finally:
                    os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
        line.tries += 1
        answers = [json.loads(place.read_text()) for place in out]
        refused = [one for one in answers if isinstance(one, str)]
        asked_for = [sorted(evaluation.ks) for evaluation in (lab.config.evaluation, OTHER)]
        right = all(isinstance(a, str) or a == ks for a, ks in zip(answers, asked_for, strict=True))
        line.survived += right and all("another process" in one for one in refused) and verify(run) == []
        line.message = refused[0] if refused else line.message
    yield line
    line = Line("run folder deleted under a job")
    for _ in lab.tries(2, 20):
        run = prepared(lab, "attribute")
        asked = iter(range(10**6))

        def stop(run: RunFolder = run, asked: Iterator[int] = asked, at: int = lab.draw.randrange(2, 12)) -> bool:
            if next(asked) == at:
                shutil.rmtree(run.path)
            return False

        line.tries += 1
        try:
            execute(run, lambda _: lab.engine, should_stop=stop)
        except RunError as error:
            line.survived, line.message = line.survived + 1, error.what
    yield line
    line = Line("clock that jumps back")
    for _ in lab.tries(1, 5):
        run, real = prepared(lab, "attribute"), time.time
        try:
            time.time = lambda real=real: real() - lab.draw.uniform(0, 1e6)
            lab.finish(run)
        finally:
            time.time = real
        lab.check(line, run, lab.attributed)
    yield line


def hostile(lab: Lab) -> Iterator[Line]:
    good = json.loads(json.dumps({"format": "neuronllm-neuron-set", "version": 1}))
    neuron = {"layer": 10**9, "index": 0, "score": 1.0, "role": "good"}
    whole = {"name": "n", "model_title": "m", "model_fingerprint": "f", "task": "t", "method": "ace", "config": {}}
    neurons = {**good, **whole, "n_layers": 2, "n_neurons": 4, "neurons": [neuron]}
    line = Line("neuron set with layer 10⁹")
    refuse(line, lambda: from_json(json.dumps(neurons)))
    yield line
    line = Line("array file with a pickled object")
    run = lab.copy(lab.whole)
    np.savez(run.path / "sums.npz", scores=np.array([{}], dtype=object))
    refuse(line, run.sums)
    yield line
    line = Line("run named by a path or a link")
    (lab.store.root / "link").symlink_to(lab.folder)
    for name in ("../model", str(lab.whole.path), "link", "x" * 5000, "a\0b", "..", ""):
        refuse(line, lambda name=name: lab.store.inside(name))
    yield line


def refuse(line: Line, act: Callable[[], object]) -> None:
    line.tries += 1
    try:
        act()
    except NeuronCoreError as error:
        line.survived, line.message = line.survived + 1, error.what[:70]


GROUPS = {
    "kill": kills,
    "disk": full_disks,
    "power": power_cuts,
    "damage": damage,
    "at-once": at_once,
    "hostile": hostile,
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--full", action="store_true", help="more tries of each fault")
    parser.add_argument("--most", type=int, default=10**9, help="no more tries of a fault than this")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default=",".join(GROUPS), help=f"of {', '.join(GROUPS)}")
    said = parser.parse_args(argv)
    bad = 0
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        lab = Lab(Path(folder), said.seed, said.full, said.most)
        print("| fault | tries | survived | lost | message |\n|---|---|---|---|---|", flush=True)
        for name in said.only.split(","):
            for line in GROUPS[name](lab):
                message = " ".join(line.message.replace(folder, "").split())[:110]
                print(f"| {line.fault} | {line.tries} | {line.survived} | {line.lost} | {message} |", flush=True)
                bad += line.tries - line.survived + line.lost
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
