"""Processes that are killed in the middle of a command."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from faulting.lab import Lab, Line, is_locked, killed, places, prepared, seconds, wanted
from neuron_core import cli
from neuron_core.runs.repair import verify
from neuron_core.runs.store import Store
from tests.builders import classification_rows, write_jsonl
from tests.run_helpers import contents


def kills(lab: Lab) -> Iterator[Line]:
    for kind in ("attribute", "attribute, sums alone kept", "evaluate", "evaluate again"):
        line, hit = Line(f"SIGKILL in {kind}"), 0
        for _ in lab.tries(4, 100):
            run = prepared(lab, kind)
            hit += killed(lambda run=run: lab.finish(run), lab.draw.uniform(0, seconds(lab, kind)))
            if kind == "evaluate again" and run.pending_folder():
                # What was there is shown until the new one is whole.
                assert contents(run)["evaluation"] == contents(lab.whole)["evaluation"]
            # Scores that are whole until they are summed have no place yet.
            lab.check(line, run, wanted(lab, kind), places(run) if "alone" not in kind else None)
        line.message = line.message or f"{hit} of {line.tries} were still at work"
        yield line


def experiments(lab: Lab) -> Iterator[Line]:
    """`experiment` of two tasks, as the command line carries it out; given again it goes on."""
    # Imported once, before the forks: it takes longer than the tables.
    import neuron_core.experiments.files
    import neuron_core.experiments.outputs  # noqa: F401

    tasks = [
        write_jsonl(lab.folder / f"{name}.jsonl", classification_rows(20, labels))
        for name, labels in (("mood", ("good", "fair", "bad")), ("tone", ("high", "mild", "low")))
    ]
    words = [
        *("experiment", "table1", "overlap", "--tasks", ",".join(map(str, tasks)), "--model", str(lab.model)),
        *("--device", "cpu", "--examples", "4", "--attribution-examples", "2", "--steps", "4", "--random-seeds", "1"),
        *("--k", "6", "--z", "12"),
    ]

    def carry_out(place: Path) -> None:
        os.environ["NEURONLLM_RUNS"] = str(place / "runs")
        with open(os.devnull, "w", encoding="utf-8") as nothing:
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
        os._exit(cli.main([*words, "--out", str(place / "out")]))

    def made(place: Path) -> dict[str, bytes]:
        tables = sorted(place.glob("out/*.csv"))
        assert tables, "no table was written"
        return {path.name: path.read_bytes() for path in tables}

    def judge(place: Path) -> None:
        runs = Store(place / "runs").runs()
        assert not any(map(is_locked, runs)), "a stale lock"
        killed(lambda: carry_out(place), None)
        assert made(place) == whole, "other tables"
        assert all(verify(run) == [] for run in runs), "a damaged run"
        assert len(Store(place / "runs").runs()) == len(tasks), "a run was made twice"

    first = lab.folder / "experiment"
    began = time.monotonic()
    killed(lambda: carry_out(first), None)
    usual, whole = time.monotonic() - began, made(first)
    line, hit = Line("SIGKILL in experiment"), 0
    for number in lab.tries(2, 100):
        place = lab.folder / f"experiment-{number}"
        hit += killed(lambda place=place: carry_out(place), lab.draw.uniform(0, usual))
        lab.answer(line, lambda place=place: judge(place))
        shutil.rmtree(place, ignore_errors=True)
    line.message = line.message or f"{hit} of {line.tries} were still at work"
    yield line
