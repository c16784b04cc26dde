"""CSV that a spreadsheet opens: texts that begin like a formula stay texts, numbers stay numbers."""

import io

import pandas as pd

from neuron_core.tasks.spreadsheet import safe_cell, safe_csv

FORMULAS = ["=1+1", "+1", "-cmd", "@SUM(A1)", "\t=1", "\r=1"]


def test_texts_that_begin_like_a_formula_have_a_quote_in_front():
    assert [safe_cell(text) for text in FORMULAS] == [f"'{text}" for text in FORMULAS]
    assert [safe_cell(value) for value in ("a=1", "", -1.5, None, 3)] == ["a=1", "", -1.5, None, 3]


def test_a_table_has_safe_headings_and_cells_and_its_numbers_as_they_were():
    frame = pd.DataFrame({"=name": FORMULAS[:5], "score": [-1.5, 2.0, 0.0, -3.0, 1.0]})
    found = pd.read_csv(io.StringIO(safe_csv(frame), newline=""))
    assert found.columns.tolist() == ["'=name", "score"]
    assert found["score"].tolist() == frame["score"].tolist()
    assert all(text.startswith("'") for text in found["'=name"])
    assert frame.columns.tolist() == ["=name", "score"]
