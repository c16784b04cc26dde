"""Known vulnerabilities of the pinned requirements, where pip-audit is installed and a network allows it."""

import importlib.util
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNREACHABLE = (
    "ConnectionError",
    "Failed to establish",
    "Max retries",
    "Name or service",
    "ConnectTimeout",
    "ReadTimeout",
)


def main() -> int:
    """0 where nothing is known or nobody could be asked, which is said; else pip-audit's own code."""
    if importlib.util.find_spec("pip_audit") is None:
        print("audit: pip-audit is not installed, nothing was looked up (python -m pip install pip-audit)")
        return 0
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--requirement",
        str(ROOT / "requirements.txt"),
        "--progress-spinner",
        "off",
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    said = found.stdout + found.stderr
    if found.returncode and any(word in said for word in UNREACHABLE):
        print("audit: the list of known vulnerabilities can't be reached, nothing was looked up")
        return 0
    print(said.strip())
    return found.returncode


if __name__ == "__main__":
    sys.exit(main())
