"""Disks that are full, refuse, or lose what was not synced when the power goes."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from faulting.lab import Lab, Line, places, prepared, wanted
from neuron_core.errors import NeuronCoreError, RunError
from neuron_core.runs import files


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
