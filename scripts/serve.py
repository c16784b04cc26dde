"""Start the app on a free port and say where it is. Standard library only."""

import os
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ".venv/bin/python"
COMMAND = [PYTHON, "-m", "streamlit", "run", "app.py"]
HOST = "127.0.0.1"
FIRST_PORT = 8501
PORTS_TRIED = 100


def is_free(port):
    with socket.socket() as probe:
        # As the server does: connections of one that has just stopped don't make the port busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError:
            return False
    return True


def choose_port(fixed=""):
    """The port in `fixed` (the variable PORT) or, without it, the first free one from 8501 on."""
    if not fixed:
        for port in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
            if is_free(port):
                return port
        last = FIRST_PORT + PORTS_TRIED - 1
        sys.exit(f"serve: the ports {FIRST_PORT} to {last} are all busy. Name a free one: make app PORT=9000")
    if not (fixed.isascii() and fixed.isdigit() and 1024 <= int(fixed) <= 65535):
        sys.exit(f"serve: PORT={fixed} is not a port; a number from 1024 to 65535 is needed.")
    if not is_free(int(fixed)):
        sys.exit(
            f"serve: port {fixed} is busy. Stop the program that uses it, name another port, "
            "or leave PORT out to take the next free one."
        )
    return int(fixed)


def main():
    os.chdir(ROOT)
    if not os.path.exists(PYTHON):
        sys.exit("serve: there is no .venv yet. Run: make app")
    port = choose_port(os.environ.get("PORT", ""))
    print(f"NeuronLLM Explorer: http://{HOST}:{port}", flush=True)
    # Streamlit's own welcome would say the same address once more.
    options = ["--server.port", str(port), "--logger.hideWelcomeMessage", "true"]
    os.execv(PYTHON, COMMAND + options)


if __name__ == "__main__":
    main()
