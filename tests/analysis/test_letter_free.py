"""Letter-free measures as tables: of every method at its best ratio, and of single rows."""

import pytest

from neuron_core.analysis.letter_free import HEAD, MEASURES, UNMODIFIED, letter_free_columns, letter_free_table
from tests.analysis.test_parts import EVALUATIONS


def test_a_table_begins_each_task_with_the_unmodified_model():
    table = letter_free_table(EVALUATIONS, 8)
    assert list(table) == [*HEAD, *MEASURES]
    sets = [("own1", "degrader"), ("own1", "enhancer"), ("own2", "degrader"), ("own2", "enhancer")]
    for task in EVALUATIONS:
        own = table[table["task"] == task]
        assert own["method"].iloc[0] == UNMODIFIED
        assert sorted(own[["method", "direction"]].iloc[1:].itertuples(index=False, name=None)) == sets
    degraded = table[(table["method"] == "own1") & (table["direction"] == "degrader")]
    assert degraded["content_margin"].tolist() == pytest.approx([1, 2], abs=1e-5)


def test_without_a_budget_every_budget_is_in_the_table():
    assert letter_free_table(EVALUATIONS).equals(letter_free_table(EVALUATIONS, 8))
    assert letter_free_table(EVALUATIONS, 9)["method"].tolist() == [UNMODIFIED] * 2


def test_a_baseline_a_row_of_the_grid_and_a_best_ratio_have_the_same_columns():
    evaluation = EVALUATIONS["one"]
    before, row, best = map(letter_free_columns, (evaluation.baseline, evaluation.grid[0], evaluation.best[0]))
    assert set(before) == set(row) == set(best)
    assert before["rac"] is None
    assert before["content_margin"] == pytest.approx(4, abs=1e-5)
    assert row["content_margin_low"] == evaluation.grid[0].content_margin_interval[0]
    assert best["acc"] is None
    assert best["rac_high"] == evaluation.best[0].rac_interval[1]
