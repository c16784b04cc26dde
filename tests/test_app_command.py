"""The command `app`: which port and address it takes, and what it starts."""

import asyncio
import socket
import sys
import tomllib

import pytest

from neuron_core.cli import main
from neuron_core.commands import app
from neuron_core.errors import ConfigError
from neuron_core.paths import APP_FOLDER


@pytest.fixture
def busy_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return port


@pytest.fixture
def started(monkeypatch):
    """Commands that would take the place of this process."""
    found = []
    monkeypatch.setattr(app.os, "execv", lambda path, command: found.append(command))
    monkeypatch.delenv("PORT", raising=False)
    return found


def test_a_busy_first_port_is_passed_over(busy_port, monkeypatch):
    monkeypatch.setattr(app, "FIRST_PORT", busy_port)
    assert busy_port < app.choose_port() < busy_port + app.PORTS_TRIED


def test_no_free_port_says_what_to_do(busy_port, monkeypatch):
    monkeypatch.setattr(app, "FIRST_PORT", busy_port)
    monkeypatch.setattr(app, "PORTS_TRIED", 1)
    with pytest.raises(ConfigError, match="PORT=9000 make app"):
        app.choose_port()


def test_a_wanted_port_that_is_busy_says_so_in_one_line(busy_port, started, capsys):
    assert main(["app", "--port", str(busy_port)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"port {busy_port} at 127.0.0.1 is busy" in line
    assert started == []


@pytest.mark.parametrize("port", ["eighty", "80", "70000", "-1"])
def test_a_port_that_is_none_is_wrong_usage(port, started, monkeypatch):
    monkeypatch.setenv("PORT", port)
    assert main(["app"]) == 2
    assert started == []


def test_the_address_is_printed_and_streamlit_started_there(free_port, started, monkeypatch, capsys):
    monkeypatch.setenv("PORT", str(free_port))
    assert main(["app"]) == 0
    assert capsys.readouterr().out == f"NeuronLLM Explorer: http://127.0.0.1:{free_port}\n"
    (command,) = started
    assert command[:4] == [sys.executable, "-m", "streamlit", "run"]
    assert command[command.index("--server.port") + 1] == str(free_port)


def test_a_server_for_other_machines_listens_at_their_address(free_port, started):
    assert main(["app", "--port", str(free_port), "--address", "0.0.0.0"]) == 0
    (command,) = started
    assert command[command.index("--server.address") + 1] == "0.0.0.0"


def test_no_page_shows_a_traceback_whoever_looks():
    settings = tomllib.loads((APP_FOLDER / ".streamlit" / "config.toml").read_text())
    assert settings["client"]["showErrorDetails"] == "none"


@pytest.mark.parametrize(
    ("address", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("example.org", False)],
)
def test_loopback_addresses_are_known(address, loopback):
    assert app.is_loopback(address) is loopback


def test_the_end_of_the_server_ends_the_worker(monkeypatch):
    import app as server

    ended = []
    monkeypatch.setattr(server, "warm", lambda: None)
    monkeypatch.setattr(server, "end_engines", lambda: ended.append(True))

    async def served():
        async with server.app._user_lifespan(server.app):
            assert ended == []

    asyncio.run(served())
    assert ended == [True]
