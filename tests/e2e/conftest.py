"""The real app, started once a session, and a browser that remembers everything that went wrong in it."""

import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, ViewportSize, expect, sync_playwright

from neuron_core.runs.store import Store
from tests.builders import checkpoint, one_thread, tiny_model
from tests.e2e.steps import PATIENCE_S, settled, until

__all__ = ["checkpoint", "one_thread", "tiny_model"]

ROOT = Path(__file__).resolve().parents[2]
START_S, END_S = 120.0, 10.0
FLAGS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
WINDOW = ViewportSize(width=1400, height=900)
# The page is rebuilt while it runs: a box may be gone before a test looks.
WATCH = """
new MutationObserver(() => {
  for (const box of document.querySelectorAll('[data-testid="stException"], [data-testid="stAlert"]')) {
    const text = box.innerText, raised = box.dataset.testid === "stException";
    if ((raised || text.includes("Traceback")) && !box.reported) {
      box.reported = true;
      console.error("an exception on the page: " + text);
    }
  }
}).observe(document, {childList: true, subtree: true, characterData: true});
"""
# Opened at /layers, Streamlit first looks whether the whole app lives below /layers; icons are asked for by Chromium.
LOOKED_FOR_IN_VAIN = re.compile(r"/\w+/_stcore/(health|host-config)$|/favicon\.(ico|png)$")


@dataclass(frozen=True)
class App:
    """The server, as a test sees it from outside."""

    url: str
    store: Store
    process: psutil.Process

    def worker(self) -> psutil.Process:
        """The one process that holds the model."""
        (found,) = [
            child for child in self.process.children() if "neuron_core.service.worker_process" in child.cmdline()
        ]
        return found


@pytest.fixture(scope="session")
def app(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app on a free port with an empty folder of runs; ended with everything that it started."""
    folder = tmp_path_factory.mktemp("app")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "streamlit",
                "run",
                "app.py",
                "--server.port",
                str(port),
                "--server.headless",
                "true",
            ],
            cwd=ROOT,
            env={**os.environ, "NEURONLLM_RUNS": str(folder / "runs")},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    process = psutil.Process(server.pid)
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: server.poll() is not None or is_healthy(url), "the server's start", START_S)
        assert server.poll() is None, f"the server ended:\n{log.read_text()}"
        yield App(url, Store(folder / "runs"), process)
    finally:
        started = process.children(recursive=True) if server.poll() is None else []
        server.terminate()
        _, left = psutil.wait_procs([process, *started], END_S)
        for one in left:
            one.kill()
        server.wait()


def is_healthy(url: str) -> bool:
    try:
        return urllib.request.urlopen(f"{url}/_stcore/health", timeout=5).status == 200
    except (urllib.error.URLError, OSError):
        return False


# No wider: while Playwright is there, its event loop runs in this thread, and no other test could start one.
@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    expect.set_options(timeout=1000 * PATIENCE_S)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=list(FLAGS))
        yield chromium
        chromium.close()


class Tabs:
    """Opens tabs, each a browser of its own, and keeps what went wrong in them."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser, self._url = browser, url
        self.faults: list[str] = []

    def open(self, address: str = "/", color_scheme: str = "light", window: ViewportSize = WINDOW) -> Page:
        context = self._browser.new_context(viewport=window, color_scheme=color_scheme)
        context.add_init_script(WATCH)
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE_S)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on("request", self._request)
        page.goto(self._url + address)
        return page

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not LOOKED_FOR_IN_VAIN.search(message.location["url"]):
            self.faults.append(f"console: {message.text} ({message.location['url']})")

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in ("127.0.0.1", None):
            self.faults.append(f"a request to another machine: {request.url}")


@pytest.fixture
def tabs(app: App, browser: Browser) -> Iterator[Tabs]:
    """Tabs on the app; the test fails at its end when anything went wrong in one of them."""
    tabs = Tabs(browser, app.url)
    yield tabs
    for context in browser.contexts:
        context.close()
    assert tabs.faults == []


@pytest.fixture(scope="session")
def shoot(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Page, str], None]:
    """`shoot(page, name)`: a screenshot; into NEURONLLM_SCREENSHOTS where that is set, as for the README."""
    wanted = os.environ.get("NEURONLLM_SCREENSHOTS")
    folder = Path(wanted) if wanted else tmp_path_factory.mktemp("screenshots")

    def shoot_it(page: Page, name: str) -> None:
        # Nothing under the pointer, nothing half drawn.
        page.mouse.move(WINDOW["width"] / 2, 20)
        settled(page)
        page.screenshot(path=folder / f"{name}.png", animations="disabled")

    return shoot_it
