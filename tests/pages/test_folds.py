"""What a page makes only when somebody opens it."""

import re
from pathlib import Path

import pytest

from tests.pages.conftest import FOLDS, faults, figures

PAGES = Path(__file__).resolve().parents[2] / "pages"


@pytest.mark.parametrize("name", ["overview", "attribution", "layers", "neuron", "control", "question", "methods"])
def test_a_page_holds_nothing_out_of_sight(open_page, full, name):
    closed = open_page(name, closed=True, run=full.id)
    assert faults(closed) == []
    # Code brings the largest program of all that a page needs.
    assert len(closed.code) == 0
    seen = open_page(name, run=full.id)
    assert len(seen.code) >= 2
    assert len(figures(closed)) <= len(figures(seen))


@pytest.mark.parametrize(("name", "key"), [("control", "details"), ("attribution", "how_computed")])
def test_what_is_opened_is_made_then(open_page, full, name, key):
    app = open_page(name, closed=True, run=full.id)
    before = len(figures(app))
    app.session_state[key] = True
    app.run()
    assert faults(app) == []
    assert len(figures(app)) == before + 1


def test_tests_know_of_everything_that_opens():
    made = "\n".join(path.read_text(encoding="utf-8") for path in sorted(PAGES.rglob("*.py")))
    keys = re.findall(r'unfolded\(.*?, f?"((?:\{role\})?\w+)"(?:, "[^"]*")?\)', made)
    assert len(keys) == made.count("if fold := unfolded(") > 0
    assert {one for key in keys for role in ("good", "bad") for one in [key.replace("{role}", role)]} == set(FOLDS)
