"""How long every page of the app takes to be drawn, with the finished demo and with a run of the size of a 7B model.

    python scripts/first_paint.py
    python scripts/first_paint.py --runs large --times 5

The large run has noise for scores, of 32 layers of 11,008 neurons, and 100 attribution and 100 evaluation questions; it
is made in a temporary folder. Each page is opened by its address in a new tab: once with nothing kept by server or
browser, then `--times` more, of which the table has the median. The time ends when the page's script has ended and all
of its figures are drawn.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, sync_playwright

from scale import StandIn, task_file
from screenshots import FLAGS, PAGES, PATIENCE_MS, WINDOW, browser_path, served_app

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from neuron_core.engine.execute import execute  # noqa: E402
from neuron_core.models.spec import ModelSpec  # noqa: E402
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig  # noqa: E402
from neuron_core.runs.demo import DEMO  # noqa: E402
from neuron_core.runs.store import Store  # noqa: E402

LAYERS, NEURONS, EXAMPLES, KS = 32, 11_008, 25, (50, 100, 500)
LARGE = "large"
DRAWN = """
() => document.querySelector("[data-testid=stApp]")?.dataset.testScriptState === "notRunning"
  && document.querySelector("h1") && !document.querySelector("[data-stale=true], [data-testid=stSkeleton]")
  && [...document.querySelectorAll("[data-testid=stPlotlyChart]")].every(one => one.querySelector(".main-svg"))
"""


def large_run(folder: Path) -> str:
    """The id of a finished run of a stand-in model below `folder`; four questions an example."""
    config = RunConfig(
        str(task_file(folder, 3 * EXAMPLES)),
        ModelSpec("stand-in", device="cpu"),
        attribution=AttributionConfig(examples=EXAMPLES, proxies="rotations"),
        evaluation=EvaluationConfig(examples=EXAMPLES, ks=KS, proxies="rotations"),
    )
    run = Store(folder / "runs").create(config)
    execute(run, lambda _: StandIn(LAYERS, NEURONS, 0.0))
    return run.id


def seconds(context: BrowserContext, address: str) -> float:
    """From the address typed until the page is drawn, in a new tab."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    began = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_function(DRAWN, polling="raf")
    found = time.perf_counter() - began
    page.close()
    return found


@contextmanager
def browser() -> Iterator[BrowserContext]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        yield chromium.new_context(viewport=WINDOW)
        chromium.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", default=f"{DEMO},{LARGE}", help="demo, large, or both with a comma between")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    wanted = options.runs.split(",")
    if unknown := set(wanted) - {DEMO, LARGE}:
        parser.error(f"no run is called {', '.join(sorted(unknown))}")
    found: dict[str, list[str]] = {name: [] for name in PAGES}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ids = {run: large_run(folder) if run == LARGE else DEMO for run in wanted}
        for run_id in ids.values():
            # A server and a browser of its own: nothing is kept from the other run.
            with served_app(folder / "runs") as address, browser() as context:
                for page, path in PAGES.items():
                    first, *more = (
                        seconds(context, f"{address}/{path}?run={run_id}") for _ in range(options.times + 1)
                    )
                    found[page] += [f"{first:.2f}", f"{statistics.median(more):.2f}"]
                    print(page, *found[page][-2:], file=sys.stderr, flush=True)
    print("| page |", " | ".join(f"{run}: first, s | {run}: median, s" for run in wanted), "|")
    print("|---" * (1 + 2 * len(wanted)) + "|")
    for page, cells in found.items():
        print(f"| {page} |", " | ".join(cells), "|")
    return 0


if __name__ == "__main__":
    sys.exit(main())
