"""What an attribution will cost, from runs that are finished. No torch."""

from collections.abc import Iterable
from dataclasses import dataclass

from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.proxies import N_PROXIES
from neuron_core.runs.config import RunConfig
from neuron_core.runs.setting import ModelFacts
from neuron_core.runs.store import RunFolder


@dataclass(frozen=True)
class Pace:
    """Seconds an attribution question took in a finished run."""

    seconds: float
    steps: int
    run_id: str


@dataclass(frozen=True)
class Estimate:
    """Time and memory of an attribution; None where nothing is known."""

    n_questions: int
    seconds: float | None
    "attribution alone, without loading the model"
    pace: Pace | None
    "what `seconds` rests on"
    weight_bytes: int | None
    disk_bytes: int | None
    "scores and neuron values, float32, one of each a neuron and question"


def facts_from_runs(spec: ModelSpec, runs: Iterable[RunFolder]) -> ModelFacts | None:
    """What the newest run with this very spec learned about its model. runs: newest first."""
    for run in runs:
        if run.config().model == spec and (setting := run.setting()) is not None:
            return setting.model
    return None


def pace_from_runs(spec: ModelSpec, runs: Iterable[RunFolder]) -> Pace | None:
    """The newest finished attribution with this very spec. runs: newest first."""
    for run in runs:
        config = run.config()
        if config.model != spec or (setting := run.setting()) is None or run.ranking() is None:
            continue
        seconds = run.status().seconds.get("attribution")
        if seconds and setting.attribution:
            return Pace(seconds / len(setting.attribution), config.attribution.steps, run.id)
    return None


def estimate(config: RunConfig, facts: ModelFacts | None, pace: Pace | None, weight_bytes: int | None) -> Estimate:
    """Time grows with the steps: a question is L·m rows, whatever it asks."""
    n_questions = N_PROXIES * config.attribution.examples
    scale = config.attribution.steps / pace.steps if pace else 0.0
    return Estimate(
        n_questions=n_questions,
        seconds=pace.seconds * n_questions * scale if pace else None,
        pace=pace,
        weight_bytes=weight_bytes,
        disk_bytes=2 * 4 * facts.n_total * n_questions if facts else None,
    )
