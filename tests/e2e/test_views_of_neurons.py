"""What a view does in a browser: marks in other figures, and the theme that a link names."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.steps import at, click_cell, click_last_cell, go_to, settled

pytestmark = pytest.mark.browser
SMALL = {"width": 1280, "height": 800}


def test_what_the_pointer_rests_on_is_marked_in_the_other_figures(tabs):
    page = tabs.open("/attribution?run=demo", window=SMALL)
    settled(page)
    bar = at(page, "good_bars").locator(".bars .point path").first
    bar.scroll_into_view_if_needed()
    settled(page)
    box = bar.bounding_box()
    assert box is not None
    for step in (2, 3, 4):
        page.mouse.move(box["x"] + box["width"] / step, box["y"] + box["height"] / 2)
    marked = at(page, "attribution_layers").locator(".neuronllm-marked")
    expect(marked).to_have_count(1)
    page.mouse.move(10, 10)
    expect(marked).to_have_count(0)


def test_a_link_names_the_theme_and_other_pages_keep_it(tabs):
    page = tabs.open("/layers?run=demo&theme=dark", window=SMALL)
    dark = "rgb(20, 25, 31)"
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", dark)
    settled(page)
    expect(page).to_have_url(re.compile("theme=dark"))
    go_to(page, "Control")
    settled(page)
    expect(page).to_have_url(re.compile("/control.*theme=dark"))
    page.reload()
    settled(page)
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", dark)


@pytest.mark.parametrize("again", [False, True], ids=["once", "after an id of the whole list"])
def test_an_id_opens_its_neuron_after_a_cell_of_the_map_has_filtered_the_list(tabs, again):
    page = tabs.open("/layers?run=demo", window=SMALL)
    settled(page)
    if again:
        # What was clicked before is not what is clicked now, though it stands in the same place.
        click_last_cell(page, "neurons", 1)
        expect(page.get_by_role("heading", level=1)).to_have_text("Neuron")
        settled(page)
        page.go_back()
        expect(page.get_by_role("heading", level=1)).to_have_text("Layers")
        settled(page)
    grid = at(page, "neurons_table").locator("table")
    whole = grid.get_attribute("aria-rowcount")
    # The good ones of layer 0, which are several.
    click_cell(page, "layer_map", 0)
    expect(grid).not_to_have_attribute("aria-rowcount", str(whole))
    settled(page)
    wanted = grid.locator("tbody tr").nth(1).locator("td").last.inner_text()
    click_last_cell(page, "neurons", 1)
    expect(page.get_by_role("heading", name=f"Neuron {wanted} in layer")).to_be_visible()
    expect(page).to_have_url(re.compile(f"/neuron.*neuron={re.escape(wanted)}"))
