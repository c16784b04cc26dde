"""The figures of the pages. One that was put together before, for whatever visitor, is copied: see `kept`."""

from neuron_core.figures import (
    baseline,
    control,
    cross,
    effect,
    experiments,
    layers,
    neuron,
    parts,
    playground,
    question,
    questions,
    score_map,
    task_layers,
)
from pages.shared.views.kept import kept

answer_bars = kept(question.answer_bars)
budget_curves = kept(control.budget_curves)
change_heatmaps = kept(task_layers.change_heatmaps)
completeness_bars = kept(layers.completeness_bars)
content_bars = kept(questions.content_bars)
cost_lines = kept(experiments.cost_lines)
cross_heatmaps = kept(cross.cross_heatmaps)
effect_bars = kept(neuron.effect_bars)
effect_split = kept(effect.effect_split)
entry_bars = kept(experiments.entry_bars)
layer_heatmap = kept(layers.layer_heatmap)
layer_score_bars = kept(layers.layer_score_bars)
letter_bars = kept(baseline.letter_bars)
neuron_bars = kept(neuron.neuron_bars)
next_token_bars = kept(playground.next_token_bars)
option_bars = kept(question.option_bars)
overlap_heatmap = kept(cross.overlap_heatmap)
part_heatmaps = kept(parts.part_heatmaps)
question_strip = kept(questions.question_strip)
ratio_curves = kept(control.ratio_curves)
score_bars = kept(neuron.score_bars)
score_heatmap = kept(score_map.score_heatmap)
share_lines = kept(task_layers.share_lines)
task_heatmaps = kept(task_layers.task_heatmaps)
token_bars = kept(neuron.token_bars)
