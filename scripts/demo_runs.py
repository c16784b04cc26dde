"""Makes the finished demo runs that come with the app, and packs them small.

    python scripts/demo_runs.py FOLDER [TASK ...]

Carries out the demo run of each task in FOLDER (it goes on where it stopped), then writes a small copy into assets:
assets/demo_run is the task that the Start page offers first, assets/demo_runs/TASK the others. A copy has everything
that the pages show, with two savings. The scores of single attribution questions are left out, except for one question
of the first task. Dense arrays (sums, loudness, these scores) are rounded to a small share of their largest number,
which lets them be compressed. Rankings, option probabilities and results are kept as they are. What the Neuron page
shows of the strongest neurons is measured on the copy of the first task, and is kept when that copy is packed again:

    python -m neuron_core measure-neurons --run assets/demo_run --strongest 10 --texts 120
"""

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.paths import ASSETS
from neuron_core.runs.demo import DEMO_TASK, demo_config
from neuron_core.runs.questions import make_setting
from neuron_core.runs.repair import verify
from neuron_core.runs.results import plan_for
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from neuron_core.tasks.load import bundled_tasks

KEPT_QUESTION = 7
"of the first task: the one whose scores a test computes again"
SHARE = {
    "ig": 2.0**-19,
    "neurons": 2.0**-13,
    "scores": 2.0**-13,
    "values": 2.0**-8,
    "magnitudes": 2.0**-8,
    "loudness": 2.0**-10,
}
"step of rounding, as a share of the largest |number| of the array (of each method's array)"


def rounded(array: np.ndarray, share: float) -> np.ndarray:
    """The array, (..., L, I), in whole steps of `share` times the largest |number| of each (L, I) part."""
    step = np.abs(array).max(axis=(-2, -1), keepdims=True) * share
    return (np.round(array / step) * step).astype(array.dtype)


def carried_out(task: str, folder: Path, engine: Engine) -> RunFolder:
    path = folder / task
    run = RunFolder(path) if path.exists() else Store().create(demo_config(task=task), path.absolute())
    if run.config() != demo_config(task=task):
        raise SystemExit(f"{path} is a run with other settings")
    with run.taken():
        execute(run, lambda say: engine)
    return run


def packed(run: RunFolder, target: Path, whole: set[int]) -> int:
    """Writes the small copy, with all scores of the questions in `whole`. Returns its size in bytes."""
    kept = run.setting()
    made = make_setting(run.config(), kept.model)
    assert (made.attribution, made.evaluation) == (kept.attribution, kept.evaluation)
    with tempfile.TemporaryDirectory() as folder:
        small = RunFolder(shutil.copytree(run.path, Path(folder) / target.name))
        # Facts that an earlier version did not keep about the same questions.
        small.save_setting(made)
        for number in small.scored():
            small.thin_scores(number)
        for number in whole:
            small.save_scores(number, run.scores(number), apart=True)
        small._scores.keep(small._scores.numbers() - whole)
        dense = [small.path / "sums.npz", small.path / "loudness.npz", *small.path.glob("scores/*.npz")]
        for path in small.path.rglob("*.npz"):
            arrays = {
                name: rounded(array, SHARE[name]) if path in dense and name in SHARE and array.size else array
                for name, array in small._read_arrays(path).items()
            }
            small._write_arrays(path, arrays, compressed=True)
        (small.path / "lock").unlink(missing_ok=True)
        if (target / "neurons").is_dir():
            # Measured on the small copy itself, with `measure-neurons`.
            shutil.copytree(target / "neurons", small.path / "neurons", dirs_exist_ok=True)
        same = zip(plan_for(run), plan_for(small), strict=True)
        assert all((a.good == b.good).all() and (a.bad == b.bad).all() for a, b in same)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(small.path, target)
    return sum(path.stat().st_size for path in target.rglob("*") if path.is_file())


def main(folder: Path, tasks: list[str]) -> None:
    engine = None
    for task in tasks:
        engine = engine or Engine(demo_config(task=task).model)
        run = carried_out(task, folder, engine)
        first = task == DEMO_TASK
        target = ASSETS / "demo_run" if first else ASSETS / "demo_runs" / task
        size = packed(run, target, {KEPT_QUESTION} if first else set())
        damage = verify(RunFolder(target))
        print(f"{task}: {run.status().state}, {size / 1e6:.2f} MB", *damage, flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:] or [DEMO_TASK, *(task for task in bundled_tasks() if task != DEMO_TASK)])
