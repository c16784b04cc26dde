"""The demo run: what the Start page's button and `python -m neuron_core demo` do."""

from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig

DEMO_TASK = "ner"


def demo_config(model: ModelSpec | None = None) -> RunConfig:
    """Five attribution and fifty evaluation examples, so that it ends within two minutes on two cores.

    Budgets: the demo model's preset K, and a hundred neurons; ratios: bad only to good only.
    """
    return RunConfig(
        task=DEMO_TASK,
        model=model or ModelSpec(),
        attribution=AttributionConfig(examples=5),
        evaluation=EvaluationConfig(examples=50, ks=(13, 100), ratios=(0.0, 0.3, 0.5, 0.7, 1.0), random_seeds=5),
    )
