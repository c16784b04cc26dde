"""How long every page of the app takes to be drawn, with the finished demo and with large runs.

    python scripts/first_paint.py
    python scripts/first_paint.py --runs large,long --times 5

The run `large` is of the size of a 7B model: 32 layers of 11,008 neurons, 100 attribution and 100 evaluation questions.
The run `long` has 99,999 attribution and 9,999 evaluation questions of a tiny model. Both have noise for scores. With
`many`, the store has 1,000 runs of a tiny model. All are made in a temporary folder.

Each page is opened by its address in a new tab: once in a new browser, which has none of the programs of the pages and
meets a server that has not shown this page (first), then `--times` more in that browser, which keeps the files of the
programs, as a visitor does from the second page on (median of the time until the browser has drawn the first text, and
of the time until all is drawn). Then one tab goes from page to page by the list on the left, `--times` rounds of it (by
the list, median). All is drawn when the script of the page has ended and every figure is there. Programs are the
JavaScript that the page has fetched by then.

The last rows are what Streamlit takes by itself: for an empty page, and for a page with one bar.
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from load import filled
from scale import StandIn, task_file
from screenshots import FLAGS, PAGES, PATIENCE_MS, WINDOW, browser_path, served_app

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from neuron_core.engine.execute import execute  # noqa: E402
from neuron_core.models.spec import ModelSpec  # noqa: E402
from neuron_core.qatt.proxies import ROTATIONS, SHUFFLES  # noqa: E402
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig  # noqa: E402
from neuron_core.runs.demo import DEMO  # noqa: E402
from neuron_core.runs.store import Store  # noqa: E402

LARGE, LONG, MANY = "large", "long", "many"
HEADINGS = {"start": "NeuronLLM Explorer"}
"of pages whose heading is not their name"
PAUSE_MS = 500
BARE = {
    "Streamlit: an empty page": "import streamlit as st\nst.title('Empty')\n",
    "Streamlit: one bar": (
        "import plotly.graph_objects as go\nimport streamlit as st\nst.title('One bar')\n"
        "st.plotly_chart(go.Figure(go.Bar(y=[1]), {'template': 'none'}))\n"
    ),
}
PAINT = 'performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN'
"milliseconds until the browser drew the first text of the page"
PROGRAMS = """
() => performance.getEntriesByType("resource").filter(one => one.name.endsWith(".js"))
  .reduce((sum, one) => sum + one.decodedBodySize, 0)
"""
DRAWN = """
title => (!title || document.querySelector("h1")?.innerText.trim() === title)
  && document.querySelector("[data-testid=stApp]")?.dataset.testScriptState === "notRunning"
  && document.querySelector("h1") && !document.querySelector("[data-stale=true], [data-testid=stSkeleton]")
  && [...document.querySelectorAll("[data-testid=stPlotlyChart]")].every(one => one.querySelector(".main-svg"))
"""


def made_run(name: str, folder: Path) -> str:
    """The id of a finished run below `folder`: `large` or `long`, of a stand-in model, or the first of `many`."""
    if name == MANY:
        return filled(folder, 1000)[0].runs()[0].id
    if name == LARGE:
        stand_in, proxies, n_attribution, n_evaluation, ks = StandIn(32, 11_008, 0.0), ROTATIONS, 25, 25, (50, 100, 500)
    else:
        stand_in, proxies, n_attribution, n_evaluation, ks = StandIn(4, 48, 0.0), SHUFFLES, 33_333, 3_333, (5, 10)
    config = RunConfig(
        str(task_file(folder, n_attribution + n_evaluation + 10)),
        ModelSpec("stand-in", device="cpu"),
        attribution=AttributionConfig(examples=n_attribution, proxies=proxies),
        evaluation=EvaluationConfig(examples=n_evaluation, ks=ks, proxies=proxies),
    )
    run = Store(folder / "runs").create(config)
    execute(run, lambda _: stand_in)
    return run.id


def seconds(context: BrowserContext, address: str) -> tuple[float, float, float]:
    """From the address typed until the page is drawn, in a new tab; until the first paint; the MB of programs."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    began = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_function(DRAWN, arg="", polling="raf")
    found = time.perf_counter() - began
    size, painted = page.evaluate(PROGRAMS) / 1e6, page.evaluate(PAINT) / 1e3
    page.close()
    return found, painted, size


def first_and_median(chromium: Browser, address: str, times: int) -> list[str]:
    """Seconds of the first tab of a new browser, the medians of `times` more tabs of it, and the MB of programs."""
    context = chromium.new_context(viewport=WINDOW)
    (first, _, size), *more = (seconds(context, address) for _ in range(times + 1))
    context.close()
    painted, drawn = (statistics.median(one[place] for one in more) for place in (1, 0))
    return [f"{first:.2f}", f"{painted:.2f}", f"{drawn:.2f}", f"{size:.1f}"]


def by_the_list(chromium: Browser, address: str, names: list[str], times: int) -> dict[str, str]:
    """Median seconds from a click in the list of pages until the page is drawn; the tab has shown every page before."""
    page = chromium.new_context(viewport=WINDOW).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    page.wait_for_function(DRAWN, arg="", polling="raf")
    taken: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(times + 1):
        for name in names:
            title = name.capitalize()
            link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=re.compile(rf"\b{title}$"))
            began = time.perf_counter()
            link.click()
            page.wait_for_function(DRAWN, arg=HEADINGS.get(name, title), polling="raf")
            taken[name].append(time.perf_counter() - began)
            page.wait_for_timeout(PAUSE_MS)
    page.context.close()
    return {name: f"{statistics.median(seconds[1:]):.2f}" for name, seconds in taken.items()}


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        yield chromium
        chromium.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", default=f"{DEMO},{LARGE}", help="of demo, large, long, many; several with commas")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--pages", default=",".join(PAGES), help=f"of {', '.join(PAGES)}; all of them")
    options = parser.parse_args()
    wanted = options.runs.split(",")
    if unknown := set(wanted) - {DEMO, LARGE, LONG, MANY}:
        parser.error(f"no run is called {', '.join(sorted(unknown))}")
    if unknown := set(options.pages.split(",")) - set(PAGES):
        parser.error(f"no page is called {', '.join(sorted(unknown))}")
    found: dict[str, list[str]] = {name: [] for name in options.pages.split(",")}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ids = {run: DEMO if run == DEMO else made_run(run, folder) for run in wanted}
        for run_id in ids.values():
            # A server of its own: nothing is kept from the other run.
            with served_app(folder / "runs") as address, browser() as chromium:
                for page in options.pages.split(","):
                    there = f"{address}/{PAGES[page]}?run={run_id}"
                    found[page] += first_and_median(chromium, there, options.times)
                    print(page, *found[page][-4:], file=sys.stderr, flush=True)
                again = by_the_list(chromium, f"{address}/?run={run_id}", list(found), options.times)
                for page, median in again.items():
                    found[page].insert(-1, median)
                    print(page, "by the list", median, file=sys.stderr, flush=True)
        for page, text in BARE.items():
            script = folder / "bare.py"
            script.write_text(text, encoding="utf-8")
            with served_app(script=script) as address, browser() as chromium:
                *drawn, size = first_and_median(chromium, address, options.times)
                found[page] = [*drawn, "", size] * len(wanted)
                print(page, *drawn, file=sys.stderr, flush=True)
    columns = ("first, s", "first paint, s", "drawn, s", "by the list, s", "programs, MB")
    print("| page |", " | ".join(f"{run}: {column}" for run in wanted for column in columns), "|")
    print("|---" * (1 + len(columns) * len(wanted)) + "|")
    for page, cells in found.items():
        print(f"| {page} |", " | ".join(cells), "|")
    return 0


if __name__ == "__main__":
    sys.exit(main())
