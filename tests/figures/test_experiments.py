"""Figures of the experiments, from tables typed out."""

from dataclasses import replace

import pandas as pd
import pytest

from neuron_core.analysis.entries import best_entry, frame, with_averages
from neuron_core.analysis.stability import agreement
from neuron_core.figures.experiments import agreement_bars, cost_lines, entry_bars
from neuron_core.figures.theme import describe
from tests.analysis.rankings import ranking
from tests.figures import rows


def entries():
    ours = [best_entry("ner", rows.best(10, d, rac=30.0, heldout_rac=12.0), "ace") for d in ("enhancer", "degrader")]
    none = [replace(one, task="sentiment", rac=None, rac_low=None, rac_high=None, heldout_rac=None) for one in ours]
    theirs = [replace(one, method="tn", rac=-4.0, rac_low=-6.0, rac_high=1.0) for one in ours]
    return frame(with_averages([*ours, *none, *theirs]))


def test_bars_have_a_series_a_method_and_a_panel_a_direction():
    figure = entry_bars(entries())
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert [trace.name for trace in bars] == ["NeuronLLM (ACE)", "TN", "NeuronLLM (ACE)", "TN"]
    first, second = bars[:2]
    assert list(first.x) == ["ner", "sentiment", "average"]
    assert list(first.y) == [30.0, None, 30.0]
    assert list(second.y) == [-4.0, None, -4.0]
    assert (first.error_y.array[0], first.error_y.arrayminus[0]) == (15.0, 10.0)
    assert [trace.showlegend for trace in bars] == [True, True, False, False]
    assert figure.layout.yaxis.title.text == "RAC (%)"


def test_panels_stand_above_each_other_with_titles_from_the_left_and_one_scale():
    layout = entry_bars(entries()).layout
    titles = [note for note in layout.annotations if "Enhancer" in note.text or "Degrader" in note.text]
    assert [(note.x, note.xanchor) for note in titles] == [(0, "left"), (0, "left")]
    assert titles[0].y - titles[1].y > 0.4
    assert layout.yaxis.domain[0] > layout.yaxis2.domain[1]
    assert layout.yaxis2.matches == "y"


def test_the_lines_of_a_long_legend_have_room_above_the_panels():
    methods = ["ace", "tn", "qrnca", "tn+", "qrnca+", "kn", "activation", "random", "random+"]
    few = entry_bars(entries()).layout
    many = entry_bars(pd.concat([entries()[entries()["method"] == "ace"].assign(method=one) for one in methods])).layout
    more = many.margin.t - few.margin.t
    assert more >= 20
    # Not at the cost of the panels.
    assert many.height - few.height == more


def test_what_is_held_out_is_a_diamond_over_its_bar():
    bar, diamonds = entry_bars(entries()).data[:2]
    assert diamonds.name == "held out"
    assert list(diamonds.y) == [12.0, None, 12.0]
    assert diamonds.offsetgroup == bar.offsetgroup


def test_a_bar_says_its_held_out_value_and_that_it_is_undefined():
    said = entry_bars(entries()).data[0].hovertext
    assert "held out +12.0" in said[0]
    assert "undefined" in said[1]


def test_bars_can_be_split_by_part_and_show_comprehension():
    table = entries().assign(part="good")
    figure = entry_bars(table, "rcc", ("method", "part"))
    assert figure.data[0].name == "NeuronLLM (ACE), good"
    assert figure.layout.yaxis.title.text == "RCC (%)"
    assert "NeuronLLM (ACE), good on average, enhancer: +5.0." in describe(figure)


def test_time_is_a_line_a_form_on_logarithmic_axes():
    table = pd.DataFrame(
        [("slow", 1, 2.0, 1.5, 2.5), ("slow", 4, 8.0, 7.0, 9.0), ("ours", 1, 0.1, 0.1, 0.1)],
        columns=["form", "length", "seconds", "seconds_low", "seconds_high"],
    )
    figure = cost_lines(table)
    assert [trace.name for trace in figure.data] == ["slow", "ours"]
    assert list(figure.data[0].y) == [2.0, 8.0]
    assert list(figure.data[0].error_y.arrayminus) == [0.5, 1.0]
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")
    assert list(figure.layout.xaxis.ticktext) == ["1", "4"]
    assert "slow: 2 s at 1, 8 s at 4 tokens." in describe(figure)


def test_agreement_is_a_bar_a_task_and_role_with_its_range():
    tables = {"ner": agreement({"1": ranking([0, 1]), "2": ranking([1, 2]), "3": ranking([0, 1])}, 2)}
    good, bad = agreement_bars(tables).data
    assert list(good.y) == [pytest.approx(5 / 9)]
    assert good.error_y.array[0] == pytest.approx(4 / 9)
    assert list(bad.y) == [None]
    assert "ner, bad: undefined." in describe(agreement_bars(tables))
