"""Measures what the interventions of a run do beside the task: to letter mass and to the perplexity of a text."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neuron_core.cni.passes import MOST_QUESTIONS, Passes
from neuron_core.control.evaluation import plan_chunks
from neuron_core.control.interventions import Intervention
from neuron_core.control.results import SideEffect, SideEffects
from neuron_core.control.side_effects import SIDE_ROWS, TEXTS_PER_PASS, letter_mass, perplexities
from neuron_core.models.fitting import until_it_fits
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.prompts import SharedPrompts


def measure_side_effects(
    loaded: LoadedModel,
    prompts: SharedPrompts,
    plan: Sequence[Intervention],
    text: str,
    *,
    position: str,
    passes: Passes,
    means: NDArray[np.float32] | None,
) -> SideEffects:
    """Mean letter mass over the prompts and perplexity of the text, unmodified and under each intervention.

    Letter mass is measured only where neurons are scaled at the last token (position `last`). means: as of
    `Engine.mean_neurons`, (L, I).
    """

    def attempt(passes: Passes) -> tuple[list[float | None], NDArray[np.float64]]:
        mass: list[float | None] = [None] * (1 + len(plan))
        if position == "last":
            chunks = plan_chunks(loaded, plan, max(2, min(passes.rows, SIDE_ROWS) // MOST_QUESTIONS), means)
            batches = (batch for example in prompts.chosen(None) for batch in prompts.run(example))
            mass = np.concatenate([letter_mass(loaded, batch, chunks) for batch in batches]).mean(axis=0).tolist()
        return mass, perplexities(loaded, text, plan, min(passes.rows, TEXTS_PER_PASS), means)

    (mass, values), _ = until_it_fits(attempt, passes, Passes.smaller_evaluation, lambda _: None)
    rows = [
        SideEffect(one.source, one.k, one.ratio, one.direction, mass[1 + i], float(values[1 + i]))
        for i, one in enumerate(plan)
    ]
    n_questions = sum(map(len, prompts.examples))
    return SideEffects(n_questions, mass[0], float(values[0]), tuple(rows))
