"""Estimates what an attribution will cost, from finished runs if there are any, otherwise by arithmetic. No torch."""

from collections.abc import Iterable
from dataclasses import dataclass

from neuron_core.cni.methods import targets_of
from neuron_core.estimates.arithmetic import DEVICES, attribution_cost, disk_bytes, seconds_on
from neuron_core.models.dimensions import BYTES
from neuron_core.models.size import Size
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.proxies import N_PROXIES
from neuron_core.runs.config import RunConfig
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import ModelFacts


@dataclass(frozen=True)
class Pace:
    """The seconds per question of a finished run."""

    seconds: float
    steps: int
    run_id: str


@dataclass(frozen=True)
class Estimate:
    """Expected time and memory of an attribution. A field is None if it is not known."""

    n_questions: int
    seconds: float | None
    "the attribution alone, without loading the model"
    pace: Pace | None
    "the finished run on which `seconds` is based; None if it was computed"
    weight_bytes: int | None
    working_bytes: int | None
    "memory of a pass, without the weights"
    disk_bytes: int | None
    "size of the files that are kept"


def facts_from_runs(spec: ModelSpec, runs: Iterable[RunFolder]) -> ModelFacts | None:
    """The facts about this model from the newest run with exactly this spec. runs: newest first."""
    for run in runs:
        if run.config().model == spec and (setting := run.setting()) is not None:
            return setting.model
    return None


def pace_from_runs(spec: ModelSpec, runs: Iterable[RunFolder]) -> Pace | None:
    """The pace of the newest finished attribution with exactly this spec. runs: newest first."""
    for run in runs:
        config = run.config()
        if config.model != spec or (setting := run.setting()) is None or run.ranking() is None:
            continue
        seconds = run.status().seconds.get("attribution")
        if seconds and setting.attribution:
            return Pace(seconds / len(setting.attribution), config.attribution.steps, run.id)
    return None


def estimate(
    config: RunConfig,
    facts: ModelFacts | None,
    pace: Pace | None,
    size: Size | None,
    device: str | None = None,
) -> Estimate:
    """Estimates an attribution from the measured pace or, without one, by arithmetic.

    device: the name of one of `arithmetic.DEVICES`, for which the time is computed. Time is proportional to the steps,
    because every question has L·m rows.
    """
    n_questions = N_PROXIES[config.attribution.proxies] * config.attribution.examples
    dimensions, dtype = size.dimensions if size else None, config.model.dtype
    cost = attribution_cost(dimensions, config.attribution, dtype=dtype) if dimensions else None
    weights = size.parameters * BYTES[dtype] if size else None
    seconds = None
    if pace:
        seconds = pace.seconds * n_questions * config.attribution.steps / pace.steps
    elif cost and weights and device:
        known = next((each for each in DEVICES if each.name == device), None)
        seconds = seconds_on(known, cost, weights, dtype) if known else None
    n_total = facts.n_total if facts else dimensions.n_total if dimensions else None
    targets = targets_of(config.attribution.methods)
    return Estimate(
        n_questions=n_questions,
        seconds=seconds,
        pace=pace,
        weight_bytes=weights,
        working_bytes=cost.working_bytes if cost else None,
        disk_bytes=disk_bytes(n_total, config.attribution, targets, n_questions) if n_total else None,
    )
