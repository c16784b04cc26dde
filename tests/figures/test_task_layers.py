"""Tasks beside each other over layers, and the map of all scores."""

import numpy as np
import pytest

from neuron_core.analysis.task_layers import TaskLayers, score_map
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.errors import ConfigError
from neuron_core.figures.score_map import score_heatmap
from neuron_core.figures.task_layers import change_heatmaps, share_lines, task_heatmaps
from neuron_core.figures.theme import describe

BEFORE = TaskLayers(("ner", "mood"), np.array([[2, 0, 1], [0, 3, 0]]), np.array([[0, 0, 3], [1, 1, 1]]))
AFTER = TaskLayers(("ner", "mood"), np.array([[2, 1, 0], [0, 3, 0]]), np.array([[1, 0, 2], [1, 1, 1]]))


def test_good_and_bad_stand_side_by_side_with_layers_upwards_and_a_column_a_task():
    good, good_cells, bad, _ = task_heatmaps(BEFORE, 3).data
    assert [list(row) for row in good.z] == [[2, 0], [0, 3], [1, 0]]
    assert [list(row) for row in good.text] == [["2", ""], ["", "3"], ["1", ""]]
    assert [list(row) for row in bad.z] == [[0, 1], [0, 1], [3, 1]]
    assert (good.xaxis, bad.xaxis) == ("x", "x2")
    assert good_cells.customdata[3] == {"task": "mood", "role": "good", "layer": 1}
    assert good_cells.hovertext[0] == "<b>ner</b>, layer 0: 2 good neurons (67% of the task's)"


def test_the_maps_in_words_give_the_fullest_layer_of_each_task():
    assert describe(task_heatmaps(BEFORE, 3)) == (
        "Good and bad neurons by layer of 2 tasks, K = 3. Good neurons are most in layer: ner 0, mood 1. "
        "Bad neurons are most in layer: ner 2, mood 0."
    )


def test_lines_have_a_task_each_and_the_mean_over_tasks():
    figure = share_lines(BEFORE)
    names = [(trace.name, trace.yaxis) for trace in figure.data]
    assert names == [
        ("ner", "y"),
        ("mood", "y"),
        ("mean over tasks", "y"),
        ("ner", "y2"),
        ("mood", "y2"),
        ("mean over tasks", "y2"),
    ]
    assert list(figure.data[2].y) == pytest.approx([100 / 3, 50, 50 / 3])
    assert figure.data[0].marker.symbol != figure.data[1].marker.symbol


def test_a_set_alone_has_no_mean_beside_it():
    alone = TaskLayers(("common",), np.array([[2, 0, 2]]), np.array([[0, 0, 1]]))
    figure = share_lines(alone)
    assert [(trace.name, trace.yaxis) for trace in figure.data] == [("common", "y"), ("common", "y2")]
    assert list(figure.data[0].y) == [50, 0, 50]
    assert "good: most in layer 0" in describe(figure)


def test_changes_are_after_minus_before_with_their_sign():
    good, _, bad, _ = change_heatmaps(BEFORE, AFTER).data
    assert [list(row) for row in good.z] == [[0, 0], [1, 0], [-1, 0]]
    assert [list(row) for row in good.text] == [["", ""], ["+1", ""], ["−1", ""]]
    assert [list(row) for row in bad.z] == [[1, 0], [0, 0], [-1, 0]]


def test_changes_between_other_tasks_are_refused():
    other = TaskLayers(("ner", "quiz"), AFTER.good, AFTER.bad)
    with pytest.raises(ConfigError, match="different tasks"):
        change_heatmaps(BEFORE, other)


def test_the_score_map_gives_the_strongest_neuron_of_a_clicked_cell():
    ranking = NeuronRanking(
        np.array([[1, 2], [0, 1]], dtype=np.int32), np.array([8.0, -1.0], dtype=np.float32), 0, 2, 4, 1
    )
    heat, cells = score_heatmap(score_map(ranking, 2)).data
    assert [list(row) for row in heat.z] == [[-1, 0], [0, 2]]
    assert list(cells.customdata) == [
        {"neuron": "0.1", "layer": 0, "index": 1, "role": "bad"},
        {"neuron": "1.2", "layer": 1, "index": 2, "role": "good"},
    ]
    assert "strongest of neurons 1.2 to 1.3, 1 of them with a score" in cells.hovertext[1]
    assert describe(score_heatmap(score_map(ranking, 2))) == (
        "Task scores of 2 neurons by layer and place within the layer. "
        "Highest: neuron 1.2 (+8.00); lowest: neuron 0.1 (−1.00)."
    )


def test_a_map_without_scores_is_empty_and_says_so():
    nothing = NeuronRanking(np.empty((0, 2), dtype=np.int32), np.empty(0, dtype=np.float32), 0, 2, 4, 1)
    figure = score_heatmap(score_map(nothing))
    assert describe(figure) == "Task scores of no neurons by layer and place within the layer."
    assert len(figure.data[1].x) == 0
