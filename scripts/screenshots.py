"""The pictures of the README and the guide: every page with the finished demo, in a light and a dark window.

Needs Chromium and the test tools: make screenshots. The app runs with a folder of runs of its own.
"""

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "assets" / "screenshots"
# Name of the picture → address of the page. The first page has the address of the app.
PAGES = {path.stem.replace("_", "-"): path.stem for path in sorted((ROOT / "pages").glob("*.py"))} | {"start": ""}
THEMES = ("light", "dark")
WINDOW = ViewportSize(width=1400, height=900)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]
START_S, PATIENCE_MS = 120.0, 90_000


@contextlib.contextmanager
def served_app(runs: Path | None = None, script: Path | None = None):
    """The address of the app on a free port, with an empty folder of runs unless one is given; ended afterwards.

    script: another script of Streamlit, in place of the app.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            command if script else [sys.executable, "-m", "neuron_core", "app", "--port", str(port)],
            # With the settings of the app.
            cwd=ROOT,
            env={**os.environ, "NEURONLLM_RUNS": str(runs or Path(folder) / "runs")},
            stdout=subprocess.DEVNULL,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()


def wait_for(address: str, server: subprocess.Popen) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    sys.exit("screenshots: the app did not start")


def settled(page: Page) -> None:
    """Waits until the page's script has ended and its figures are drawn."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    # Plotly draws in a frame of its own, after the last message of the server.
    page.wait_for_timeout(1500)


def take(folder: Path, names: list[str], browser_path: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE_MS)
    with served_app() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        for theme in THEMES:
            page = browser.new_context(viewport=WINDOW, color_scheme=theme).new_page()
            page.set_default_timeout(PATIENCE_MS)
            for name in names:
                page.goto(f"{address}/{PAGES[name]}?run=demo")
                settled(page)
                page.screenshot(path=folder / f"{name}-{theme}.png", animations="disabled")
                print(f"{name}-{theme}.png")
        browser.close()


def browser_path() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        sys.exit(f"no browser; one of {', '.join(BROWSERS)} is needed")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", metavar="PAGE", help=f"of {', '.join(PAGES)}; all of them")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the pictures")
    options = parser.parse_args()
    unknown = set(options.pages) - set(PAGES)
    if unknown:
        parser.error(f"no page is called {', '.join(sorted(unknown))}")
    take(options.out, options.pages or list(PAGES), browser_path())


if __name__ == "__main__":
    main()
