"""Cross-task matrices and overlaps as figures."""

import math

import pandas as pd
import pytest

from neuron_core.analysis.cross import cross_matrix
from neuron_core.errors import ConfigError
from neuron_core.figures.cross import NOTHING, cross_heatmaps, overlap_heatmap
from neuron_core.figures.theme import BAD, GOOD, describe, ink, mixed
from tests.analysis.test_cross import EVALUATIONS, SETS


def matrices():
    return [cross_matrix(EVALUATIONS, SETS, 2, direction) for direction in ("degrader", "enhancer")]


def test_rows_are_evaluated_tasks_and_an_undefined_cell_has_no_colour():
    cells = cross_heatmaps(matrices(), "rcc").data[3]
    assert (list(cells.x), list(cells.y)) == (["ner", "sentiment"], ["ner", "sentiment"])
    assert [list(row) for row in cells.z] == [[50.0, -50.0], [None, None]]
    assert (cells.zmin, cells.zmax) == (-100.0, 100.0)


def test_cells_say_fail_and_undefined_in_words():
    figure = cross_heatmaps(matrices())
    assert figure.data[5].text[1].startswith("Fail")
    assert figure.data[5].text[2].startswith("undefined")
    assert "Enhancer on ner, neurons of: ner 50.0/50.0, sentiment Fail (-16.7/-50.0)." in describe(figure)


def test_a_cell_without_a_colour_has_its_words_all_the_same():
    assert list(cross_heatmaps(matrices(), "rcc").data[4].text) == [
        "",
        "",
        "undefined<br>(RAC -33.3)",
        "undefined<br>(RAC 33.3)",
    ]


def test_every_cell_answers_a_click_with_both_tasks_and_tells_its_ratio():
    squares = cross_heatmaps(matrices()).data[4]
    assert squares.customdata[1] == {"evaluated": "ner", "source": "sentiment", "direction": "enhancer"}
    assert "ratio 1" in squares.hovertext[1]


def test_matrices_of_other_tasks_are_refused():
    with pytest.raises(ConfigError, match="different tasks"):
        cross_heatmaps([])


def test_an_overlap_is_shown_with_two_digits():
    table = pd.DataFrame([[1.0, 1 / 3], [math.nan, 0.0]], index=["a", "b"], columns=["a", "b"])
    figure = overlap_heatmap(table, "good for", "bad for")
    assert [list(row) for row in figure.data[0].text] == [["1.00", "0.33"], ["undefined", "0.00"]]
    assert figure.data[0].z[1][0] is None
    assert list(figure.data[1].text) == ["1.00", "0.33", "0.00"]
    # White on the blue of 1, black on the lighter tones.
    assert list(figure.data[1].textfont.color) == ["#FFFFFF", "#000000", "#000000"]


def test_numbers_in_cells_are_readable_on_every_tone():
    for end in (GOOD, BAD):
        for share in range(0, 101, 5):
            ground = mixed(NOTHING, end, share / 100)
            light, dark = sorted((luminance(ground), luminance(ink(ground))), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5


def luminance(colour: str) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_an_overlap_is_described():
    table = pd.DataFrame([[1.0, 1 / 3], [math.nan, 0.0]], index=["a", "b"], columns=["a", "b"])
    figure = overlap_heatmap(table, "good for", "bad for")
    assert "a and b: 0.33." in describe(figure)
