"""The report as one file: what is in it, that none of it is obeyed, and that a browser opens it offline."""

import math

import pandas as pd
import plotly.graph_objects as go
import pytest

from neuron_core.figures.html_page import Section, html_report
from neuron_core.figures.theme import apply_theme

SETTING = {"model": "a <b>bold</b> model", "ks": [10, 25], "z": None, "role": "", "runs": [{"task": "ner", "seed": 7}]}


def figure(name="</script><script>console.error('let out')</script>"):
    return apply_theme(go.Figure(go.Bar(x=["a", "b"], y=[1.0, 2.0], name=name)), 'Two "bars".', 300)


def report():
    table = pd.DataFrame({"method": ["<i>ace</i>", "tn"], "rac": [12.34, math.nan], "verdict": ["ok", None]})
    first = Section("table1", "Table 1", "Words & signs", [("Entries", table)], [("Bars", figure())])
    return html_report("A report", SETTING, [first, Section("fig9", "Figure 9", figures=[("Again", figure("x"))])])


def test_the_setting_stands_at_the_top_and_every_section_has_its_anchor():
    page = report()
    assert page.index("a &lt;b&gt;bold&lt;/b&gt; model") < page.index('<section id="table1">')
    top = page[: page.index('<section id="table1">')]
    assert "<th>ks</th><td>10, 25</td>" in top
    assert "<th>z</th><td>–</td>" in top
    assert "<th>role</th><td>(empty)</td>" in top
    assert "<td>ner</td><td>7</td>" in top
    assert page.index('<a href="#fig9">') < page.index('<section id="fig9">')


def test_text_of_tables_and_figures_is_shown_and_not_obeyed():
    page = report()
    assert "<td>&lt;i&gt;ace&lt;/i&gt;</td><td>12.3</td><td>ok</td>" in page
    assert "<td>tn</td><td>–</td><td>–</td>" in page
    assert "<script>console.error" not in page
    assert 'aria-label="Two &quot;bars&quot;."' in page


def test_plotly_is_inside_once_and_the_file_stays_small():
    page = report()
    assert page.count("plotly.js v") == 1
    assert len(page.encode()) < 10_000_000
    assert "<script src=" not in page
    assert 'href="http' not in page.split("plotly.js v")[0]


@pytest.mark.browser
def test_a_browser_opens_the_file_without_a_network_and_without_an_error(chromium_path, tmp_path):
    from playwright.sync_api import sync_playwright

    path = tmp_path / "report.html"
    path.write_text(report(), encoding="utf-8")
    faults = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        for scheme, colour in (("light", "rgb(0, 0, 0)"), ("dark", "rgb(255, 255, 255)")):
            page = chromium.new_context(offline=True, color_scheme=scheme).new_page()
            page.on("console", lambda message: message.type == "error" and faults.append(message.text))
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("request", lambda request: request.url.startswith("http") and faults.append(request.url))
            page.goto(path.as_uri())
            page.wait_for_function("document.querySelectorAll('.plot .main-svg').length >= 2")
            assert page.locator(".plot .bars path").count() == 4
            tick = page.locator(".xtick text").first
            assert tick.evaluate("one => getComputedStyle(one).fill") == colour
        chromium.close()
    assert faults == []
