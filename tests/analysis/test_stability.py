"""Agreement of sets and spread of metrics over draws, by hand."""

import math

import numpy as np
import pytest

from neuron_core.analysis.entries import best_entry, frame
from neuron_core.analysis.stability import agreement, draw_rankings, spread
from neuron_core.cni.selection import extremes_of
from neuron_core.errors import ConfigError
from tests.analysis.rankings import ranking
from tests.figures import rows


def test_each_draw_of_examples_is_selected_by_itself():
    # Four examples of one question, one layer of eight neurons; two draws of two examples; z = 1.
    scores = np.zeros((4, 1, 8), dtype=np.float32)
    scores[0, 0, 3], scores[0, 0, 1] = 0.5, -0.25
    scores[1, 0, 3], scores[1, 0, 2] = 0.25, -0.5
    scores[2, 0, 6], scores[2, 0, 7] = 1.0, -1.0
    scores[3, 0, 5], scores[3, 0, 7] = 2.0, -1.0
    kept = [extremes_of(example.reshape(-1), 1) for example in scores]
    first, second = draw_rankings(kept, 1, 8, z=1, per_draw=2)
    assert (first.neurons[:, 1].tolist(), first.scores.tolist()) == ([3, 1, 2], [0.75, -0.25, -0.5])
    assert (second.neurons[:, 1].tolist(), second.scores.tolist()) == ([5, 6, 7], [2.0, 1.0, -2.0])
    with pytest.raises(ConfigError, match="4 examples in draws of 3"):
        draw_rankings(kept, 1, 8, z=1, per_draw=3)


def test_agreement_is_over_all_pairs_of_draws():
    draws = {"1": ranking([0, 1], [10]), "2": ranking([1, 2], [10]), "3": ranking([0, 1], [11])}
    good, bad = agreement(draws, 2).to_dict("records")
    # {0, 1} and {1, 2}: 1/3, twice; {0, 1} and {0, 1}: 1.
    assert good["jaccard"] == pytest.approx((1 / 3 + 1 + 1 / 3) / 3)
    assert (good["jaccard_low"], good["jaccard_high"]) == (pytest.approx(1 / 3), 1.0)
    assert (good["n_in_all"], good["n_in_any"], good["n_sets"]) == (1, 3, 3)
    assert (bad["jaccard"], bad["n_in_all"], bad["n_in_any"]) == (pytest.approx(1 / 3), 0, 2)


def test_draws_without_bad_neurons_have_no_agreement_of_them():
    bad = agreement({"1": ranking([0]), "2": ranking([0])}, 1).to_dict("records")[1]
    assert math.isnan(bad["jaccard"])
    assert bad["n_in_any"] == 0
    with pytest.raises(ConfigError, match="1 rankings"):
        agreement({"1": ranking([0])}, 1)


def test_the_spread_of_metrics_is_over_draws_and_leaves_out_what_is_undefined():
    tables = [
        frame([best_entry("ner", rows.best(10, rac=rac, heldout_rac=out))])
        for rac, out in ((10.0, 2.0), (20.0, None), (30.0, 4.0))
    ]
    (row,) = spread(tables).to_dict("records")
    assert (row["task"], row["direction"], row["k"], row["n_draws"]) == ("ner", "enhancer", 10, 3)
    assert (row["rac"], row["rac_sd"], row["rac_low"], row["rac_high"]) == (20.0, 10.0, 10.0, 30.0)
    assert (row["heldout_rac"], row["heldout_rac_sd"]) == (3.0, pytest.approx(2**0.5))
    assert row["n_fail"] == 0
    with pytest.raises(ConfigError, match="no draws"):
        spread([])
