"""The app in a browser, as a person uses it."""

import csv
import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from neuron_core.analysis.layers import layer_counts, neuron_rows
from neuron_core.control.interventions import Direction
from neuron_core.control.metrics import question_rows
from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.runs.config import EvaluationConfig
from neuron_core.runs.results import cell_of, read_evaluated
from neuron_core.runs.run_folder import ACTIVE, RunFolder
from pages.shared.views.words import change
from tests.builders import classification_rows, write_jsonl
from tests.e2e.conftest import App, Tabs
from tests.e2e.steps import (
    CUT_OFF,
    at,
    choose,
    click_cell,
    click_tallest_bar,
    finished_some,
    go_to,
    press,
    progress,
    run_in_address,
    settled,
    switch,
    table,
    type_in,
    until,
    worked_on,
)
from tests.run_helpers import long_config, tiny_config, written

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("one_thread")]

PAGES = (
    "Start",
    "Data",
    "Questions",
    "Attribution",
    "Layers",
    "Neuron",
    "Cross-task",
    "Question",
    "Playground",
    "Overview",
    "Methods",
    "Runs",
    "Control",
)
DEMO_S = 900.0
# Beside other test processes, browser and server wait for a core; tests/runs holds the handle to two seconds there too.
CANCEL_MS = 6000 if "PYTEST_XDIST_WORKER" in os.environ else 2000
MISHAPS = """() => {
  console.error("a word on the console");
  const box = document.createElement("div");
  box.dataset.testid = "stException";
  box.innerText = "a box";
  document.body.append(box);
  new Image().src = "http://192.0.2.1/picture.png";
  setTimeout(() => { throw new Error("thrown"); });
}"""


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_jsonl(tmp_path_factory.mktemp("task") / "mood.jsonl", classification_rows(60))


@pytest.fixture(scope="module")
def finished(app: App, task: Path, checkpoint, tiny_model) -> RunFolder:
    """A finished run of a tiny model in the app's store."""
    run = app.store.create(tiny_config(task, checkpoint("llama")))
    execute(run, lambda say: Engine.of(tiny_model("llama")))
    return run


@pytest.fixture
def waiting(app: App, task: Path, checkpoint) -> RunFolder:
    """A run of a tiny model that nobody has carried out; long enough to step in."""
    return app.store.create(long_config(task, checkpoint("llama")))


@pytest.fixture
def endless(app: App, task: Path, checkpoint) -> RunFolder:
    """Another one that no test waits for."""
    evaluation = EvaluationConfig(examples=50, ks=(2, 4, 6, 8, 10), random_seeds=15)
    return app.store.create(tiny_config(task, checkpoint("llama"), evaluation=evaluation))


def assert_shows_cell(page: Page, run: RunFolder, k: int, ratio: float, direction: Direction) -> None:
    """The cards have this cell's numbers."""
    cell = cell_of(run.evaluation(), k, ratio, direction, run.evaluation().best[0].source)
    expect(at(page, "card_rac")).to_contain_text(f"RAC at ratio {ratio:g}")
    expect(at(page, "card_rac")).to_contain_text(change(cell.row.rac))
    expect(at(page, "card_rcc")).to_contain_text(change(cell.row.rcc))


def test_what_goes_wrong_in_a_tab_is_noticed(tabs: Tabs):
    page = tabs.open()
    settled(page)
    page.evaluate(MISHAPS)
    until(lambda: page.title() and len(tabs.faults) >= 4, "four mishaps")
    said = "\n".join(tabs.faults)
    # The browser may complain of the picture in its own time, so its tab is closed first.
    page.context.close()
    tabs.faults.clear()
    for part in ("a word on the console", "an exception on the page: a box", "page error: thrown", "192.0.2.1"):
        assert part in said


def test_a_link_opens_the_same_view_in_a_fresh_browser(tabs: Tabs, finished: RunFolder):
    question = finished.setting().evaluation[7].id
    page = tabs.open(f"/control?run={finished.id}&q={question.replace('#', '%23')}")
    expect(page.get_by_text(f"8 of 24: question {question}")).to_be_visible()
    expect(at(page, "run_title")).to_contain_text("mood · ")
    neuron = neuron_rows(finished.ranking().cut(finished.setting().k))[3].id
    page = tabs.open(f"/layers?run={finished.id}&neuron={neuron}")
    expect(page.get_by_text(f"Neuron {neuron} is number 4 of the good neurons")).to_be_visible()
    assert table(page, "neurons", 12)[0][-1] == neuron


def test_a_link_to_an_unknown_run_gives_one_box_that_says_so(tabs: Tabs, finished: RunFolder):
    page = tabs.open("/layers?run=never-was")
    expect(page.get_by_text("No run is called 'never-was'")).to_be_visible()
    settled(page)
    expect(page.locator("[data-testid=stAlertContentError]")).to_have_count(1)


def test_a_narrow_window_cuts_off_no_number_and_no_button(tabs: Tabs, finished: RunFolder):
    page = tabs.open(f"/attribution?run={finished.id}", window={"width": 900, "height": 700})
    shown = {"Attribution": ["evaluate"], "Layers": ["role"], "Control": ["direction", "card_rac", "over"]}
    for title, keys in shown.items():
        go_to(page, title)
        for key in keys:
            expect(at(page, key)).to_be_visible()
            assert at(page, key).evaluate(CUT_OFF) == []


def test_typed_text_may_begin_like_the_option_chosen_before(tabs: Tabs):
    page = tabs.open("/questions")
    at(page, "model").get_by_text("Model of the next run").click()
    field = at(page, "model_source").get_by_role("combobox")
    expect(field).to_have_value("embedded (with adapter)")
    field.click()
    page.keyboard.type("embedded-plain")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Next run: SmolLM2-135M-Instruct")).to_be_visible()
    # What was opened stays open on the next page.
    go_to(page, "Data")
    expect(at(page, "model_source").get_by_role("combobox")).to_have_value(re.compile("^embedded-plain"))


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_every_page_shows_a_finished_run_without_a_fault(tabs: Tabs, finished: RunFolder, color_scheme: str):
    page = tabs.open(f"/?run={finished.id}", color_scheme)
    for title in PAGES[1:]:
        go_to(page, title)
        settled(page)
        assert run_in_address(page) == finished.id
    expect(at(page, "question_bars").locator(".bars .point")).to_have_count(8)
    ground = page.get_by_test_id("stApp").evaluate("element => getComputedStyle(element).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 25, 31)"}[color_scheme]


def test_the_neurons_come_down_as_a_table_with_a_header(tabs: Tabs, finished: RunFolder):
    page = tabs.open(f"/layers?run={finished.id}")
    with page.expect_download() as download:
        press(page, "neurons_csv")
    assert download.value.suggested_filename == f"neurons-{finished.id}-k6.csv"
    with open(download.value.path(), encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["rank", "role", "layer", "index", "score", "id"]
    assert [row[-1] for row in rows] == [row.id for row in neuron_rows(finished.ranking().cut(6))]


def test_a_run_is_cancelled_within_two_seconds_and_goes_on_where_it_was(tabs: Tabs, app: App, task: Path, checkpoint):
    page = tabs.open("/attribution")
    type_in(page, "task", task)
    at(page, "model").get_by_text("Model of the next run").click()
    type_in(page, "model_source", checkpoint("llama"))
    new = at(page, "new_run")
    if not at(page, "examples").is_visible():
        new.get_by_text("New run").click()
    type_in(page, "examples", 30)
    type_in(page, "steps", 200)
    expect(new.get_by_text("Task mood, model llama")).to_be_visible()
    expect(new.get_by_text("90 questions.")).to_be_visible()
    press(page, "start")
    expect(progress(page)).to_contain_text(finished_some("Attribution"))
    run = app.store.open(worked_on(page))
    press(page, f"cancel_{run.id}")
    expect(at(page, "job")).to_contain_text(" was cancelled.", timeout=CANCEL_MS)
    kept = written(run)
    assert 0 < len(run.scored()) < 90
    expect(at(page, "job")).to_contain_text(f"{len(run.scored())} of 90 questions of its attribution are kept.")
    press(page, f"resume_{run.id}")
    expect(page.get_by_role("heading", name="Good neurons")).to_be_visible(timeout=120_000)
    assert run.status().state == "done"
    assert {name: time for name, time in written(run).items() if name in kept} == kept


def test_a_killed_worker_leaves_a_run_that_goes_on(tabs: Tabs, app: App, waiting: RunFolder):
    page = tabs.open(f"/control?run={waiting.id}")
    panel = at(page, "job")
    expect(panel).to_contain_text(" was interrupted.")
    press(page, f"resume_{waiting.id}")
    expect(progress(page)).to_contain_text(finished_some("Evaluation"))
    app.worker().kill()
    expect(panel).to_contain_text(" was interrupted.")
    expect(panel).to_contain_text("of 60 questions of its evaluation are kept.")
    kept = written(waiting)
    press(page, f"resume_{waiting.id}")
    expect(at(page, "card_rac")).to_be_visible(timeout=120_000)
    assert {name: time for name, time in written(waiting).items() if name in kept} == kept


def test_a_hidden_tab_says_by_its_title_that_the_run_has_ended(tabs: Tabs, app: App, task: Path, checkpoint):
    run = app.store.create(tiny_config(task, checkpoint("llama")))
    page = tabs.open(f"/attribution?run={run.id}")
    settled(page)
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true})")
    page.evaluate("window.away = true")
    press(page, f"resume_{run.id}")
    until(lambda: page.title().startswith("✓ finished: "), "the title of the hidden tab", 120)
    assert run.status().state == "done"
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    assert not page.title().startswith("✓")


def test_a_question_asked_in_mid_run_gets_the_unmodified_models_answer(
    tabs: Tabs, app: App, task: Path, checkpoint, endless: RunFolder
):
    asking = tabs.open("/questions")
    type_in(asking, "task", task)
    at(asking, "model").get_by_text("Model of the next run").click()
    type_in(asking, "model_source", checkpoint("llama"))
    expect(asking.get_by_text("Next run: llama")).to_be_visible()
    settled(asking)
    choose(asking, "model_device", "cpu (processor)")
    settled(asking)

    def answers() -> list[list[list[str]]]:
        found = []
        for proxy in ("1", "2", "3"):
            switch(asking, "proxy", proxy)
            # The last answer goes away with its question.
            expect(at(asking, "answer")).to_have_count(0)
            press(asking, "ask")
            expect(at(asking, "answer").locator(".bars .point")).to_have_count(4)
            settled(asking)
            found.append(at(asking, "answer").locator(".bars .bartext").all_inner_texts())
        return found

    switch(asking, "proxy", "2")
    before = answers()
    watching = tabs.open(f"/control?run={endless.id}")
    press(watching, f"resume_{endless.id}")
    expect(progress(watching)).to_contain_text(finished_some("Evaluation"))
    assert answers() == before
    assert endless.status().state == "running"
    press(watching, f"cancel_{endless.id}")
    expect(at(watching, "job")).to_contain_text(" was cancelled.")


def test_a_cell_of_the_map_leads_to_its_neuron_to_its_question_and_back(tabs: Tabs, finished: RunFolder):
    page = tabs.open(f"/layers?run={finished.id}&view=all+scores")
    click_cell(page, "score_map", 5)
    expect(page.get_by_role("heading", level=1)).to_have_text("Neuron")
    expect(at(page, "neuron").locator("input")).not_to_have_value("")
    settled(page)
    neuron = at(page, "neuron").locator("input").input_value()
    expect(page.get_by_role("heading", name=f"Neuron {neuron} in layer")).to_be_visible()
    press(page, "ask_effect")
    expect(at(page, "effect_bars").locator(".bars .point path")).not_to_have_count(0, timeout=120_000)
    press(page, "next_neuron")
    expect(page.get_by_role("heading", name=f"Neuron {neuron} in")).to_have_count(0)
    settled(page)
    press(page, "previous_neuron")
    expect(page.get_by_role("heading", name=f"Neuron {neuron} in")).to_be_visible()
    click_tallest_bar(page, "effect_bars")
    expect(page.get_by_role("heading", level=1)).to_have_text("Question")
    asked = [question.id for question in finished.setting().evaluation]
    assert parse_qs(urlsplit(page.url).query)["q"][0] in asked
    page.go_back()
    expect(page.get_by_role("heading", name=f"Neuron {neuron} in")).to_be_visible()
    settled(page)
    page.go_forward()
    expect(page.get_by_role("heading", level=1)).to_have_text("Question")
    settled(page)
    page.get_by_role("button", name=f"Back to neuron {neuron}").click()
    expect(page.get_by_role("heading", name=f"Neuron {neuron} in")).to_be_visible()
    assert [int(part) for part in neuron.split(".")] in finished.ranking().neurons.tolist()


def test_an_upload_is_mapped_checked_kept_and_asked_about(tabs: Tabs, tmp_path: Path):
    rows = [f'"{row["text"]}",{row["label"]}' for row in classification_rows(24)]
    file = tmp_path / "reviews.csv"
    file.write_text("\n".join(["review,stars", *rows, '"",good']), encoding="utf-8")
    page = tabs.open("/data")
    switch(page, "data_source", "Upload a file")
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("is empty").first).to_be_attached()
    page.get_by_role("button", name="Use these 24 examples").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Questions")
    expect(page.get_by_text("number 0").first).to_be_attached()
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK\x03\x04 no workbook")
    go_to(page, "Data")
    switch(page, "data_source", "Upload a file")
    page.locator("input[type=file]").set_input_files(broken)
    expect(page.locator("[data-testid=stAlertContentError]")).to_have_count(1)


@pytest.mark.timeout(DEMO_S + 300)
def test_a_newcomer_runs_the_demo_and_sees_where_its_neurons_are_and_what_they_do(
    tabs: Tabs, app: App, shoot: Callable[[Page, str], None]
):
    page = tabs.open()
    page.get_by_role("button", name="Run the demo yourself").click()
    press(page, "run_demo")
    expect(progress(page)).to_contain_text(finished_some("Attribution"), timeout=1000 * DEMO_S)
    run = app.store.open(worked_on(page))
    assert run_in_address(page) == run.id
    page.reload()
    expect(progress(page)).to_contain_text(finished_some("(Attribution|Evaluation)"))
    other = tabs.open()
    assert worked_on(other) == run.id
    until(lambda: progress(page).inner_text() == progress(other).inner_text(), "the same progress in both browsers")
    until(lambda: run.status().state not in ACTIVE, "the end of the demo", DEMO_S)
    assert run.status().state == "done", run.status().message
    for tab in (page, other):
        expect(tab.get_by_role("heading", name="in three steps")).to_be_visible()
        expect(progress(tab)).to_have_count(0)
    shoot(page, "start")

    page.get_by_role("link", name="Where are they?").click()
    setting = run.setting()
    good = layer_counts(run.ranking().cut(setting.k), setting.model.n_layers).good
    assert good.sum() == 13
    assert len(table(page, "neurons", 26)) > 0
    shoot(page, "layers")
    layer = int(good.argmax())
    click_cell(page, "layer_map", layer)
    rows = table(page, "neurons", int(good[layer]))
    assert {(role, name.split(".")[0]) for _, role, _, name, *_ in rows} == {("good", str(layer))}

    go_to(page, "Control")
    slider = at(page, "ratio_200_degrader_0").get_by_role("slider")
    slider.press("Home")
    assert_shows_cell(page, run, 200, 0.0, "degrader")
    slider.press("ArrowRight")
    assert_shows_cell(page, run, 200, 0.5, "degrader")
    at(page, "direction").evaluate("element => element.scrollIntoView()")
    shoot(page, "control")
    evaluated = read_evaluated(run)
    place = evaluated.column(200, 0.5, "degrader", "content")
    flipped = [row for row in question_rows(evaluated.probabilities, evaluated.plan, place) if row.flip == "lost"]
    switch(page, "flips", f"lost ({len(flipped)})")
    # The page opens at the one that changes most.
    most = max(range(len(flipped)), key=lambda i: flipped[i].p_correct_before - flipped[i].p_correct_after)
    first, following = flipped[most], flipped[(most + 1) % len(flipped)]
    expect(page.get_by_text(f"{most + 1} of {len(flipped)}: question {first.question_id}, lost")).to_be_visible()
    bars = at(page, "question_bars")
    expect(bars.locator(".bars .point")).to_have_count(8)
    correct = "ABCD".index(first.correct_letter)
    for trace, share in ((0, first.p_correct_before), (1, first.p_correct_after)):
        text = bars.locator(".trace.bars").nth(trace).locator(".point").nth(correct)
        expect(text).to_have_text(re.compile(rf"^{share:.0%}$"))
    press(page, "next_question")
    number = flipped.index(following) + 1
    expect(page.get_by_text(f"{number} of {len(flipped)}: question {following.question_id}, lost")).to_be_visible()

    dark = tabs.open(f"/control?run={run.id}", "dark")
    expect(at(dark, "card_rac").get_by_text("RAC at ratio")).to_be_visible()
    at(dark, "direction").evaluate("element => element.scrollIntoView()")
    shoot(dark, "control-dark")
