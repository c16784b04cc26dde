"""What a view does in a browser: marks in other figures, and the theme that a link names."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.steps import at, go_to, settled

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
