"""What all tests share: no network, and the browser or a plain word about its absence."""

import ipaddress
import os
import shutil
import socket

import pytest

from neuron_core.threads import openmp_settings

# Before anything imports huggingface_hub, which reads it once; subprocesses inherit it.
os.environ["HF_HUB_OFFLINE"] = "1"
# Before anything imports torch.
os.environ.update(openmp_settings(os.environ))
if "PYTEST_XDIST_WORKER" in os.environ:
    # One process a core is here already; apps and workers that tests start take it over.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class NetworkRefused(RuntimeError):
    """A test reached for another machine. No OSError: code that survives a lost network must not hide it."""


def refuse_others(host: object) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return
    try:
        if ipaddress.ip_address(str(name)).is_loopback:
            return
    except ValueError:
        pass
    raise NetworkRefused(f"tests run offline: a connection to {name!r} was refused; only loopback is allowed")


@pytest.fixture(scope="session", autouse=True)
def offline():
    """Refuse connections and name look-ups that leave this machine."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    getaddrinfo, create_connection = socket.getaddrinfo, socket.create_connection

    def refuse_address(sock: socket.socket, address: object) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            refuse_others(address[0])

    def guarded_connect(self, address):
        refuse_address(self, address)
        return connect(self, address)

    def guarded_connect_ex(self, address):
        refuse_address(self, address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host, *args, **kwargs):
        refuse_others(host)
        return getaddrinfo(host, *args, **kwargs)

    def guarded_create_connection(address, *args, **kwargs):
        refuse_others(address[0])
        return create_connection(address, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        patch.setattr(socket, "create_connection", guarded_create_connection)
        yield


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The installed browser. Without one the test is skipped, but fails where CI=true."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path:
        return path
    reason = f"no browser: none of {', '.join(BROWSERS)} is installed"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that wait for a browser come first: begun last, one process would be at them when the others have ended."""
    openmp_settings = {item.path for item in items if "browser" in item.keywords}
    items.sort(key=lambda item: item.path not in openmp_settings)


def pytest_unconfigure(config: pytest.Config) -> None:
    # Here and not in pytest_terminal_summary: pytest's own count comes after that one.
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = [r for r in reporter.stats.get("skipped", []) if "browser" in r.keywords] if reporter else []
    if skipped:
        reporter.write_line(f"Browser tests SKIPPED: {len(skipped)}. Install Chromium to run them.", yellow=True)
