"""How long whole commands take, from the start of Python to the end of the process, and when the first question begins.

    python scripts/commands.py
    python scripts/commands.py --times 5 --commands attribute

Each command is run once untimed, after which the embedded model is in the cache and Python's modules are compiled, and
then `--times` times. Processor seconds are those of all threads. Seconds by the clock mean little while something else
runs, so the machine's load at the start of each command is printed with them.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, fields
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from neuron_core.runs.run_folder import RunFolder  # noqa: E402

COMMANDS = {"attribute": ["attribute", "--task", "ner"], "demo": ["demo"]}
LOOKS_EVERY_S = 0.02
TO_WRITE_BYTECODE = "PYTHONDONTWRITEBYTECODE"


@dataclass(frozen=True)
class Timing:
    """One run of a command. Seconds by the clock, or of the processor if the name says so."""

    load: float
    "processes that wanted a processor, over the minute before"
    first: float
    "to the first question"
    first_processor: float
    whole: float
    whole_processor: float


def timing(arguments: list[str], folder: Path) -> Timing:
    """Runs a command of `python -m neuron_core` whose run lies in `folder`. CalledProcessError if it fails."""
    environment = {name: value for name, value in os.environ.items() if name != TO_WRITE_BYTECODE}
    load, began = os.getloadavg()[0], time.perf_counter()
    command = [sys.executable, "-m", "neuron_core", *arguments, "--out", str(folder)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        seen = psutil.Process(process.pid)
        first = first_processor = 0.0
        while not first and seen.status() != psutil.STATUS_ZOMBIE:
            time.sleep(LOOKS_EVERY_S)
            if attributes(folder):
                first, used = time.perf_counter() - began, seen.cpu_times()
                first_processor = used.user + used.system
        # Of the process itself alone, unlike what the system counts for all processes that have ended.
        _, status, used_up = os.wait4(process.pid, 0)
        whole = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Timing(load, first, first_processor, whole, used_up.ru_utime + used_up.ru_stime)


def attributes(folder: Path) -> bool:
    """Whether the run in this folder, which may not be there yet, has reached its first question."""
    if not (folder / "config.json").is_file():
        return False
    return any(event.get("stage") == "attribution" for event in RunFolder(folder).events())


def row(name: str, timings: list[Timing]) -> str:
    """The medians, and the range of each, as a row of a table."""
    cells = []
    for field in fields(Timing):
        values = sorted(getattr(one, field.name) for one in timings)
        cells.append(f"{statistics.median(values):.1f} ({values[0]:.1f} to {values[-1]:.1f})")
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--commands", default=",".join(COMMANDS), help="which commands, with commas between them")
    said = parser.parse_args()
    print("| command | load | first question, s | of the processor, s | whole, s | of the processor, s |")
    print("|---|---|---|---|---|---|")
    for name in said.commands.split(","):
        with tempfile.TemporaryDirectory() as place:
            found = [timing(COMMANDS[name], Path(place) / str(number)) for number in range(said.times + 1)]
        print(row(f"`{' '.join(COMMANDS[name])}`", found[1:]), flush=True)


if __name__ == "__main__":
    main()
