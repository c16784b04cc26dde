"""What a person does in the app, and what they see there."""

import re
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, TimeoutError, expect

PATIENCE_S = 60.0
# Pixels, of a row of Streamlit's tables and of their header.
ROW_HEIGHT = 35
# Texts inside an element that are wider than the room they have.
CUT_OFF = """
element => [...element.querySelectorAll("*")]
  .filter(inner => getComputedStyle(inner).overflowX !== "visible" && inner.scrollWidth > inner.clientWidth + 1)
  .map(inner => inner.innerText)
"""


def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> None:
    """Looks again and again; fails after the deadline."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds:.0f} s for: {what}"
        time.sleep(0.1)


def settled(page: Page) -> None:
    """Waits until the page's script has ended and nothing of its last run is left."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)


def at(page: Page, key: str) -> Locator:
    """The element with this key."""
    return page.locator(f".st-key-{key}")


def press(page: Page, key: str) -> None:
    at(page, key).get_by_role("button").click()


def go_to(page: Page, title: str) -> None:
    """By the navigation in the sidebar."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=re.compile(rf"\b{title}$")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)


def choose(page: Page, key: str, option: object) -> None:
    """An option of a select box."""
    box, wanted = at(page, key).get_by_role("combobox"), page.get_by_role("option", name=str(option), exact=True)

    def opened() -> bool:
        # A list closes when the page scrolls under it, as it does to bring the box into view.
        box.click()
        try:
            wanted.wait_for(state="visible", timeout=2000)
        except TimeoutError:
            return False
        return True

    until(opened, f"the options of {key}")
    wanted.click()


def type_in(page: Page, key: str, value: object) -> None:
    """Into a number field, or into a select box that takes new values."""
    field = at(page, key).locator("input")
    field.fill(str(value))
    field.press("Enter")


def switch(page: Page, key: str, option: str) -> None:
    """One button of a segmented control."""
    at(page, key).get_by_role("radio", name=option).click()


def table(page: Page, key: str, n_rows: int) -> list[list[str]]:
    """The cells of a table in view, once it has `n_rows` rows."""
    grid = at(page, f"{key}_table").locator("table")
    # The canvas draws the table; this one beside it is what a screen reader gets. One row more for the header.
    expect(grid).to_have_attribute("aria-rowcount", str(n_rows + 1))
    return [row.locator("td").all_inner_texts() for row in grid.locator("tbody tr").all()]


def click_cell(page: Page, key: str, place: int) -> None:
    """A cell of the map, by its place among all: the good ones by layer, then the bad ones."""
    settled(page)
    cell = at(page, key).locator(".scatterlayer path.point").nth(place)
    cell.scroll_into_view_if_needed()
    box = cell.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def click_last_cell(page: Page, key: str, row: int) -> None:
    """The cell of a table's last column, by the number of its row in view."""
    frame = at(page, f"{key}_table").get_by_test_id("stDataFrame")
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    assert box is not None
    # A press and a release in one instant, as no hand makes them, are no click for the table.
    page.mouse.click(box["x"] + box["width"] - 40, box["y"] + ROW_HEIGHT * (row + 1.5), delay=80)


def click_tallest_bar(page: Page, key: str) -> None:
    settled(page)
    at(page, key).scroll_into_view_if_needed()
    boxes = [box for bar in at(page, key).locator(".bars .point path").all() if (box := bar.bounding_box())]
    box = max(boxes, key=lambda one: one["height"])
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def run_in_address(page: Page) -> str:
    return parse_qs(urlsplit(page.url).query)["run"][0]


def worked_on(page: Page) -> str:
    """The one run in the panel above the page, told by its button."""
    said = page.locator("[class*=st-key-cancel_]").get_attribute("class") or ""
    return next(one for one in said.split() if one.startswith("st-key-cancel_")).removeprefix("st-key-cancel_")


def progress(page: Page) -> Locator:
    return at(page, "job").get_by_test_id("stProgress")


def finished_some(stage: str) -> re.Pattern[str]:
    """What the progress says after at least one question of a stage."""
    return re.compile(rf"{stage}: [1-9]\d* of \d+ questions")
