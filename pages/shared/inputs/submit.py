"""Runs and evaluations on their way to the queue: what the task can't give is said before they are queued."""

from dataclasses import replace

from neuron_core.engine.cluster_options import ClusterOptions
from neuron_core.runs.config import EvaluationConfig, RunConfig
from neuron_core.runs.questions import check_draws, evaluation_room
from neuron_core.runs.run_folder import RunFolder
from pages.shared.frame.engine import engine
from pages.shared.views.results import reading_of

USUAL_EXAMPLES = 50


def room_of(config: RunConfig) -> int:
    """How many examples the task has for an evaluation. TaskError where it can't be read any more."""
    return evaluation_room(config, reading_of(config.task).task)


def usual_evaluation(config: RunConfig, ks: tuple[int, ...] | None = None) -> EvaluationConfig:
    """Fifty examples, or all that there are where there are fewer; two at least, which the check then refuses."""
    examples = max(2, min(USUAL_EXAMPLES, room_of(config)))
    return EvaluationConfig(examples=examples) if ks is None else EvaluationConfig(examples=examples, ks=ks)


def submit(config: RunConfig, cluster: ClusterOptions | None = None) -> str:
    """Queues a run and gives its id. ConfigError where its task has too few examples: nothing is queued."""
    check_draws(config, reading_of(config.task).task)
    return engine().submit(config, cluster)


def evaluate(run: RunFolder, evaluation: EvaluationConfig) -> None:
    """Queues an evaluation of a run. ConfigError as of `submit`."""
    config = replace(run.config(), evaluation=evaluation)
    check_draws(config, reading_of(config.task).task)
    engine().evaluate(run.id, evaluation)
