"""The demo run: what the Start page's button and `python -m neuron_core demo` do."""

from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.proxies import ROTATIONS
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig

DEMO_TASK = "sentiment"
"where the effect on the content of answers is the clearest"


def demo_config(model: ModelSpec | None = None, task: str = DEMO_TASK) -> RunConfig:
    """Ten attribution and thirty evaluation examples, in four rotations each, by `content` and the paper's method.

    Ratios: bad neurons only to good ones only. Beside them random sets, and sets of neurons that are as loud.
    """
    methods = ("content", "ace")
    return RunConfig(
        task=task,
        model=model or ModelSpec(),
        attribution=AttributionConfig(methods=methods, examples=10, proxies=ROTATIONS),
        evaluation=EvaluationConfig(
            examples=30,
            ks=(25, 50, 100, 200),
            ratios=(0.0, 0.3, 0.5, 0.7, 1.0),
            random_seeds=5,
            methods=(*methods, "random-loud"),
            proxies=ROTATIONS,
        ),
    )
