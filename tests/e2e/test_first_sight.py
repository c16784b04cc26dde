"""What one sees first: the figure of every page at a small window, and the pages of a presentation."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.steps import CUT_OFF, at, settled

pytestmark = pytest.mark.browser
SMALL = {"width": 1280, "height": 800}


@pytest.mark.parametrize("page_name", ["overview", "attribution", "layers", "control", "question", "methods"])
def test_the_first_figure_is_in_view(tabs, page_name):
    page = tabs.open(f"/{page_name}?run=demo", window=SMALL)
    settled(page)
    figure = page.locator(".js-plotly-plot").first
    expect(figure.locator(".main-svg").first).to_be_visible()
    settled(page)
    box = figure.bounding_box()
    assert box is not None
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= SMALL["height"]


def test_a_presentation_goes_by_arrow_keys_and_shows_no_sidebar_caption_or_button(tabs):
    page = tabs.open("/overview?run=demo&present=1", window=SMALL)
    settled(page)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(page.get_by_test_id("stCaptionContainer").locator("visible=true")).to_have_count(0)
    expect(page.get_by_role("button", name="Save figure").locator("visible=true")).to_have_count(0)
    for title in ("Layers", "Control", "Question", "Overview"):
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        settled(page)
        expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("heading", level=1)).to_have_text("Question")
    settled(page)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stSidebar")).to_be_visible()


@pytest.mark.parametrize("page_name", ["overview", "control", "neuron", "methods", "cross_task"])
def test_a_presentation_has_no_heading_of_a_hidden_table_and_no_number_cut_off(tabs, page_name):
    page = tabs.open(f"/{page_name}?run=demo&present=1", window={"width": 1920, "height": 1080})
    settled(page)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    for said in ("Question by question", "at the best ratio, in percent", "Not yet run on", "Runs that are missing"):
        expect(page.get_by_text(said)).to_have_count(0)
    for card in page.get_by_test_id("stMetric").all():
        assert card.evaluate(CUT_OFF) == []


def test_a_view_is_a_link(tabs):
    page = tabs.open("/control?run=demo", window=SMALL)
    settled(page)
    at(page, "direction").get_by_role("radio", name="enhancer").click()
    settled(page)
    at(page, "over").get_by_role("radio", name="over the ratio").click()
    settled(page)
    expect(page).to_have_url(re.compile("direction=enhancer.*view=over"))
    address = page.url
    other = tabs.open(address[address.index("/control") :], window=SMALL)
    settled(other)
    expect(at(other, "direction").get_by_role("radio", name="enhancer")).to_be_checked()
    expect(at(other, "ratio_curves")).to_be_visible()
    assert other.url == address
