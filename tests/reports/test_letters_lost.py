"""Sentences made from the numbers of a run: what is said, and what is not, as the numbers change."""

from dataclasses import replace
from html import escape

import pytest

from neuron_core.control.results import SideEffect, SideEffects
from neuron_core.reports.run_page import runs_html
from neuron_core.reports.verdict import letters_lost
from neuron_core.runs.demo import DEMO, demo_folders
from neuron_core.runs.results import cell_of
from neuron_core.runs.run_folder import RunFolder


@pytest.fixture(scope="module")
def cell():
    evaluation = RunFolder(demo_folders()[DEMO]).evaluation()
    best = next(one for one in evaluation.best if (one.k, one.direction) == (100, "degrader"))
    return cell_of(evaluation, 100, best.ratio, "degrader", best.source)


def effects(cell, *, before=0.999, ours=0.138, random=0.998):
    best = cell.best
    row = SideEffect(best.source, best.k, best.ratio, best.direction, ours, 60.0)
    rows = [row] if random is None else [row, replace(row, source="random+-0", letter_mass=random)]
    return SideEffects(12, before, 55.0, tuple(rows))


def test_a_clear_fall_of_the_letters_probability_is_said_beside_the_random_set(cell):
    said = letters_lost(effects(cell), cell)
    assert said is not None
    assert "falls from 99.9% to 13.8%; a random set leaves it at 99.8%" in said


def test_another_ratio_than_the_measured_one_names_the_ratio(cell):
    other = replace(cell, row=replace(cell.row, ratio=1.0 - cell.best.ratio + 0.1))
    assert f"at ratio {cell.best.ratio:g}" in letters_lost(effects(cell), other)
    assert "ratio" not in letters_lost(effects(cell), cell)


@pytest.mark.parametrize(
    ("ours", "random"),
    [(0.95, 0.998), (0.999, 0.998), (1.0, None), (0.5, 0.4), (0.138, 0.2), (None, 0.998)],
)
def test_a_small_fall_or_one_that_random_sets_have_too_is_not_said(cell, ours, random):
    assert letters_lost(effects(cell, ours=ours, random=random), cell) is None


def test_without_a_measurement_of_the_unmodified_model_nothing_is_said(cell):
    assert letters_lost(effects(cell, before=None), cell) is None
    assert letters_lost(replace(effects(cell), rows=()), cell) is None


def test_the_sentence_of_the_shipped_demo_has_its_own_numbers(cell):
    measured = RunFolder(demo_folders()[DEMO]).side_effects()
    ours = next(
        one.letter_mass
        for one in measured.rows
        if (one.source, one.k, one.direction) == (cell.best.source, 100, "degrader")
    )
    assert f"{100 * measured.letter_mass:.1f}% to {100 * ours:.1f}%" in letters_lost(measured, cell)


def test_a_report_says_it_with_its_verdict():
    run = RunFolder(demo_folders()[DEMO])
    evaluation = run.evaluation()
    k = max(one.k for one in evaluation.best)
    source = evaluation.grid[0].source
    best = next(one for one in evaluation.best if (one.source, one.k, one.direction) == (source, k, "degrader"))
    said = letters_lost(run.side_effects(), cell_of(evaluation, k, best.ratio, "degrader", best.source))
    assert said is not None
    assert escape(said) in runs_html({"demo": run}).split("<nav>")[0]
