"""The command `app`: starts the web app and says where it is."""

import os
import socket
import sys
from typing import Annotated

import psutil
import typer

from neuron_core.errors import ConfigError
from neuron_core.paths import APP_FOLDER
from neuron_core.service.permissions import is_loopback, permissions
from neuron_core.terminal import say

LOOPBACK = "127.0.0.1"
FIRST_PORT, PORTS_TRIED = 8501, 100


def app(
    port: Annotated[
        int | None,
        typer.Option(envvar="PORT", min=1024, max=65535, help="Port; by default the first free one from 8501 on."),
    ] = None,
    address: Annotated[
        str, typer.Option(help="Address that the server listens on; by default only this machine can connect.")
    ] = LOOPBACK,
) -> None:
    """Starts the web app and prints its address. Ctrl-C ends it."""
    chosen = choose_port(port, address)
    typer.echo(f"NeuronLLM Explorer: http://{address}:{chosen}")
    if not is_loopback(address):
        say(exposure())
    os.execv(sys.executable, server_command(chosen, address))


def exposure() -> str:
    """Says what visitors can see and do when other machines can open the app."""
    allowed = permissions(loopback=False)
    may = ", ".join(sorted(allowed.actions)) or "nothing else"
    password = "asks for a password" if os.environ.get("NEURONLLM_PASSWORD") else "asks for no password"
    return (
        "Other machines can open this app. Whoever opens it sees every run and every text in it, and can keep the "
        f"processor busy. It {password} (NEURONLLM_PASSWORD). Models: {', '.join(sorted(allowed.models))} "
        f"(NEURONLLM_MODELS). Allowed beside looking and running: {may} (NEURONLLM_ALLOW). The connection is not "
        "encrypted; see docs/security.md."
    )


def server_command(port: int, address: str = LOOPBACK) -> list[str]:
    """The command that starts Streamlit with the app."""
    # Streamlit's welcome message would print the address a second time.
    options = ["--server.address", address, "--server.port", str(port), "--logger.hideWelcomeMessage", "true"]
    for host in hosts(address):
        options += ["--server.allowedHosts", host]
    return [sys.executable, "-m", "streamlit", "run", str(APP_FOLDER / "app.py"), *options]


def hosts(address: str) -> list[str]:
    """The host names that browsers may use for the app: those of this machine, and those of NEURONLLM_HOSTS."""
    named = [part.strip() for part in os.environ.get("NEURONLLM_HOSTS", "").split(",") if part.strip()]
    found = [LOOPBACK, "localhost", "::1", *named]
    if address in ("0.0.0.0", "::"):
        families = (socket.AF_INET, socket.AF_INET6)
        found += [one.address for each in psutil.net_if_addrs().values() for one in each if one.family in families]
        found.append(socket.gethostname())
    elif address not in found:
        found.append(address)
    return list(dict.fromkeys(name.split("%")[0] for name in found))


def is_free(port: int, address: str = LOOPBACK) -> bool:
    """Whether a server can listen at this address and port now."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        # As in the server itself: connections of a server that has just stopped do not make the port busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen()
        except OSError:
            return False
    return True


def choose_port(wanted: int | None = None, address: str = LOOPBACK) -> int:
    """The wanted port or, if it is None, the first free one from 8501 on. ConfigError when the wanted port, or all of
    them, are busy.
    """
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
