"""axe-core over every page in both themes: no violation.

axe-core comes with `npm install` in the project's folder; without it the test says what is missing.
"""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.steps import settled

pytestmark = pytest.mark.browser
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PAGES = (
    "",
    "data",
    "questions",
    "attribution",
    "layers",
    "neuron",
    "cross_task",
    "control",
    "question",
    "playground",
    "overview",
    "methods",
    "runs",
)


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.is_file():
        reason = "axe-core is not installed: npm install"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return AXE.read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_violation(tabs, axe, name, scheme):
    page = tabs.open(f"/{name}?run=demo", color_scheme=scheme)
    settled(page)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    # The navigation's roles are set a moment after the page.
    page.wait_for_timeout(600)
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    said = [(one["id"], [node["html"][-400:] for node in one["nodes"]][:3]) for one in found]
    assert said == []
