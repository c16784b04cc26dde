"""One figure of every function of `neuron_core.figures`, with values that reach far to both sides."""

from dataclasses import replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from neuron_core.analysis.content import OptionContent
from neuron_core.analysis.layers import NeuronRow
from neuron_core.analysis.stability import agreement
from neuron_core.analysis.task_layers import score_map
from neuron_core.control.findings import Generation, TokenLogit, Written
from neuron_core.figures.baseline import letter_bars
from neuron_core.figures.bench import bench_figure
from neuron_core.figures.control import budget_curves, ratio_curves
from neuron_core.figures.cross import cross_heatmaps, overlap_heatmap
from neuron_core.figures.dose import dose_lines
from neuron_core.figures.effect import effect_split, effect_splits
from neuron_core.figures.experiments import agreement_bars, cost_lines, entry_bars
from neuron_core.figures.layers import completeness_bars, layer_heatmap, layer_score_bars
from neuron_core.figures.neuron import effect_bars, neuron_bars, score_bars, token_bars
from neuron_core.figures.parts import part_heatmaps
from neuron_core.figures.playground import next_token_bars
from neuron_core.figures.question import answer_bars, option_bars
from neuron_core.figures.questions import content_bars, question_strip
from neuron_core.figures.score_map import score_heatmap
from neuron_core.figures.task_layers import change_heatmaps, share_lines, task_heatmaps
from tests.analysis.rankings import ranking
from tests.analysis.test_parts import EVALUATIONS as PARTS
from tests.figures import rows
from tests.figures.test_cross import matrices
from tests.figures.test_experiments import entries
from tests.figures.test_layers import counts
from tests.figures.test_neuron import TOKENS, QuestionScore, row
from tests.figures.test_parts import MATRICES
from tests.figures.test_question import BEFORE, LABELS, OTHER, OURS, RANDOM
from tests.figures.test_task_layers import AFTER
from tests.figures.test_task_layers import BEFORE as LAYERS


def evaluation():
    """Five ratios and two budgets, far above and far below zero."""
    both = ("enhancer", "degrader")
    cells = [(k, r / 4, d) for k in (4, 100) for r in range(5) for d in both]
    return rows.evaluation(
        [rows.grid_row(k, r, d, 160 * r - 60, (160 * r - 90, 160 * r - 20)) for k, r, d in cells],
        [rows.random_row(k, r, d, (-70.0, 1.0, 40.0)) for k, r, d in cells],
        [rows.best(k, d, 0.5, rac=20.0, heldout_rac=-140.0) for k in (4, 100) for d in both],
        [rows.random_best(k, d) for k in (4, 100) for d in both],
    )


def bench() -> dict:
    one = {"T": 64, "m": 16, "model": "tiny", "floor_s": 0.01, "fast_s": 0.2, "captum_s": 90.0, "reference_s": 700.0}
    return {
        "T": 64,
        "m": 16,
        "model": "tiny",
        "dtype": "float32",
        "device": "cpu",
        "attribution": {name: one[name] for name in one if name.endswith("_s")},
        "settings": [one | {"T": 1024, "captum_s": None}],
    }


def gallery() -> dict[str, go.Figure]:
    """By the name of the function."""
    silenced = [row("x#1", 0.9, 0.5, "lost"), row("x#2", 0.5, 0.51)]
    doubled = [row("x#1", 0.5, 0.77, "gained"), row("x#2", 0.5, 0.49)]
    found = ranking([0, 1, 21, 60], [2, 3, 45])
    written = Written((1,), "x", (TokenLogit(1, " yes", 0.97), TokenLogit(2, "no", 0.01)), False)
    costs = pd.DataFrame(
        [("slow", 1, 2.0, 1.5, 2.5), ("slow", 400, 800.0, 700.0, 900.0)],
        columns=["form", "length", "seconds", "seconds_low", "seconds_high"],
    )
    doses = pd.DataFrame(
        [("degrader", "zero", 1.0, 7.0, 0.9, 0.1, 55.0), ("degrader", "zero", 5.0, -3.0, 0.2, 9.0, 900.0)],
        columns=["direction", "silence", "excite", "content_margin", "acc", "letter_spread", "perplexity"],
    )
    overlaps = pd.DataFrame([[1.0, 0.3], [0.3, 1.0]], index=["a", "b"], columns=["a", "b"])
    return {
        "letter_bars": letter_bars(rows.baseline({"A": 0.97, "B": 0.03, "C": 0.0, "D": 0.0})),
        "bench_figure": bench_figure(bench()),
        "ratio_curves": ratio_curves(evaluation(), 4, "rac"),
        "budget_curves": budget_curves(evaluation(), "best", "rac"),
        "cross_heatmaps": cross_heatmaps(matrices()),
        "overlap_heatmap": overlap_heatmap(overlaps, "good for", "bad for"),
        "entry_bars": entry_bars(entries()),
        "cost_lines": cost_lines(costs),
        "agreement_bars": agreement_bars({"ner": agreement({"1": ranking([0, 1]), "2": ranking([1, 0])}, 2)}),
        "layer_heatmap": layer_heatmap(counts([3, 0, 10], [0, 1, 2]), 13),
        "layer_score_bars": layer_score_bars(found),
        "completeness_bars": completeness_bars(np.array([0.9, -3.0]), np.array([0.5, 4.0])),
        "token_bars": token_bars(TOKENS, "suppressed"),
        "neuron_bars": neuron_bars([NeuronRow(1, "bad", 2, 17, -30.0, "2.17")], "bad"),
        "effect_split": effect_split(
            replace(
                rows.grid_row(4, 0.5, rac=30.0, interval=(-80.0, 90.0)),
                rac_content=-20.0,
                rac_content_interval=(-60.0, 5.0),
                rac_letters=50.0,
                rac_letters_interval=(10.0, 120.0),
                content_margin=0.2,
                content_margin_interval=(-3.0, 1.0),
            ),
            rows.random_row(4, 0.5, rac=(-95.0, 0.0, 40.0)),
            replace(rows.baseline(), content_margin=7.0, content_margin_interval=(6.0, 8.0)),
        ),
        "question_strip": question_strip(silenced, "degrader", 0),
        "content_bars": content_bars(OptionContent(("a", "b", "c", "d"), (5, -1, -2, -2), (-9, 3, 3, 3))),
        "effect_splits": effect_splits([("own", PARTS["one"].grid[0]), ("other", PARTS["one"].grid[1])]),
        "part_heatmaps": part_heatmaps(MATRICES),
        "dose_lines": dose_lines(doses),
        "effect_bars": effect_bars(silenced, doubled),
        "score_bars": score_bars([QuestionScore("x#1", "ace", 0.5, 1.0), QuestionScore("x#2", "ace", -25.0, 2.0)]),
        "next_token_bars": next_token_bars(Generation(written, written)),
        "option_bars": option_bars((0.0, 1.0, 0.0, 0.0), (0.1, 0.5, 0.2, 0.2), 1, LABELS),
        "answer_bars": answer_bars((BEFORE, OURS, OTHER, RANDOM), 2, LABELS),
        "score_heatmap": score_heatmap(score_map(found)),
        "task_heatmaps": task_heatmaps(LAYERS, 3),
        "change_heatmaps": change_heatmaps(LAYERS, AFTER),
        "share_lines": share_lines(LAYERS),
    }
