"""The settings of the demo run, which the Start page starts, and of `python -m neuron_core demo`. No torch."""

from dataclasses import replace
from pathlib import Path

from neuron_core.models.spec import ModelSpec
from neuron_core.paths import ASSETS
from neuron_core.qatt.proxies import ROTATIONS
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig

DEMO = "demo"
"id of the finished run of DEMO_TASK; those of the other tasks are demo-TASK"
DEMO_TASK = "sentiment"
"the task on which the effect on the content of answers is the clearest"


def demo_folders(first: Path = ASSETS / "demo_run") -> dict[str, Path]:
    """Id → folder of the finished runs that come with the app; that of DEMO_TASK first."""
    others = first.with_name("demo_runs")
    found = {DEMO: first, **{f"{DEMO}-{path.name}": path for path in sorted(others.glob("[!.]*"))}}
    return {name: path for name, path in found.items() if (path / "evaluation.json").is_file()}


def demo_config(model: ModelSpec | None = None, task: str = DEMO_TASK) -> RunConfig:
    """Six attribution and twenty evaluation examples (forty for DEMO_TASK) in four rotations each, by two methods.

    `content` comes first, the paper's beside it. Half of the usual steps, and bad neurons alone, as many of both, or
    good ones alone: it ends within a few minutes on two cores.
    """
    return RunConfig(
        task=task,
        model=model or ModelSpec(),
        attribution=AttributionConfig(methods=("content", "ace"), steps=8, examples=6, proxies=ROTATIONS),
        evaluation=EvaluationConfig(
            examples=40 if task == DEMO_TASK else 20,
            ks=(25, 50, 100, 200),
            ratios=(0.0, 0.5, 1.0),
            random_seeds=3,
            proxies=ROTATIONS,
        ),
    )


def short_demo_config(model: ModelSpec | None = None) -> RunConfig:
    """As demo_config, with four attribution examples, two budgets and one random set: a third of its work."""
    whole = demo_config(model)
    assert whole.evaluation is not None
    return replace(
        whole,
        attribution=replace(whole.attribution, examples=4),
        evaluation=replace(whole.evaluation, ks=(50, 200), random_seeds=1),
    )
