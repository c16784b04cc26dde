"""Figures over layers: what is drawn, where, and what it says."""

import numpy as np
import plotly.graph_objects as go
import pytest

from neuron_core.analysis.layers import LayerCounts
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.errors import ConfigError
from neuron_core.figures.layers import completeness_bars, layer_heatmap, layer_score_bars
from neuron_core.figures.theme import BAD, GOOD, describe


def counts(good: list[int], bad: list[int]) -> LayerCounts:
    numbers = np.array(good), np.array(bad)
    return LayerCounts(*numbers, *(n / max(1, n.sum()) for n in numbers))


def ranking(scores: list[float], neurons: list[list[int]], n_layers: int) -> NeuronRanking:
    return NeuronRanking(
        np.array(neurons, dtype=np.int32).reshape(-1, 2),
        np.array(scores, dtype=np.float32),
        0,
        n_layers,
        8,
        2,
    )


def test_the_map_holds_good_numbers_above_zero_and_bad_ones_below():
    cells = layer_heatmap(counts([3, 0, 10], [0, 1, 2]), k=13).data[0]
    assert isinstance(cells, go.Heatmap)
    assert list(cells.x) == [0, 1, 2]
    assert list(cells.y) == ["bad −", "good +"]
    assert [list(row) for row in cells.z] == [[0, -1, -2], [3, 0, 10]]
    assert (cells.zmin, cells.zmax) == (-10, 10)


def test_cells_show_their_number_and_nothing_for_none():
    cells = layer_heatmap(counts([3, 0, 10], [0, 1, 2]), k=13).data[0]
    assert [list(row) for row in cells.text] == [["", "1", "2"], ["3", "", "10"]]
    assert cells.texttemplate == "%{text}"


def test_one_neuron_is_coloured_even_beside_five_hundred():
    scale = layer_heatmap(counts([500, 1], [0, 1]), k=501).data[0].colorscale
    faint = [where for where, colour in scale if colour.startswith("rgba")]
    # On the scale from -500 to 500, one neuron stands at 0.501.
    assert max(faint) < 0.501
    assert min(faint) > 0.499
    assert (scale[0], scale[-1]) == ((0.0, BAD), (1.0, GOOD))


def test_every_cell_answers_a_click_with_its_role_and_layer():
    squares = layer_heatmap(counts([3, 0], [0, 1]), k=3).data[1]
    assert list(squares.customdata) == [
        {"role": "good", "layer": 0},
        {"role": "good", "layer": 1},
        {"role": "bad", "layer": 0},
        {"role": "bad", "layer": 1},
    ]
    assert list(squares.x) == [0, 1, 0, 1]
    assert list(squares.y) == ["good +", "good +", "bad −", "bad −"]
    assert squares.mode == "markers"


def test_squares_are_invisible_until_one_is_selected():
    figure = layer_heatmap(counts([3], [1]), k=3)
    squares = figure.data[1]
    assert (squares.marker.opacity, squares.unselected.marker.opacity) == (0, 0)
    assert squares.selected.marker.opacity == 1
    assert figure.data[0].hoverinfo == "skip"
    assert (figure.layout.hovermode, figure.layout.hoverdistance) == ("closest", -1)


def test_the_pointer_gets_number_and_share_in_words():
    texts = layer_heatmap(counts([3, 0, 10], [0, 1, 12]), k=13).data[1].hovertext
    assert list(texts) == [
        "layer 0, 3 good neurons (23% of 13)",
        "layer 1, no good neurons",
        "layer 2, 10 good neurons (77% of 13)",
        "layer 0, no bad neurons",
        "layer 1, 1 bad neuron (8% of 13)",
        "layer 2, 12 bad neurons (92% of 13)",
    ]


def test_fewer_neurons_than_k_are_said():
    figure = layer_heatmap(counts([3, 1], [0, 0]), k=10)
    assert figure.data[1].hovertext[0] == "layer 0, 3 good neurons (75% of the 4 there are, 10 were asked for)"
    assert "4 good neurons, most in layer 0 (3)." in describe(figure)
    assert "No bad neurons." in describe(figure)


def test_a_map_without_any_neuron_is_still_a_map():
    figure = layer_heatmap(counts([0, 0], [0, 0]), k=10)
    assert [list(row) for row in figure.data[0].z] == [[0, 0], [0, 0]]
    assert (figure.data[0].zmin, figure.data[0].zmax) == (-1, 1)
    assert describe(figure) == ("Good and bad neurons by layer, 2 layers, K = 10. No good neurons. No bad neurons.")


def test_the_map_in_words_names_the_fullest_layers():
    assert describe(layer_heatmap(counts([2, 2, 1], [0, 1, 0]), k=5)) == (
        "Good and bad neurons by layer, 3 layers, K = 5. "
        "5 good neurons, most in layers 0, 1 (2 each). 1 bad neuron, most in layer 1 (1)."
    )


@pytest.mark.parametrize(("n_layers", "step"), [(1, 1), (12, 1), (30, 2), (40, 2), (48, 5), (80, 5), (126, 10)])
def test_layer_ticks_stay_few_for_any_depth(n_layers, step):
    axis = layer_heatmap(counts([1] * n_layers, [0] * n_layers), k=n_layers).layout.xaxis
    assert (axis.tick0, axis.dtick) == (0, step)
    assert tuple(axis.range) == (-0.5, n_layers - 0.5)
    assert n_layers / step <= 20


def test_score_bars_stand_above_and_below_zero_with_their_sums():
    neurons = [[1, 0], [0, 2], [1, 3], [2, 1], [1, 1]]
    figure = layer_score_bars(ranking([4.0, 2.0, 1.0, -0.5, -3.0], neurons, n_layers=4))
    positive, negative = figure.data
    assert (positive.name, negative.name) == ("positive scores", "negative scores")
    assert list(positive.x) == [0, 1, 2, 3]
    assert list(positive.y) == [2.0, 5.0, 0.0, 0.0]
    assert list(negative.y) == [0.0, -3.0, -0.5, 0.0]
    assert (positive.marker.color, negative.marker.color) == (GOOD, BAD)
    assert figure.layout.barmode == "relative"
    assert figure.layout.yaxis.title.text == "Sum of task scores (probability)"
    assert figure.layout.yaxis.zeroline is True
    assert figure.layout.xaxis.title.text == "Layer (0 is next to the input)"


def test_score_bars_say_how_many_neurons_make_the_sum():
    neurons = [[1, 0], [0, 2], [1, 3], [1, 1]]
    positive, negative = layer_score_bars(ranking([4.0, 2.0, 1.0, -3.0], neurons, n_layers=2)).data
    assert positive.hovertext[1] == "layer 1, 2 neurons with a positive score<br>sum +5.00 (probability)"
    assert negative.hovertext[0] == "layer 0, no neurons with a negative score<br>sum 0 (probability)"
    assert negative.hovertext[1] == "layer 1, 1 neuron with a negative score<br>sum −3.00 (probability)"
    assert negative.customdata[1] == {"role": "bad", "layer": 1}


def test_the_unit_of_the_scores_can_be_another():
    figure = layer_score_bars(ranking([1.0], [[0, 0]], n_layers=1), unit="log probability")
    assert figure.layout.yaxis.title.text == "Sum of task scores (log probability)"


def test_score_bars_in_words_name_both_ends():
    neurons = [[1, 0], [0, 2], [1, 1]]
    assert describe(layer_score_bars(ranking([4.0, 2.0, -3.0], neurons, n_layers=2))) == (
        "Bar chart of the sums of positive and of negative task scores in 2 layers. "
        "The highest positive sum is +4.00 in layer 1, the lowest negative sum −3.00 in layer 1."
    )


def test_an_empty_ranking_has_bars_of_zero():
    figure = layer_score_bars(ranking([], [], n_layers=2))
    assert list(figure.data[0].y) == [0.0, 0.0]
    assert describe(figure).endswith("All are zero.")


def test_gap_bars_are_percent_with_the_spread_as_error_bar():
    figure = completeness_bars(np.array([0.25, -0.5]), np.array([0.125, 0.0]))
    bars = figure.data[0]
    assert list(bars.x) == [0, 1]
    assert list(bars.y) == [25.0, -50.0]
    assert list(bars.error_y.array) == [12.5, 0.0]
    assert bars.error_y.symmetric is None
    assert list(bars.customdata) == [{"layer": 0}, {"layer": 1}]
    assert bars.hovertext[1] == (
        "layer 1<br>completeness gap −50.0% of the layer's attribution<br>standard deviation over questions 0.0%"
    )
    assert figure.layout.yaxis.title.text == "Completeness gap (% of Σ|IG|)"
    assert describe(figure).endswith("It is furthest from zero in layer 1: −50.0%.")


def test_gaps_and_spreads_of_different_lengths_are_refused():
    with pytest.raises(ConfigError, match="2 gaps with 1 spreads"):
        completeness_bars(np.zeros(2), np.zeros(1))


def test_numbers_in_cells_are_as_large_as_there_is_room_and_left_out_where_there_is_too_little():
    wide, half = (layer_heatmap(counts([10] * 32, [3] * 32), k=320, narrow=narrow).data[0] for narrow in (False, True))
    assert wide.textfont.size == 14
    assert 7 <= half.textfont.size < 10
    crowded = layer_heatmap(counts([10] * 80, [3] * 80), k=800, narrow=True).data[0]
    assert crowded.texttemplate is None
