"""Faults, tried one after another on a tiny model: kills, power cuts, full disks, damage, several at once.

    python scripts/faults.py            the short form, as in the tests
    python scripts/faults.py --full     more tries of each
    python scripts/faults.py --full --most 20 --only kill,damage --seed 3
    python scripts/faults.py --full --seconds 240

Every try ends in a run that is resumed and compared with one that nothing disturbed, bit for bit. It prints one table;
the exit code is 1 where a try did not survive. Needs a system with fork. Opens no connection beyond this machine.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]
os.environ.setdefault("OMP_NUM_THREADS", "1")

from faulting.damage import damage, hostile  # noqa: E402
from faulting.disks import full_disks, power_cuts  # noqa: E402
from faulting.kills import experiments, kills  # noqa: E402
from faulting.lab import Lab  # noqa: E402
from faulting.processes import actors, servers, workers  # noqa: E402
from faulting.together import at_once, interleaved, jobs  # noqa: E402

GROUPS = {
    "kill": kills,
    "experiment": experiments,
    "server": servers,
    "worker": workers,
    "disk": full_disks,
    "power": power_cuts,
    "damage": damage,
    "at-once": at_once,
    "hostile": hostile,
    "threads": interleaved,
    "jobs": jobs,
    "actor": actors,
}
"in this order: no process is forked once there are threads, and the cluster comes last"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--full", action="store_true", help="more tries of each fault")
    parser.add_argument("--most", type=int, default=10**9, help="no more tries of a fault than this")
    parser.add_argument("--seconds", type=float, default=1e9, help="after which no further try of a fault begins")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default=",".join(GROUPS), help=f"of {', '.join(GROUPS)}")
    said = parser.parse_args(argv)
    bad = 0
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        lab = Lab(Path(folder), said.seed, said.full, said.most, said.seconds)
        print("| fault | tries | survived | lost | message |\n|---|---|---|---|---|", flush=True)
        for name in said.only.split(","):
            for line in GROUPS[name](lab):
                message = " ".join(line.message.replace(folder, "").split())[:110]
                print(f"| {line.fault} | {line.tries} | {line.survived} | {line.lost} | {message} |", flush=True)
                bad += line.tries - line.survived + line.lost
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
