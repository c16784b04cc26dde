"""A tiny run, and how two run folders are compared."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig
from neuron_core.runs.store import RunFolder

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
    for path in sorted(run.path.rglob("*.npz")):
        with np.load(path) as arrays:
            found |= {f"{path.relative_to(run.path)}:{name}": arrays[name] for name in arrays}
    path = run.path / "evaluation.json"
    return {**found, "evaluation": json.loads(path.read_text()) if path.exists() else None}


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
    """When each result file was written, but for the sums, which grow with every example."""
    paths = [path for path in run.path.rglob("*.npz") if path.name != "sums.npz"]
    return {str(path.relative_to(run.path)): path.stat().st_mtime_ns for path in paths}


def wait_until(condition: Callable[[], Any], what: str) -> None:
    """Looks again and again; fails after the deadline."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f"waited {DEADLINE_S:.0f} s for: {what}"
        time.sleep(0.005)
