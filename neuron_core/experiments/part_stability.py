"""The experiment `parts-stability`: how much the sets of `content` depend on the examples drawn. No torch."""

import numpy as np
import pandas as pd

from neuron_core.analysis.parts import dense_scores
from neuron_core.analysis.stability import agreement
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.selection import dense_ranking
from neuron_core.errors import RunError
from neuron_core.experiments.plan import ExperimentSetting
from neuron_core.experiments.runs import ExperimentRuns
from neuron_core.experiments.task_comparisons import Output
from neuron_core.figures.experiments import agreement_bars
from neuron_core.runs.run_folder import RunFolder


def stability_output(setting: ExperimentSetting, runs: ExperimentRuns) -> Output:
    """How much the sets of `content` depend on the examples that were drawn."""
    sets, tables = {}, []
    for task, run in runs.content_draws.items():
        rankings = content_of_draws(run, setting)
        sets[task] = agreement({str(i): ranking for i, ranking in enumerate(rankings)}, setting.k_of_parts)
        flat = np.stack([dense_scores(one).reshape(-1) for one in rankings])
        cosines = np.atleast_2d(np.corrcoef(flat))[np.triu_indices(len(flat), 1)]
        tables.append(sets[task].assign(task=task, cosine=float(cosines.mean()), cosine_low=float(cosines.min())))
    table = pd.concat(tables, ignore_index=True)
    text = (
        f"The method content on {setting.draws} disjoint draws of {setting.content_examples} examples: overlap of the "
        f"top K = {setting.k_of_parts} sets, and correlation of the scores of all neurons between draws."
    )
    figures = [("Jaccard over draws", agreement_bars(sets))]
    return Output("parts-stability", "Stability of content over draws", text, table, [("Sets", table)], figures)


def content_of_draws(run: RunFolder, setting: ExperimentSetting) -> list[NeuronRanking]:
    """The content ranking of each draw, from the scores of single questions. Raises RunError if these were not kept."""
    made = run.setting()
    assert made is not None
    ids = list(dict.fromkeys(question.example_id for question in made.attribution))
    if not run.has_whole_scores():
        raise RunError("scores of single questions were not kept", where=run.id, accepted="a larger keep_bytes")
    sums = [np.zeros((made.model.n_layers, made.model.n_neurons)) for _ in range(setting.draws)]
    for number, question in enumerate(made.attribution):
        sums[ids.index(question.example_id) // setting.content_examples] += run.scores(number).of("content")
    return [dense_ranking(one, made.z) for one in sums]
