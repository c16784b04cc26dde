"""The wheel, installed without its dependencies into an empty folder, runs by itself and adds one top-level name."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from neuron_core import __version__

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (
    *("app.py", "frame.py", "pages", "assets", ".streamlit", "neuron_core", "scripts", "pyproject.toml"),
    "MANIFEST.in",
)
TEXTS = ("README.md", "LICENSE", "requirements.txt", "requirements-cluster.txt")
START_S = 120.0
BUILD = "import sys; sys.path.insert(0, 'scripts'); from build_app import build_wheel; build_wheel(sys.argv[1])"
START_PAGE = """
import sys
from pathlib import Path
import neuron_core
folder = Path(neuron_core.__path__[0]) / "_app"
sys.path.insert(0, str(folder))
from streamlit.testing.v1 import AppTest
app = AppTest.from_file(str(folder / "frame.py"), default_timeout=120).run()
assert not app.exception, app.exception
print([one.value for one in app.title], [one.label for one in app.button])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy: a build leaves folders behind."""
    folder = tmp_path_factory.mktemp("source")
    ignored = shutil.ignore_patterns("__pycache__")
    for name in (*SOURCES, *TEXTS):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run([sys.executable, "-c", BUILD, str(out)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder)]
    done = subprocess.run([*pip, str(wheel)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory) -> Path:
    """A folder to stand in that has nothing of the project."""
    return tmp_path_factory.mktemp("elsewhere")


def environment(installed: Path, runs: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(installed), "NEURONLLM_RUNS": str(runs)}


def neuronllm(installed: Path, elsewhere: Path, *arguments: str) -> str:
    done = subprocess.run(
        [installed / "bin" / "neuronllm", *arguments],
        cwd=elsewhere,
        env=environment(installed, elsewhere / "runs"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_adds_one_top_level_name_and_one_command(wheel):
    with zipfile.ZipFile(wheel) as files:
        tops = {name.partition("/")[0] for name in files.namelist()}
        info = f"neuronllm_explorer-{__version__}.dist-info"
        entry_points = files.read(f"{info}/entry_points.txt").decode().split()
    assert tops == {"neuron_core", info}
    assert entry_points == ["[console_scripts]", "neuronllm", "=", "neuron_core.__main__:main"]


def test_the_wheel_carries_the_app_its_pages_and_every_asset_but_the_screenshots(wheel):
    with zipfile.ZipFile(wheel) as files:
        carried = {name.removeprefix("neuron_core/_app/") for name in files.namelist() if "/_app/" in name}
    folders = [ROOT / name for name in ("pages", "assets", ".streamlit")]
    wanted = {str(path.relative_to(ROOT)) for folder in folders for path in folder.rglob("*") if path.is_file()}
    wanted = {name for name in wanted if "__pycache__" not in name and not name.startswith("assets/screenshots")}
    assert carried == wanted | {"app.py", "frame.py"}


def test_its_dependencies_are_the_lines_of_the_requirement_files(wheel):
    with zipfile.ZipFile(wheel) as files:
        (name,) = [name for name in files.namelist() if name.endswith("/METADATA")]
        found = Parser().parsestr(files.read(name).decode()).get_all("Requires-Dist")

    def lines(name: str, ending: str = "") -> list[str]:
        text = (ROOT / name).read_text().splitlines()
        return [line + ending for line in text if line and not line.startswith("#")]

    wanted = [*lines("requirements.txt"), *lines("requirements-cluster.txt", '; extra == "cluster"')]
    assert sorted(found) == sorted(wanted)


def test_the_types_and_the_configs_of_the_bench_are_part_of_it(wheel):
    with zipfile.ZipFile(wheel) as files:
        assert {
            "neuron_core/py.typed",
            "neuron_core/bench/families.json",
            "neuron_core/bench/families_gguf.json",
        } <= set(files.namelist())


def test_the_installed_command_shows_its_help(installed, elsewhere):
    assert "attribute" in neuronllm(installed, elsewhere, "--help")


def test_the_installed_command_previews_a_bundled_task(installed, elsewhere):
    text = neuronllm(installed, elsewhere, "preview", "--task", "sentiment", "--n", "1")
    assert text.startswith("sentiment (classification)")
    assert text.count("--- ") == 3


def test_the_installed_start_page_shows_the_demo(installed, elsewhere):
    done = subprocess.run(
        [sys.executable, "-c", START_PAGE],
        cwd=elsewhere,
        env=environment(installed, elsewhere / "runs"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "NeuronLLM Explorer" in done.stdout
    assert "Open the finished demo" in done.stdout


def test_the_installed_app_serves_with_the_project_s_settings(installed, elsewhere):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    log = elsewhere / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [installed / "bin" / "neuronllm", "app", "--port", str(port)],
            cwd=elsewhere,
            env=environment(installed, elsewhere / "runs"),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        end = time.monotonic() + START_S
        while not is_healthy(port):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
    finally:
        server.terminate()
        server.wait()
    # .streamlit/config.toml was found: without it Streamlit would ask for an e-mail address.
    assert f"http://127.0.0.1:{port}" in log.read_text()
    assert "email" not in log.read_text().casefold()


def is_healthy(port: int) -> bool:
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5).status == 200
    except (urllib.error.URLError, OSError):
        return False
