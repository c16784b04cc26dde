"""Figures that were drawn before are copied: the same figure for the same values, and another one for others."""

import ast
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuron_core.figures.baseline import letter_bars
from neuron_core.figures.effect import effect_split
from neuron_core.figures.experiments import entry_bars
from neuron_core.figures.layers import completeness_bars
from pages.shared.views import kept as module
from pages.shared.views.kept import kept
from tests.figures import rows
from tests.figures.test_experiments import entries
from tests.figures.test_inside_axes import makers

PAGES = Path(__file__).resolve().parents[2] / "pages"


@pytest.fixture(autouse=True)
def empty(monkeypatch):
    monkeypatch.setattr(module, "_kept", type(module._kept)())
    monkeypatch.setattr(module, "_held", 0)


def counted(draw):
    calls = []

    def drawn(*args, **kwargs):
        calls.append(1)
        return draw(*args, **kwargs)

    return kept(drawn), calls


@pytest.mark.parametrize(
    ("draw", "args"),
    [
        (letter_bars, (rows.baseline({"A": 0.97, "B": 0.03, "C": 0.0, "D": 0.0}),)),
        (completeness_bars, (np.array([0.9, -3.0]), np.array([0.5, 4.0]))),
        (entry_bars, (entries(),)),
        (effect_split, (rows.grid_row(4, 0.5, rac=30.0), rows.random_row(4, 0.5), rows.baseline())),
    ],
)
def test_a_copy_is_the_figure_that_would_be_drawn(draw, args):
    twice, calls = counted(draw)
    wanted = json.loads(draw(*args).to_json())
    found = [json.loads(twice(*args).to_json()) for _ in range(3)]
    assert found == [wanted] * 3
    assert len(calls) == 1


def test_other_values_make_another_figure():
    twice, calls = counted(letter_bars)
    one = rows.baseline({"A": 0.97, "B": 0.03, "C": 0.0, "D": 0.0})
    other = replace(one, letters={"A": 0.96, "B": 0.04, "C": 0.0, "D": 0.0})
    assert twice(one).to_json() != twice(other).to_json()
    bars, counts = counted(completeness_bars)
    values = np.array([0.9, -3.0])
    bars(values, values)
    values[0] = 0.8
    assert bars(values, values).data[0].to_plotly_json() != completeness_bars(values + 1, values).data[0]
    table, tables = counted(entry_bars)
    changed = entries()
    table(changed)
    changed.loc[changed.index[0], "rac"] = 77.0
    table(changed)
    assert (len(calls), len(counts), len(tables)) == (2, 2, 2)


def test_who_gets_a_figure_may_change_it():
    twice, _ = counted(completeness_bars)
    values = np.array([0.9, -3.0]), np.array([0.5, 4.0])
    usual = twice(*values).layout.height
    for _ in range(2):
        twice(*values).update_layout(height=7).data[0].update(y=[1.0])
    assert twice(*values).layout.height == usual
    assert json.loads(twice(*values).to_json()) == json.loads(completeness_bars(*values).to_json())


def test_values_that_have_no_bytes_are_drawn_each_time():
    twice, calls = counted(lambda _: completeness_bars(np.ones(1), np.ones(1)))
    for _ in range(2):
        twice(one for one in (1, 2))
    assert len(calls) == 2
    assert not module._kept


def test_what_is_kept_has_a_bound(monkeypatch):
    twice, calls = counted(completeness_bars)
    size = len(completeness_bars(np.zeros(1), np.zeros(1)).to_json())
    monkeypatch.setattr(module, "MOST_BYTES", 3 * size + 100)
    for value in range(10):
        twice(np.full(1, float(value)), np.ones(1))
    assert len(module._kept) == 3
    assert module._held == sum(map(len, module._kept.values()))
    twice(np.full(1, 9.0), np.ones(1))
    assert len(calls) == 10
    monkeypatch.setattr(module, "MOST_OF_ONE", 10)
    twice(np.full(1, 9.0), np.ones(1))
    assert len(calls) == 11


def test_pages_take_their_figures_from_those_that_are_kept():
    """A page that draws a figure anew at every rerun costs every visitor tens of milliseconds of the server."""
    found = {
        (path.name, name.name)
        for path in PAGES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("neuron_core.figures")
        for name in node.names
        if name.name in makers()
    }
    # It changes the figure, and what it has made is kept.
    assert found == {("gallery.py", "effect_split")}


def test_a_table_with_missing_values_is_kept_as_it_is_drawn():
    table = entries().assign(heldout_rac=np.nan)
    assert pd.isna(table["heldout_rac"]).all()
    twice, calls = counted(entry_bars)
    wanted = json.loads(entry_bars(table).to_json())
    assert [json.loads(twice(table).to_json()) for _ in range(2)] == [wanted] * 2
    assert len(calls) == 1
