"""Curves of an evaluation: traces, error bars, bands, what is undefined, and the words."""

import plotly.graph_objects as go
import pytest

from neuron_core.errors import ConfigError
from neuron_core.figures.control import budget_curves, ratio_curves
from neuron_core.figures.theme import describe
from tests.figures.rows import best, evaluation, grid_row, random_best, random_row

TASK = "neurons of the task, 95% interval"
RANDOM = "random sets: lowest to highest, mean dotted"


def traces(figure: go.Figure, name: str, panel: str = "enhancer") -> list[go.Scatter]:
    axis = {"enhancer": "x", "degrader": "x2"}[panel]
    return [trace for trace in figure.data if trace.name == name and trace.xaxis == axis]


def only(figure: go.Figure, name: str, panel: str = "enhancer") -> go.Scatter:
    (trace,) = traces(figure, name, panel)
    return trace


def test_a_ratio_curve_runs_over_the_ratios_of_its_own_budget_and_direction():
    figure = ratio_curves(
        evaluation(
            [
                grid_row(10, 0.5, rac=20.0, interval=(15.0, 40.0)),
                grid_row(10, 0.0, rac=-4.0, interval=(-10.0, 1.0)),
                grid_row(25, 0.5, rac=99.0),
                grid_row(10, 0.5, "degrader", rac=7.0),
                grid_row(10, 0.5, rac=77.0, source="kn"),
            ]
        ),
        10,
        "rac",
    )
    line = only(figure, TASK)
    assert list(line.x) == [0.0, 0.5]
    assert list(line.y) == [-4.0, 20.0]
    assert list(line.error_y.array) == [5.0, 20.0]
    assert list(line.error_y.arrayminus) == [6.0, 5.0]
    assert line.error_y.symmetric is False
    assert list(line.customdata) == [
        {"k": 10, "ratio": 0.0, "direction": "enhancer"},
        {"k": 10, "ratio": 0.5, "direction": "enhancer"},
    ]
    assert list(only(figure, TASK, "degrader").y) == [7.0]


def test_another_source_can_be_drawn():
    rows = [grid_row(10, 0.5, rac=20.0), grid_row(10, 0.5, rac=77.0, source="kn")]
    assert list(only(ratio_curves(evaluation(rows), 10, "rac", source="kn"), TASK).y) == [77.0]


def test_rcc_is_drawn_from_its_own_fields():
    figure = ratio_curves(evaluation([grid_row(10, 0.5, rcc=6.0)]), 10, "rcc")
    line = only(figure, TASK)
    assert list(line.y) == [6.0]
    assert list(line.error_y.array) == [3.0]
    assert figure.layout.yaxis.title.text == "RCC (% of baseline Com)"


def test_axes_are_named_and_the_panels_share_a_zero_line():
    layout = ratio_curves(evaluation([grid_row(10, 0.5)]), 10, "rac").layout
    assert layout.xaxis.title.text == layout.xaxis2.title.text == "Ratio (share of good)"
    assert layout.yaxis.title.text == "RAC (% of baseline accuracy)"
    assert layout.yaxis2.title.text is None
    assert layout.yaxis2.matches == "y"
    assert layout.yaxis.zeroline is layout.yaxis2.zeroline is True
    assert [note.text for note in layout.annotations] == [
        "<b>Enhancer</b><br>good ×2, bad ×0",
        "<b>Degrader</b><br>bad ×2, good ×0",
    ]


def test_an_undefined_value_leaves_a_gap_and_a_cross_at_zero():
    rows = [
        grid_row(10, 0.0, rac=1.0, interval=(0.0, 2.0)),
        grid_row(10, 0.1, rac=None, interval=None),
        grid_row(10, 0.2, rac=3.0, interval=None),
    ]
    figure = ratio_curves(evaluation(rows), 10, "rac")
    line = only(figure, TASK)
    assert list(line.y) == [1.0, None, 3.0]
    assert list(line.error_y.array) == [1.0, None, None]
    assert line.connectgaps is False
    cross = only(figure, "undefined")
    assert (list(cross.x), list(cross.y)) == ([0.1], [0.0])
    assert "RAC undefined: the baseline accuracy is 0" in cross.hovertext[0]
    assert cross.customdata[0] == {"k": 10, "ratio": 0.1, "direction": "enhancer"}


def test_defined_values_bring_no_cross():
    assert traces(ratio_curves(evaluation([grid_row(10, 0.5)]), 10, "rac"), "undefined") == []


def test_the_random_band_goes_up_along_the_lows_and_back_along_the_highs():
    figure = ratio_curves(
        evaluation(
            [grid_row(10, 0.0), grid_row(10, 0.5)],
            [random_row(10, 0.5, rac=(-3.0, 1.0, 4.0)), random_row(10, 0.0, rac=(-1.0, 0.5, 2.0))],
        ),
        10,
        "rac",
    )
    area = only(figure, RANDOM)
    assert list(area.x) == [0.0, 0.5, 0.5, 0.0, 0.0]
    assert list(area.y) == [-1.0, -3.0, 4.0, 2.0, -1.0]
    assert area.fill == "toself"
    mean = only(figure, "mean of random sets")
    assert (list(mean.x), list(mean.y)) == ([0.0, 0.5], [0.5, 1.0])
    assert mean.hovertext[1] == (
        "<b>5 random sets, enhancer, K = 10, ratio 0.5</b><br>as many neurons in each layer"
        "<br>mean RAC +1.0%, lowest −3.0%, highest +4.0%"
    )


def test_the_random_band_breaks_where_it_is_undefined():
    figure = ratio_curves(
        evaluation(
            [grid_row(10, 0.0)],
            [random_row(10, 0.0), random_row(10, 0.1, rac=None), random_row(10, 0.2, rac=(1.0, 2.0, 3.0))],
        ),
        10,
        "rac",
    )
    area = only(figure, RANDOM)
    assert list(area.x) == [0.0, 0.0, 0.0, None, 0.2, 0.2, 0.2]
    assert list(area.y) == [-1.0, 2.0, -1.0, None, 1.0, 3.0, 1.0]
    assert list(only(figure, "mean of random sets").y) == [0.5, None, 2.0]


def test_without_random_sets_there_is_no_band():
    figure = ratio_curves(evaluation([grid_row(10, 0.5)]), 10, "rac")
    assert [trace.name for trace in figure.data] == [TASK]
    assert figure.data[0].showlegend is True


def test_every_name_is_in_the_legend_once():
    both = [grid_row(10, 0.5), grid_row(10, 0.5, "degrader")]
    controls = [random_row(10, 0.5), random_row(10, 0.5, "degrader")]
    figure = ratio_curves(evaluation(both, controls, [best(10), best(10, "degrader")]), 10, "rac")
    shown = [trace.name for trace in figure.data if trace.showlegend]
    assert sorted(shown) == sorted([TASK, RANDOM, "best ratio", "held-out value"])
    assert len(figure.data) == 10


def test_a_point_says_neurons_value_interval_and_verdict():
    figure = ratio_curves(evaluation([grid_row(10, 0.4, rac=10.0, interval=(-2.0, 20.04))]), 10, "rac")
    assert only(figure, TASK).hovertext[0] == (
        "<b>Enhancer, K = 10, ratio 0.4</b><br>4 good neurons doubled, 6 bad neurons set to zero"
        "<br>RAC +10.0%, 95% interval −2.0% to +20.0%<br>accuracy with it: 55.0%"
        "<br>fails: RAC or RCC is negative"
    )


def test_the_degrader_doubles_the_bad_neurons():
    figure = ratio_curves(evaluation([grid_row(10, 0.4, "degrader", rcc=1.0)]), 10, "rcc")
    assert only(figure, TASK, "degrader").hovertext[0] == (
        "<b>Degrader, K = 10, ratio 0.4</b><br>6 bad neurons doubled, 4 good neurons set to zero"
        "<br>RCC +1.0%, 95% interval −2.0% to +4.0%<br>Com with it: 39.2%"
    )


def test_fewer_neurons_than_the_budget_asks_for_are_said():
    figure = ratio_curves(evaluation([grid_row(10, 0.4, neurons=(1, 6))]), 10, "rac")
    said = only(figure, TASK).hovertext[0].split("<br>")
    assert said[1:3] == ["1 good neuron doubled, 6 bad neurons set to zero", "(asked for: 4 good and 6 bad)"]


def test_the_best_ratio_has_a_ring_and_its_held_out_value_a_diamond():
    chosen = [best(10, ratio=0.4), best(25, ratio=0.9)]
    figure = ratio_curves(evaluation([grid_row(10, 0.4)], chosen=chosen), 10, "rac")
    ring, diamond = only(figure, "best ratio"), only(figure, "held-out value")
    assert (list(ring.x), list(ring.y), ring.marker.symbol) == ([0.4], [30.0], "circle-open")
    assert (list(diamond.x), list(diamond.y), diamond.marker.symbol) == ([0.4], [12.0], "diamond-open")
    assert diamond.hovertext[0] == (
        "<b>Enhancer, K = 10</b><br>held-out: ratio chosen on one half of the examples (0.3 and 0.5),"
        "<br>measured on the other half<br>RAC +12.0%, 95% interval +2.0% to +22.0%"
    )


def test_an_undefined_best_value_has_no_sign():
    chosen = [best(10, rac=None, heldout_rac=None)]
    figure = ratio_curves(evaluation([grid_row(10, 0.4)], chosen=chosen), 10, "rac")
    assert traces(figure, "best ratio") == traces(figure, "held-out value") == []


def test_a_budget_that_was_not_evaluated_is_refused_with_those_that_were():
    rows = evaluation([grid_row(25, 0.5), grid_row(10, 0.5)])
    with pytest.raises(ConfigError, match=r"budget K 13 was evaluated.*Accepted: 10, 25"):
        ratio_curves(rows, 13, "rac")


def test_a_budget_curve_takes_one_ratio_and_orders_budgets_by_size():
    rows = [
        grid_row(100, 0.5, rac=9.0),
        grid_row(25, 0.5, rac=8.0, interval=(7.0, 11.0)),
        grid_row(25, 0.4, rac=1.0),
    ]
    controls = [random_row(100, 0.5, rac=(-2.0, 0.0, 2.0)), random_row(25, 0.5), random_row(25, 0.4)]
    figure = budget_curves(evaluation(rows, controls), 0.5, "rac")
    line = only(figure, TASK)
    assert list(line.x) == ["25", "100"]
    assert list(line.y) == [8.0, 9.0]
    assert line.error_y.array[0] == 3.0
    assert list(only(figure, RANDOM).x) == ["25", "100", "100", "25", "25"]
    assert list(only(figure, RANDOM).y) == [-1.0, -2.0, 2.0, 2.0, -1.0]
    axis = figure.layout.xaxis2
    assert (axis.type, list(axis.categoryarray)) == ("category", ["25", "100"])
    assert axis.title.text == "Budget K (neurons)"


def test_a_ratio_off_by_a_rounding_error_is_still_that_ratio():
    figure = budget_curves(evaluation([grid_row(10, 0.3, rac=8.0)]), 0.1 + 0.2, "rac")
    assert list(only(figure, TASK).y) == [8.0]


def test_a_ratio_that_was_not_evaluated_is_refused_with_those_that_were():
    with pytest.raises(ConfigError, match=r"ratio 0.25 was evaluated.*Accepted: 0.4, 0.5"):
        budget_curves(evaluation([grid_row(10, 0.5), grid_row(10, 0.4)]), 0.25, "rac")


def test_best_ratios_stand_beside_their_held_out_values_and_random_sets_with_the_same_choice():
    figure = budget_curves(
        evaluation(chosen=[best(25, rac=31.0), best(10, heldout_rac=None)], random_chosen=[random_best(10)]),
        "best",
        "rac",
    )
    line, held_out = only(figure, TASK), only(figure, "held-out value")
    assert (list(line.x), list(line.y)) == (["10", "25"], [30.0, 31.0])
    assert list(line.error_y.array) == [15.0, 14.0]
    assert list(held_out.y) == [None, 12.0]
    assert held_out.error_y.visible is False
    assert held_out.line.dash == "dash"
    assert list(only(figure, RANDOM).y) == [1.0, 6.0, 1.0]
    assert "each at its own best ratio" in only(figure, "mean of random sets").hovertext[0]
    assert "a half's baseline accuracy is 0" in only(figure, "undefined").hovertext[0]


def test_held_out_values_have_their_own_intervals_and_band():
    figure = budget_curves(evaluation(chosen=[best(10)], random_chosen=[random_best(10)]), "held-out", "rac")
    line = only(figure, TASK)
    assert list(line.y) == [12.0]
    assert (list(line.error_y.arrayminus), list(line.error_y.array)) == ([10.0], [10.0])
    assert list(only(figure, RANDOM).y) == [-5.0, 2.5, -5.0]
    assert traces(figure, "held-out value") == []


@pytest.mark.parametrize("ratio", ["best", "held-out", 0.5])
def test_an_evaluation_without_interventions_has_no_curves(ratio):
    with pytest.raises(ConfigError):
        budget_curves(evaluation(), ratio, "rac")


def test_an_interval_that_leaves_the_point_out_keeps_its_ends():
    figure = ratio_curves(evaluation([grid_row(10, 0.5, rac=10.0, interval=(12.0, 15.0))]), 10, "rac")
    bars = only(figure, TASK).error_y
    assert (list(bars.arrayminus), list(bars.array)) == ([-2.0], [5.0])


def test_curves_in_words_give_ends_gaps_and_the_random_range():
    rows = [
        grid_row(10, 0.0, rac=-4.0),
        grid_row(10, 0.1, rac=None, interval=None),
        grid_row(10, 0.5, rac=20.0),
        grid_row(10, 0.5, "degrader", rac=None, interval=None),
    ]
    controls = [random_row(10, 0.0, rac=(-3.0, 0.0, 1.0)), random_row(10, 0.5, rac=(-1.0, 0.0, 4.5))]
    assert describe(ratio_curves(evaluation(rows, controls), 10, "rac")) == (
        "RAC over the ratio at K = 10. "
        "Enhancer: from −4.0% at ratio 0 to +20.0% at ratio 0.5, undefined at 1 of 3 points; "
        "random sets between −3.0% and +4.5%. Degrader: undefined everywhere."
    )


def test_budget_curves_in_words_say_at_which_ratio():
    figure = budget_curves(evaluation(chosen=[best(10), best(10, "degrader")]), "best", "rac")
    assert describe(figure) == (
        "RAC over the budget K at each budget's best ratio. "
        "Enhancer: from +30.0% at K = 10 to +30.0% at K = 10. "
        "Degrader: from +30.0% at K = 10 to +30.0% at K = 10."
    )
