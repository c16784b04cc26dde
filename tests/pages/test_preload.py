"""Programs that a page asks for before it needs them."""

import re

import pytest

from pages.shared.frame.preload import FIGURES, NEEDED, TABLES, program
from tests.pages.conftest import figures


def asked(app):
    said = "".join(block.proto.body for block in app.get("html"))
    return set(re.findall(r'import\("\./static/js/(\w+)\.', said))


@pytest.mark.parametrize("name", [FIGURES, TABLES])
def test_streamlit_has_the_program(name):
    assert program(name)


def test_a_program_that_another_version_lacks_is_not_asked_for():
    assert program("NoSuchChart") is None


@pytest.mark.parametrize(
    "name",
    ["overview", "attribution", "layers", "neuron", "cross_task", "control", "question", "methods", "runs", "start"],
)
def test_a_page_asks_for_what_it_draws(open_page, full, name):
    app = open_page(name, closed=True, run=full.id)
    title = name.replace("_", "-").capitalize()
    assert asked(app) == set(NEEDED.get(title, ()))
    if figures(app):
        assert FIGURES in asked(app)
    if len(app.dataframe):
        assert TABLES in asked(app)
