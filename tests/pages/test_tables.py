"""Tables of pages: a click on an id opens what it names, numbers have three significant figures."""

import pandas as pd
import pytest
import streamlit as st
from pandas.io.formats.style import Styler

from neuron_core.cni.methods import source_title
from neuron_core.figures.theme import three_figures
from pages.shared.views import table_looks
from pages.shared.views.figures import _cell_click
from pages.shared.views.table_looks import looks
from pages.shared.views.tables import run_columns
from pages.shared.views.words import method_names

FRAME = pd.DataFrame({"id": ["3.17", "4.2"], "score": [0.0000798, 20.54], "rank": [1.0, None], "ratio": [0.5, 0.1]})


@pytest.fixture
def clicked(monkeypatch):
    """What opens when these cells and rows are selected."""

    def click(cells, rows=()):
        found = []
        selected = type("Selected", (), {"cells": list(cells), "rows": list(rows)})
        monkeypatch.setattr(st, "session_state", {"t_1": type("State", (), {"selection": selected})})
        _cell_click(FRAME, "t", "t_1", {"id": found.append}, lambda: found.append("row"))()
        return found

    return click


def test_a_click_on_an_id_opens_it_and_one_elsewhere_does_what_a_ticked_row_does(clicked):
    assert clicked([(1, "id")]) == ["4.2"]
    assert clicked([(1, "score")]) == ["row"]
    assert clicked([], [0]) == ["row"]


def test_the_task_of_a_run_is_shown_where_its_name_does_not_say_it():
    runs = pd.DataFrame({"run": ["mood · 1 May", "Demo · mood"], "task": ["mood", "mood"], "id": ["a", "b"]})
    assert run_columns(runs) == ["run", "id"]
    assert run_columns(runs.assign(run=["mood · 1 May", "my best one"])) == ["run", "task", "id"]


def test_numbers_with_a_format_of_their_own_have_a_minus_too():
    frame = pd.DataFrame({"rac": [-2.44, None], "score": [-0.5, 1.0]})
    styled, config = looks(frame, None, {"rac": st.column_config.NumberColumn(format="%.1f")}, [])
    assert ">−2.4<" in styled.to_html()
    assert config["rac"]["type_config"]["format"] is None


def test_numbers_are_shown_with_three_figures_and_whole_ones_as_they_are():
    assert [three_figures(value) for value in (0.0000798, 20.54, 0.5, -2.6, 100.0)] == [
        "7.98×10⁻⁵",
        "20.5",
        "0.5",
        "−2.6",
        "100",
    ]
    styled, _ = looks(FRAME, None, {}, ["id"])
    shown = styled.to_html()
    for text in ("7.98×10⁻⁵", ">20.5<", ">1<", ">0.5<"):
        assert text in shown
    assert "nan" not in shown


def test_a_large_table_without_links_is_drawn_without_styles_and_keeps_titles_and_missing_ones():
    n = table_looks.MOST_PLAIN
    frame = pd.DataFrame({"method": ["ace", *[None] * n], "score": [0.5] * (n + 1), "methods": "ace, content"})
    given = {"score": st.column_config.NumberColumn(help="in words")}
    shown, config = looks(frame, None, given, [])
    assert isinstance(shown, pd.DataFrame)
    assert shown["method"][0] == source_title("ace")
    assert shown["method"][1:].isna().all()
    assert shown["methods"][0] == method_names(("ace", "content"))
    assert frame["method"][0] == "ace"
    assert config["score"]["type_config"]["format"] == table_looks.SCORE
    assert config["score"]["help"] == "in words"
    styled, _ = looks(frame, None, given, ["method"])
    assert isinstance(styled, Styler)
