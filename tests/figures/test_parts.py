"""Figures of the parts of an effect."""

import numpy as np
import pytest

from neuron_core.analysis.parts import part_matrix
from neuron_core.errors import ConfigError
from neuron_core.figures.effect import effect_splits
from neuron_core.figures.parts import part_heatmaps
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
    content, letters = effect_splits(rows).data
    assert [content.name, letters.name] == ["content", "letters"]
    for place, (_, row) in enumerate(rows):
        assert content.x[place] + letters.x[place] == pytest.approx(row.rac)
