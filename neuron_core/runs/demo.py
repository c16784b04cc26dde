"""The demo run: what the Start page's button and `python -m neuron_core demo` do."""

from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig

DEMO_TASK = "sentiment"
DEMO_ATTRIBUTION_EXAMPLES = 5
DEMO_EVALUATION_EXAMPLES = 50
DEMO_BUDGETS = (13, 100)


def demo_config(model: ModelSpec | None = None) -> RunConfig:
    """Five attribution and fifty evaluation examples: budgets are SmolLM2's preset K and a hundred neurons."""
    return RunConfig(
        task=DEMO_TASK,
        model=model or ModelSpec(),
        attribution=AttributionConfig(examples=DEMO_ATTRIBUTION_EXAMPLES),
        evaluation=EvaluationConfig(examples=DEMO_EVALUATION_EXAMPLES, ks=DEMO_BUDGETS, random_seeds=5),
    )
