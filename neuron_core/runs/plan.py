"""The plan of an evaluation: every intervention that its questions are asked under. No torch."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from neuron_core.cni.methods import method
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.sets import NeuronSetFile
from neuron_core.control.interventions import Intervention, grid, random_like, random_loud, random_uniform
from neuron_core.errors import ConfigError
from neuron_core.runs.config import EvaluationConfig, SetUse


def plan_of(
    evaluation: EvaluationConfig,
    rankings: Mapping[str, NeuronRanking],
    uses: Sequence[SetUse] = (),
    files: Mapping[str, NeuronSetFile] | None = None,
    loudness: NDArray[np.float32] | None = None,
) -> list[Intervention]:
    """All interventions of an evaluation: the grid of every method, the grid of every neuron set, then those of the
    random control sets.

    A control set has as many neurons in each layer as the first ranking. With the method `random`, sets that are drawn
    uniformly are added. With `random-loud`, sets of neurons that are as loud as those of the first ranking are added;
    loudness, (L, I), is for these. A method that finds no bad neurons is evaluated at ratio 1 only. ConfigError when
    there is neither a method nor a neuron set.
    """
    usual = evaluation.excite, evaluation.silence
    names = evaluation.methods if evaluation.methods is not None else tuple(rankings)
    plan: list[Intervention] = []
    for name in names:
        if name in rankings:
            ratios = evaluation.ratios if method(name).sides == "both" else (1.0,)
            plan += grid(rankings[name], evaluation.ks, ratios, name, *usual)
    for use in uses:
        found = (files or {})[use.name].ranking()
        own = use.excite or evaluation.excite, use.silence or evaluation.silence
        ks = evaluation.ks if use.k is None else (use.k,)
        if use.ratios is None:
            plan += grid(found, ks, evaluation.ratios, use.name, *own)
        else:
            for direction, ratio in use.ratios.items():
                plan += [one for one in grid(found, ks, (ratio,), use.name, *own) if one.direction == direction]
    first = next((rankings[name] for name in names if name in rankings), None)
    if first is None:
        first = (files or {})[uses[0].name].ranking() if uses else None
    if first is None:
        raise ConfigError("an evaluation without methods and without neuron sets", accepted="at least one of either")
    for seed in range(evaluation.random_seeds):
        control = random_like(first, max(evaluation.ks), seed)
        plan += grid(control, evaluation.ks, evaluation.ratios, f"random+-{seed}", *usual)
        if "random" in names:
            uniform = random_uniform(first.n_layers, first.n_neurons, max(evaluation.ks), seed)
            plan += grid(uniform, evaluation.ks, (1.0,), f"random-{seed}", *usual)
        if "random-loud" in names:
            if loudness is None:
                raise ConfigError("random-loud without the loudness of neurons", accepted="a run with an attribution")
            loud = random_loud(first, max(evaluation.ks), loudness, seed)
            plan += grid(loud, evaluation.ks, evaluation.ratios, f"random-loud-{seed}", *usual)
    return plan
