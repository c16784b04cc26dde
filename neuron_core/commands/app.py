"""The command `app`: starts the web app and says where it is."""

import ipaddress
import os
import socket
import sys
from typing import Annotated

import typer

from neuron_core.errors import ConfigError
from neuron_core.places import APP_FOLDER

LOOPBACK = "127.0.0.1"
FIRST_PORT, PORTS_TRIED = 8501, 100


def app(
    port: Annotated[
        int | None,
        typer.Option(envvar="PORT", min=1024, max=65535, help="Without it, the first free one from 8501 on."),
    ] = None,
    address: Annotated[
        str, typer.Option(help="Whom the server listens to; the default is this machine alone.")
    ] = LOOPBACK,
) -> None:
    """Starts the web app and prints its address. Ctrl-C ends it."""
    chosen = choose_port(port, address)
    typer.echo(f"NeuronLLM Explorer: http://{address}:{chosen}")
    os.execv(sys.executable, server_command(chosen, address))


def server_command(port: int, address: str = LOOPBACK) -> list[str]:
    """Streamlit with the app. Where other machines may look, errors are shown to them without a traceback."""
    # Streamlit's own welcome would say the same address once more.
    options = ["--server.address", address, "--server.port", str(port), "--logger.hideWelcomeMessage", "true"]
    if not is_loopback(address):
        options += ["--client.showErrorDetails", "none"]
    return [sys.executable, "-m", "streamlit", "run", str(APP_FOLDER / "app.py"), *options]


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches a server at this address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def is_free(port: int, address: str = LOOPBACK) -> bool:
    """Whether a server can listen at this address and port now."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        # As the server does: connections of one that has just stopped don't make the port busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen()
        except OSError:
            return False
    return True


def choose_port(wanted: int | None = None, address: str = LOOPBACK) -> int:
    """The wanted port, or the first free one from 8501 on. ConfigError when it, or all of them, are busy."""
    if wanted is not None:
        if not is_free(wanted, address):
            raise ConfigError(
                f"port {wanted} at {address} is busy or can't be opened",
                accepted="another port (--port 9000, or PORT=9000 make app), or none: the next free one is taken",
            )
        return wanted
    for port in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        if is_free(port, address):
            return port
    raise ConfigError(
        f"no port from {FIRST_PORT} to {FIRST_PORT + PORTS_TRIED - 1} is free at {address}",
        accepted="a free one: --port 9000, or PORT=9000 make app",
    )
