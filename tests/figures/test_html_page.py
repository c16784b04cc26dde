"""The report as one file: what is in it, that none of it is obeyed, and that a browser opens it offline."""

import base64
import gzip
import math
import re

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from plotly.offline import get_plotlyjs

from neuron_core.analysis.layers import LayerCounts
from neuron_core.figures.html_page import Section, html_report
from neuron_core.figures.layers import layer_heatmap
from neuron_core.figures.theme import apply_theme

COUNTS = LayerCounts(np.array([1, 0]), np.array([0, 0]), np.array([1.0, 0.0]), np.array([0.0, 0.0]))
SETTING = {"model": "a <b>bold</b> model", "ks": [10, 25], "z": None, "role": "", "runs": [{"task": "ner", "seed": 7}]}


def figure(name="</script><script>console.error('let out')</script>"):
    return apply_theme(go.Figure(go.Bar(x=["a", "b"], y=[1.0, 2.0], name=name)), 'Two "bars".', 300)


def report():
    table = pd.DataFrame({"method": ["<i>ace</i>", "tn"], "rac": [12.34, math.nan], "verdict": ["ok", None]})
    first = Section("table1", "Table 1", "Words & signs", [("Entries", table)], [("Bars", figure())])
    return html_report(
        "A report",
        SETTING,
        [first, Section("fig9", "Figure 9", figures=[("Again", figure("x")), ("Layers", layer_heatmap(COUNTS, 1))])],
        ["It works & is clear."],
    )


def test_the_lead_stands_first_then_figures_before_tables_and_the_setting_last():
    page = report()
    places = [
        page.index(said)
        for said in (
            "<p>It works &amp; is clear.</p>",
            '<a href="#fig9">',
            '<section id="table1">',
            '<div class="plot"',
            "<h3>Entries</h3>",
            '<section id="fig9">',
            '<section id="setting">',
            "a &lt;b&gt;bold&lt;/b&gt; model",
        )
    ]
    assert places == sorted(places)
    last = page[page.index('<section id="setting">') :]
    assert "<th>ks</th><td>10, 25</td>" in last
    assert "<th>z</th><td>–</td>" in last
    assert "<th>role</th><td>(empty)</td>" in last
    assert "<td>ner</td><td>7</td>" in last


def test_text_of_tables_and_figures_is_shown_and_not_obeyed():
    page = report()
    assert "<td>&lt;i&gt;ace&lt;/i&gt;</td><td>12.3</td><td>ok</td>" in page
    assert "<td>TN</td><td>–</td><td>–</td>" in page
    assert "<script>console.error" not in page
    assert 'aria-label="Two &quot;bars&quot;."' in page


def test_plotly_is_inside_once_and_the_file_stays_small():
    page = report()
    (packed,) = re.findall(r'<script id="plotly" type="application/gzip">([^<]+)</script>', page)
    assert gzip.decompress(base64.b64decode(packed)).decode() == get_plotlyjs()
    assert len(page.encode()) < 3_000_000
    assert "<script src=" not in page
    assert 'href="http' not in page
    assert report() == page


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
            # On paper: dark words on white, whatever the theme, and nothing wider than the page.
            page.emulate_media(media="print")
            assert tick.evaluate("one => getComputedStyle(one).fill") == "rgb(31, 41, 51)"
            # Numbers in coloured cells keep the colour that is read on them.
            for cell in page.locator(".hm text").all():
                assert cell.evaluate("one => getComputedStyle(one).fill") == "rgb(255, 255, 255)"
            assert page.locator(".hm text").count() == 1
            assert page.locator("nav").is_hidden()
        chromium.close()
    assert faults == []
