"""Figures of one neuron."""

import pytest

from neuron_core.analysis.neuron import QuestionScore
from neuron_core.control.findings import NeuronTokens, TokenLogit
from neuron_core.control.results import QuestionRow
from neuron_core.errors import ConfigError
from neuron_core.figures.neuron import effect_bars, score_bars, token_bars, visible
from neuron_core.figures.theme import describe

TOKENS = NeuronTokens(
    promoted=(TokenLogit(5, " <b>yes", 8.5), TokenLogit(7, "\n", 2.25)),
    suppressed=(TokenLogit(9, "no", -3.0), TokenLogit(2, "", -1.0)),
    write_norm=2.0,
    layer_norm=1.0,
)


def row(question, before, after, flip="same"):
    return QuestionRow(question, 0, "A", "A", "A", before, after, flip)


def test_white_space_of_a_token_is_seen():
    assert [visible(token) for token in (" a", "\n", "", "\x07")] == ["␣a", "⏎", "∅", "\N{REPLACEMENT CHARACTER}"]


def test_tokens_stand_strongest_first_with_their_numbers_and_without_markup():
    figure = token_bars(TOKENS, "promoted")
    (bars,) = figure.data
    assert list(bars.x) == [8.5, 2.25]
    assert list(figure.layout.yaxis.ticktext) == ["␣&lt;b&gt;yes", "⏎"]
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    assert list(token_bars(TOKENS, "suppressed").data[0].x) == [-3.0, -1.0]
    assert "no -3.0" in describe(token_bars(TOKENS, "suppressed")).replace("\N{MINUS SIGN}", "-")


def test_effects_stand_below_each_other_with_flips_marked():
    silenced = [row("x#1", 0.5, 0.25, "lost"), row("x#2", 0.25, 0.5)]
    doubled = [row("x#1", 0.5, 0.75), row("x#2", 0.25, 0.5, "gained")]
    figure = effect_bars(silenced, doubled)
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert [list(trace.y) for trace in bars] == [[-25.0, 25.0], [25.0, 25.0]]
    assert bars[0].customdata[1] == {"question": "x#2"}
    marks = {(trace.name.split(":")[0], trace.yaxis): list(trace.x) for trace in figure.data if trace.type == "scatter"}
    assert marks == {("gained", "y"): [], ("lost", "y"): [1], ("gained", "y2"): [2], ("lost", "y2"): []}
    assert "silenced: mean 0.00 points, 0 gained, 1 lost" in describe(figure)


def test_effects_on_different_questions_are_refused():
    with pytest.raises(ConfigError):
        effect_bars([row("x#1", 0.5, 0.2)], [row("x#2", 0.5, 0.2)])


def test_scores_point_up_or_down_and_tell_it_by_pattern_too():
    figure = score_bars([QuestionScore("x#1", "ace", 0.5, 1.0), QuestionScore("x#2", "ace", -0.25, 2.0)])
    (bars,) = figure.data
    assert list(bars.y) == [0.5, -0.25]
    assert list(bars.marker.pattern.shape) == ["", "/"]
    assert bars.customdata[0] == {"question": "x#1"}
    assert "positive in 1, negative in 1" in describe(figure)
