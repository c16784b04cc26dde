"""What only a browser shows: its history, addresses that name nothing, exports of figures, two tabs of one run."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import RunConfig
from neuron_core.runs.run_folder import RunStatus
from tests.e2e.steps import at, go_to, press, settled, until

pytestmark = pytest.mark.browser


def test_back_takes_one_press_a_page_after_a_link_and_after_the_navigation(tabs):
    page = tabs.open("/layers")
    settled(page)
    expect(page).to_have_url(re.compile(r"/layers\?run=demo"))
    go_to(page, "Control")
    settled(page)
    expect(page).to_have_url(re.compile(r"/control\?run=demo"))
    go_to(page, "Question")
    settled(page)
    for title in ("Control", "Layers"):
        page.go_back()
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        settled(page)


def test_a_page_that_is_none_is_said_on_the_page_and_nothing_else_is_shown(tabs):
    page = tabs.open("/nonsense?run=demo")
    settled(page)
    expect(page.get_by_test_id("stAlert")).to_contain_text("There is no page called nonsense")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".js-plotly-plot")).to_have_count(0)
    expect(page).to_have_url(re.compile("/nonsense"))
    go_to(page, "Layers")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()


def test_a_run_that_is_none_stays_in_the_address_and_shows_nothing(tabs):
    page = tabs.open("/control?run=nobody")
    settled(page)
    expect(page.get_by_test_id("stAlert")).to_contain_text("nobody")
    expect(page.locator(".js-plotly-plot")).to_have_count(0)
    assert "run=nobody" in page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_exports_are_dark_on_white_in_both_themes(tabs, scheme, tmp_path):
    page = tabs.open("/control?run=demo", color_scheme=scheme)
    settled(page)
    figure = at(page, "effect_parts")
    figure.scroll_into_view_if_needed()
    at(page, "effect_parts_save").get_by_role("button").click()
    page.get_by_role("radio", name="SVG").click()
    settled(page)
    page.keyboard.press("Escape")
    settled(page)
    # For a moment the one of the last run of the script is there too.
    expect(figure).to_have_count(1)
    figure.hover()
    with page.expect_download() as download:
        figure.locator('.modebar-btn[data-title^="Download plot"]').click()
    path = tmp_path / "figure.svg"
    download.value.save_as(path)
    svg = path.read_text(encoding="utf-8")
    assert (
        re.search(r'style="background: (white|rgb\(255, 255, 255\)|#FFFFFF)', svg, re.IGNORECASE)
        or "fill: rgb(255, 255, 255); fill-opacity: 1;" in svg
    )
    texts = [
        re.search(r"fill: rgb\((\d+), (\d+), (\d+)\)", style)
        for style in re.findall(r"<text[^>]*style=\"([^\"]*)", svg)
    ]
    colours = {tuple(map(int, one.groups())) for one in texts if one}
    assert colours
    assert all(sum(colour) < 400 for colour in colours), colours
    # On the page it is as it was.
    expect(figure.locator(".modebar")).to_be_attached()


def test_a_tab_notices_what_another_one_did_to_its_run(tabs, app, tmp_path):
    run = app.store.create(RunConfig("sentiment", model=ModelSpec()))
    run.write_status(RunStatus("cancelled", "attribution", 3, 15))
    page = tabs.open(f"/?run={run.id}")
    expect(at(page, f"resume_{run.id}")).to_be_visible()
    run.write_status(RunStatus("done"))
    expect(at(page, f"resume_{run.id}")).to_have_count(0)
    app.store.delete(run.id)


def test_a_reload_keeps_the_task_of_the_next_run(tabs):
    page = tabs.open("/questions?run=demo")
    settled(page)
    field = at(page, "task").locator("input")
    field.fill("chunking")
    field.press("Enter")
    expect(page).to_have_url(re.compile("draft=[0-9a-f]{8}"))
    settled(page)
    address = page.url
    page.reload()
    settled(page)
    until(lambda: "Task chunking" in page.inner_text("[data-testid=stMain]"), "the task after the reload")
    assert page.url == address


def test_all_data_of_every_figure_lie_inside_its_axes(tabs):
    seen = 0
    for name in (
        "attribution",
        "layers",
        "layers?view=all+scores",
        "control",
        "control?view=over+the+ratio",
        "control?view=over+the+budget+K",
        "overview",
        "question",
        "methods",
    ):
        page = tabs.open(f"/{name}{'&' if '?' in name else '?'}run=demo")
        settled(page)
        expect(page.locator(".js-plotly-plot .main-svg").first).to_be_attached()
        outside = page.evaluate(Path(__file__).with_name("outside.js").read_text(encoding="utf-8"))
        assert outside["points"] == [], name
        seen += outside["figures"]
    assert seen >= 8


def test_a_link_names_the_theme_and_every_page_keeps_it(tabs):
    page = tabs.open("/overview?run=demo&embed_options=dark_theme", color_scheme="light")
    settled(page)

    def ground() -> str:
        return page.get_by_test_id("stApp").evaluate("element => getComputedStyle(element).backgroundColor")

    assert ground() == "rgb(20, 25, 31)"
    go_to(page, "Layers")
    settled(page)
    assert "embed_options=dark_theme" in page.url
    page.evaluate("navigator.clipboard.writeText = text => { window.copied = text; }")
    press(page, "copy_link")
    until(lambda: page.evaluate("window.copied"), "the link")
    assert "embed_options=dark_theme" in page.evaluate("window.copied")
    page.reload()
    settled(page)
    assert ground() == "rgb(20, 25, 31)"


def test_a_table_takes_one_stop_of_the_tab_key(tabs):
    page = tabs.open("/runs?run=demo")
    page.set_viewport_size({"width": 900, "height": 800})
    settled(page)
    frame = page.get_by_test_id("stFullScreenFrame").filter(has=page.get_by_test_id("stDataFrame")).first
    expect(frame.locator("canvas").first).to_be_visible()
    stops = """frame => [...frame.querySelectorAll("*")].filter(
        one => one.tabIndex >= 0 && one.getClientRects().length && getComputedStyle(one).visibility !== "hidden"
    ).map(one => one.outerHTML.slice(0, 120))"""
    until(lambda: len(frame.evaluate(stops)) == 1, "one stop")
    # A table that scrolls would be a stop of its own.
    expect(frame.locator(".dvn-scroller").first).to_have_attribute("tabindex", "-1")
    canvas = frame.locator("canvas").first
    canvas.focus()
    page.keyboard.press("Tab")
    until(lambda: not frame.evaluate("frame => frame.contains(document.activeElement)"), "the focus behind the table")
