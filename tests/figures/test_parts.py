"""Figures of the parts of an effect."""

from dataclasses import replace

import numpy as np
import pytest

from neuron_core.analysis.parts import part_matrix
from neuron_core.errors import ConfigError
from neuron_core.figures.effect import effect_splits
from neuron_core.figures.parts import no_share_in_words, part_heatmaps
from neuron_core.figures.theme import signed
from tests.analysis.test_parts import EVALUATIONS, SETS, evaluated

MATRICES = [part_matrix(EVALUATIONS, SETS, 8, direction) for direction in ("degrader", "enhancer")]


def test_matrices_show_shares_frame_their_diagonals_and_answer_clicks():
    figure = part_heatmaps(MATRICES)
    heat, cells = figure.data[0], figure.data[1]
    np.testing.assert_allclose(np.array(heat.z, dtype=float), [[-0.75, -0.5], [-0.25, -0.375]], atol=1e-5)
    assert [list(row) for row in heat.text] == [["0.25", "0.50"], ["0.75", "0.62"]]
    assert cells.customdata[1] == {"source": "one", "evaluated": "two", "direction": "degrader"}
    assert len(figure.layout.shapes) == 4
    assert "degrader: own neurons are the strongest on 1 of 2 tasks" in figure.layout.meta["alt"]
    with pytest.raises(ConfigError, match="no matrix"):
        part_heatmaps([])


def test_a_cell_without_a_share_says_so_and_why():
    below = replace(EVALUATIONS["two"].baseline, content_margin=-0.25)
    evaluations = {**EVALUATIONS, "two": replace(EVALUATIONS["two"], baseline=below)}
    matrix = part_matrix(evaluations, SETS, 8, "degrader")
    figure = part_heatmaps([matrix])
    cells = figure.data[1]
    assert list(cells.text) == ["", "no share", "", "no share"]
    assert cells.hovertext[1] == "neurons of one, evaluated on two: no share"
    why = "No share where the unmodified model's value is not above 0: two (−0.250)"
    assert no_share_in_words([matrix]) == why
    assert why in figure.layout.meta["alt"]
    # The value itself is shown where no share is asked for, and RAC is a share of another number.
    for drawn in (part_heatmaps([matrix], share=False), part_heatmaps([matrix], "rac")):
        assert set(drawn.data[1].text) == {""}
        assert "No share" not in drawn.layout.meta["alt"]
    assert no_share_in_words(MATRICES) == no_share_in_words([matrix], "rac") == ""


def test_a_cell_that_was_not_run_says_so():
    matrix = part_matrix({**EVALUATIONS, "two": evaluated(own2=2.5)}, SETS, 8, "degrader")
    assert list(part_heatmaps([matrix]).data[1].text) == ["", "not run", "", ""]


def test_an_effect_is_a_bar_of_content_and_letters():
    rows = [(row.source, row) for row in EVALUATIONS["one"].grid if row.direction == "degrader"]
    content, letters, numbers = effect_splits(rows).data
    assert [content.name, letters.name] == ["content", "letters"]
    for place, (_, row) in enumerate(rows):
        assert content.x[place] + letters.x[place] == pytest.approx(row.rac)
        assert numbers.text[place] == f" {signed(row.rac_content)}, {signed(row.rac_letters)}"
        assert numbers.x[place] == pytest.approx(max(content.x[place], 0) + max(letters.x[place], 0))
