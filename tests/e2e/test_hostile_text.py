"""Texts of files, labels and names that try to be code, markup or links: in every page and in reports they are text."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import plotly.graph_objects as go
import pytest
from playwright.sync_api import Page, expect

from neuron_core import cli
from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.figures.html_page import Section, html_report
from neuron_core.models.spec import ModelSpec
from neuron_core.notebook.progress import status_html
from neuron_core.notebook.run import Run
from neuron_core.notebook.summary import as_text
from neuron_core.reports.run_page import runs_html, tables_html
from neuron_core.runs.run_folder import RunFolder, RunStatus
from tests.builders import write_jsonl
from tests.e2e.steps import go_to, settled, switch
from tests.run_helpers import tiny_config

pytestmark = pytest.mark.browser
PAGES = (
    *("", "data", "questions", "attribution", "layers", "neuron", "cross_task"),
    *("control", "question", "playground", "overview", "methods", "runs"),
)
# No slash: file and folder names must take it too.
NAME = '<img src=x onerror="window.ran=1">[l](javascript:window.ran=1) $x^2$ :red[r] :smile: **bold** <b>big<b>'
TEXT = (
    f"{NAME} <script>window.ran=1</script><a href='https://evil.example'>a</a> ![i](https://evil.example/i.png) "
    "</script><script>window.ran=1</script> https://evil.example/page $$\\int$$ :material/delete: :blue-badge[b]"
)
# Prompts have room for 1,024 tokens.
LABEL = "<img src=x onerror=window.ran=1> $x^2$ :red[r] **bold** <b>big</b>"
SHORT = (
    "</script><script>window.ran=1</script><img src=x onerror=window.ran=1> [a](https://evil.example) :smile: **bold** "
    "$x^2$ https://evil.example/page <a href='https://evil.example'>a</a> :red[r]"
)
FOUND = """() => {
  const inside = selector => [...document.querySelectorAll(selector)].map(one => one.outerHTML.slice(0, 200));
  return {
    ran: window.ran ?? null,
    markup: [
      ...inside('img[src="x"], img[src*="evil"], a[href*="evil"], a[href^="javascript"], .katex'),
      ...[...document.querySelectorAll('b, strong, tspan[style*="bold"]')]
        .filter(one => /^(bold|big)/.test(one.textContent)).map(one => one.outerHTML),
      ...[...document.querySelectorAll('.stMarkdownColoredText, .stMarkdownBadge, [class*="colored-text"]')]
        .filter(one => /^(r|b)$/.test(one.textContent)).map(one => one.outerHTML),
      ...(document.body.innerText.includes('\\u{1F604}') ? ['an emoji'] : []),
    ],
  };
}"""


@pytest.fixture(scope="module")
def hostile(app, checkpoint, tmp_path_factory) -> Iterator[RunFolder]:
    """A finished run whose task, labels, texts, model and own label are hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    model = shutil.copytree(checkpoint("llama"), folder / NAME)
    labels = [f"{word} {LABEL}" for word in ("fair", "mixed", "foul")]
    rows = [{"text": f"Day {i}. {SHORT}", "label": labels[i % 3]} for i in range(48)]
    task = write_jsonl(folder / f"{NAME}.jsonl", rows)
    run = app.store.create(tiny_config(task, model))
    engine = Engine(ModelSpec(str(model), device="cpu"))
    execute(run, lambda _: engine)
    run.set_label(NAME[:80])
    yield run
    engine.close()
    # Other tests of this server open the demo, which is shown while no run of one's own is there.
    app.store.delete(run.id)


def assert_inert(page: Page, where: str) -> None:
    found = page.evaluate(FOUND)
    assert found == {"ran": None, "markup": []}, where


def test_no_page_renders_a_text_of_a_run_as_anything_but_text(tabs, hostile):
    page = tabs.open(f"/?run={hostile.id}")
    settled(page)
    for name in PAGES:
        page.goto(f"{page.url.split('?')[0].rpartition('/')[0]}/{name}?run={hostile.id}")
        settled(page)
        assert_inert(page, name)
        # Not hidden either: the test looks at pages that show it.
        assert "onerror" in page.content(), name


def test_columns_and_cells_of_an_upload_are_text(tabs, tmp_path):
    file = tmp_path / "odd.csv"
    name, cell = ('"' + text.replace('"', '""') + '"' for text in (NAME, TEXT))
    lines = [f'{name},{name[:-1]} label"', *(f'{cell},{cell[:-1]}{i % 3}"' for i in range(24))]
    file.write_text("\n".join(lines), encoding="utf-8")
    page = tabs.open("/data")
    settled(page)
    switch(page, "data_source", "Upload a file")
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("onerror").first).to_be_attached()
    settled(page)
    assert_inert(page, "data")
    go_to(page, "Questions")
    settled(page)
    assert_inert(page, "questions")


def test_a_report_renders_no_text_of_a_run_as_anything_but_text(tabs, hostile, tmp_path):
    report = Path(tmp_path / "report.html")
    report.write_text(runs_html({hostile.id: hostile}), encoding="utf-8")
    page = tabs.open("/")
    page.goto(report.as_uri())
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    assert_inert(page, "report")
    assert "onerror" in page.inner_text("body")


# Marks that turn the direction of writing, a formula of a spreadsheet, and a name without an end.
ODD = f"\u202e{TEXT}\u2066 =cmd()|' /C calc'!A0 {'x' * 10_000}"


def opened(tabs, tmp_path: Path, html: str, where: str) -> Page:
    """The page, which has asked for nothing beyond itself."""
    file = tmp_path / "page.html"
    file.write_text(html, encoding="utf-8")
    page = tabs.open("/")
    settled(page)
    page.goto("about:blank")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_load_state("networkidle")
    assert_inert(page, where)
    assert [url for url in asked if urlsplit(url).scheme not in ("file", "data", "blob")] == []
    assert "onerror" in page.inner_text("body"), where
    return page


def test_every_place_of_a_report_takes_any_text(tabs, tmp_path):
    table = pd.DataFrame([[ODD, 1.0]], columns=[ODD, f"{ODD} 2"])
    figure = go.Figure(go.Bar(x=["a"], y=[1]), {"meta": {"alt": ODD}})
    section = Section("odd", ODD, ODD, [(ODD, table)], [(ODD, figure)])
    settings = {ODD: {ODD: [ODD, None, {"a": ODD}]}, "records": [{ODD: ODD}]}
    page = opened(tabs, tmp_path, html_report(ODD, settings, [section], [ODD]), "report")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    assert_inert(page, "report with figures")


def test_a_report_of_tables_and_what_a_notebook_shows_are_text(tabs, hostile, tmp_path):
    opened(tabs, tmp_path, tables_html({NAME: hostile, f"{NAME} 2": hostile}, 6), "tables")
    told = as_text(status_html(RunStatus("running", ODD, 1, 2, ODD)))
    page = opened(tabs, tmp_path, Run(hostile)._repr_html_() + told, "notebook")
    # A notebook takes dollar signs for formulas elsewhere.
    outside = """() => [...document.querySelectorAll('body *')]
      .filter(one => one.textContent.includes('$') && !one.closest('.mathjax_ignore')).map(one => one.outerHTML)"""
    assert page.evaluate(outside) == []


def test_a_report_of_an_experiment_is_text(tabs, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("NEURONLLM_RUNS", str(tmp_path / "runs"))
    model = shutil.copytree(checkpoint("llama"), tmp_path / NAME)
    # Commas part the tasks of a command.
    tasks = [tmp_path / f"{NAME} {number}.jsonl" for number in (1, 2)]
    for task in tasks:
        labels = [f"{word} {LABEL}" for word in ("fair", "mixed", "foul")]
        write_jsonl(task, [{"text": f"Day {i} {task.stem[-1]}. {SHORT}", "label": labels[i % 3]} for i in range(24)])
    words = [
        *("experiment", "table1", "overlap", "--tasks", ",".join(map(str, tasks)), "--model", str(model)),
        *("--device", "cpu", "--examples", "4", "--attribution-examples", "2", "--steps", "2", "--random-seeds", "1"),
        *("--k", "6", "--z", "12", "--out", str(tmp_path / "out")),
    ]
    assert cli.main(words) == 0
    opened(tabs, tmp_path, (tmp_path / "out" / "report.html").read_text(encoding="utf-8"), "experiment")
