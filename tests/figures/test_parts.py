"""Figures of the parts of an effect."""

import numpy as np
import pytest

from neuron_core.analysis.parts import part_matrix
from neuron_core.errors import ConfigError
from neuron_core.figures.parts import effect_parts, margin_bars, part_heatmaps
from tests.analysis.test_parts import EVALUATIONS, SETS

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


def test_an_effect_is_a_bar_of_content_and_letters():
    rows = [(row.source, row) for row in EVALUATIONS["one"].grid if row.direction == "degrader"]
    content, letters = effect_parts(rows).data
    assert [content.name, letters.name] == ["content", "letters"]
    for place, (_, row) in enumerate(rows):
        assert content.x[place] + letters.x[place] == pytest.approx(row.rac)


def test_margins_stand_beside_the_unmodified_model_with_their_intervals():
    rows = [(row.source, row) for row in EVALUATIONS["one"].grid if row.direction == "degrader"]
    (bars,) = margin_bars(EVALUATIONS["one"].baseline, rows).data
    assert list(bars.y) == ["unmodified", "own1", "own2"]
    assert list(bars.x) == pytest.approx([4, 1, 3], abs=1e-5)
    assert all(abs(value) < 1e-5 for value in (*bars.error_x.array, *bars.error_x.arrayminus))
