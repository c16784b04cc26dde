"""A tiny run, and how two run folders are compared."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig
from neuron_core.runs.files import seal, unseal
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.units import UnitLog

ATTRIBUTION_QUESTIONS = 12
EVALUATION_QUESTIONS = 24
DEADLINE_S = 150.0


def tiny_config(task: Path, model: Path, **changes: Any) -> RunConfig:
    """12 attribution and 24 evaluation questions."""
    settings: dict[str, Any] = {
        "attribution": AttributionConfig(examples=4, z=12, k=6),
        "evaluation": EvaluationConfig(examples=8, ks=(4, 6), random_seeds=2),
    }
    return RunConfig(task=str(task), model=ModelSpec(str(model), device="cpu"), **{**settings, **changes})


def long_config(task: Path, model: Path) -> RunConfig:
    """12 attribution and 60 evaluation questions of 352 interventions each: time to step in."""
    return tiny_config(task, model, evaluation=EvaluationConfig(examples=20, ks=(4, 6, 8, 10), random_seeds=3))


def contents(run: RunFolder) -> dict[str, Any]:
    """Every result in a run folder: arrays by file and name, and the evaluation."""
    found: dict[str, Any] = {}
    for name, log in logs(run).items():
        for number in sorted(log.numbers()):
            found |= {f"{name}/{number}:{array}": value for array, value in log.read(number).items()}
    for path in sorted(run.path.rglob("*.npz")):
        with np.load(path) as arrays:
            found |= {f"{path.name}:{name}": arrays[name] for name in arrays}
    return {**found, "evaluation": run.evaluation()}


def logs(run: RunFolder) -> dict[str, UnitLog]:
    """The logs of units of a run as it stands."""
    return {"scores": run._scores, "examples": run._examples, "evaluation": run._evaluation}


def rewrite(path: Path, change: Callable[[str], str]) -> None:
    """Another text for a JSON file of a run, sealed as if it had always been there."""
    data, marks = unseal(path.read_bytes(), path)
    path.write_bytes(seal(change(data.decode()), marks))


def revalue(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """`change` alters the object in a JSON file of a run in place."""

    def changed(text: str) -> str:
        found = json.loads(text)
        change(found)
        return json.dumps(found)

    rewrite(path, changed)


def assert_equal_results(one: RunFolder, other: RunFolder) -> None:
    """Bit for bit."""
    ours, theirs = contents(one), contents(other)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        if isinstance(value, np.ndarray):
            assert value.dtype == theirs[name].dtype, name
            assert np.array_equal(value, theirs[name]), name
        else:
            assert value == theirs[name], name


def written(run: RunFolder) -> dict[str, int]:
    """When each result was written: places in the logs of units, times of other files but the sums, which grow."""
    found = {f"{name}/{number}": at for name, log in logs(run).items() for number, at in log.places().items()}
    paths = [path for path in run.path.rglob("*.npz") if path.name != "sums.npz"]
    return found | {str(path.relative_to(run.path)): path.stat().st_mtime_ns for path in paths}


def wait_until(condition: Callable[[], Any], what: str) -> None:
    """Looks again and again; fails after the deadline."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f"waited {DEADLINE_S:.0f} s for: {what}"
        time.sleep(0.005)
