"""Every figure as the browser draws it: no point lies outside its axes."""

import importlib
import inspect
import json
import pkgutil
from pathlib import Path

import plotly.graph_objects as go
import pytest
from playwright.sync_api import sync_playwright
from plotly.offline import get_plotlyjs

import neuron_core.figures as package
from neuron_core.figures.neuron import effect_bars
from tests.figures.gallery import gallery
from tests.figures.test_neuron import row

OUTSIDE = Path(__file__).resolve().parents[1] / "e2e" / "outside.js"
# They give a layout to what others drew, or put it together.
PARTS = {"apply_theme", "two_panels"}


def makers() -> set[str]:
    """The public functions that give a figure."""
    modules = [importlib.import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)]
    found = {
        name
        for module in modules
        for name, one in vars(module).items()
        if inspect.isfunction(one) and one.__module__ == module.__name__ and not name.startswith("_")
        if inspect.signature(one).return_annotation is go.Figure
    }
    return found - PARTS


def test_the_gallery_has_a_figure_of_every_function():
    assert set(gallery()) == makers()


@pytest.mark.browser
def test_all_data_lie_inside_the_axes_of_every_figure(chromium_path):
    # The other panel's marks stand first and there are none: the axis must not be theirs.
    empty = effect_bars([row("x#1", 0.9, 0.5)], [row("x#1", 0.5, 0.77, "gained")])
    drawn = gallery() | {"effect_bars, without flips above": empty}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1000, "height": 800})
        page.set_content("<body></body>")
        page.add_script_tag(content=get_plotlyjs())
        for name, figure in drawn.items():
            page.evaluate(
                "async (figure) => { const made = document.createElement('div'); document.body.replaceChildren(made);"
                " await Plotly.newPlot(made, figure.data, figure.layout); }",
                json.loads(figure.to_json()),
            )
            found = page.evaluate(OUTSIDE.read_text(encoding="utf-8"))
            assert found == {"points": [], "figures": 1}, name
        browser.close()
