"""The command `estimate`: what an attribution will cost, before anything is loaded."""

from typing import Annotated

import typer

from neuron_core.commands.common import model_spec
from neuron_core.commands.options import AsJson, Model
from neuron_core.models.spec import EMBEDDED
from neuron_core.terminal import emit

MOST = 1_000_000_000
"of questions, tokens and actors: larger numbers have costs that no float holds"


def estimate(
    model: Model = EMBEDDED,
    questions: Annotated[
        int, typer.Option(min=1, max=MOST, help="Number of proxy questions, three for each example.")
    ] = 15,
    steps: Annotated[int, typer.Option("--steps", "-m", min=1, help="Number of integration steps, m of Eq. 1.")] = 16,
    rule: Annotated[str, typer.Option(help="Quadrature rule: right, midpoint or gauss-legendre.")] = "right",
    methods: Annotated[str, typer.Option(help="Methods of one pass, separated by commas.")] = "ace",
    tokens: Annotated[int, typer.Option(min=2, max=MOST, help="Number of tokens of a question.")] = 160,
    actors: Annotated[
        int, typer.Option(min=1, max=MOST, help="How many actors of a cluster hold a model; see docs/cluster.md.")
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Operations, memory, disk and time of an attribution, from the model's config alone. Loads no model."""
    from neuron_core.estimates.arithmetic import SHARED_TOKENS
    from neuron_core.estimates.report import cost_report, cost_text
    from neuron_core.runs.config import AttributionConfig

    config = AttributionConfig(methods=tuple(methods.split(",")), steps=steps, rule=rule)
    shared = min(SHARED_TOKENS, tokens - 1)
    emit(
        cost_report(model_spec(model), questions, config, tokens=tokens, shared=shared, actors=actors),
        as_json,
        cost_text,
    )
