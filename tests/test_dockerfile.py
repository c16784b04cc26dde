"""The Dockerfile, which no test builds: every file, command, option, variable and address in it exists."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import streamlit

from neuron_core import cli
from neuron_core.commands import app

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
LINES = [line.strip() for line in TEXT.splitlines() if line.strip() and not line.startswith("#")]


def said(instruction: str) -> list[str]:
    return [line.removeprefix(instruction).strip() for line in LINES if line.startswith(f"{instruction} ")]


def test_it_says_that_it_was_not_built():
    assert "Not built here" in TEXT


def test_every_file_that_it_copies_is_there_and_none_that_the_build_needs_is_left_out():
    copied = [name for line in said("COPY") for name in line.split()[:-1]]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    needed = {"pyproject.toml", "README.md", "LICENSE", "requirements.txt", ".streamlit", "pages"}
    assert needed | {"app.py", "frame.py", "assets", "scripts", "neuron_core"} <= set(copied)


def test_no_file_that_it_copies_is_ignored():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert not {name for line in said("COPY") for name in line.split()[:-1]} & set(ignored)


def test_the_torch_line_that_it_looks_for_is_one_line_of_the_requirements():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert len([line for line in lines if line.startswith("torch==")]) == 1
    assert "grep '^torch==' requirements.txt" in TEXT


def test_its_python_is_one_that_the_project_takes():
    (version,) = re.findall(r"^FROM python:3\.(\d+)-slim$", TEXT, re.MULTILINE)
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert wanted == ">=3.11,<3.15"
    assert 11 <= int(version) < 15


def test_its_command_is_the_installed_one_with_options_that_exist(monkeypatch):
    (command,) = [line for line in said("CMD") if line.startswith("[")]
    words = [word.strip(' "') for word in command.strip("[]").split(",")]
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert words[0] in scripts
    started = []
    monkeypatch.setattr(app.os, "execv", lambda path, command: started.append(command))
    monkeypatch.setattr(app, "is_free", lambda port, address: True)
    assert cli.main(words[1:]) == 0
    assert said("EXPOSE") == [started[0][started[0].index("--server.port") + 1]]


def test_its_health_check_asks_an_address_that_the_server_has():
    (check,) = [line for line in LINES if "HEALTHCHECK" in line]
    code = shlex.split(check[check.index("CMD") :])[3]
    compile(code, "health check", "exec")
    path = re.findall(r"127\.0\.0\.1:8501/([\w/]+)", code)
    assert path == ["_stcore/health"]
    sources = Path(streamlit.__file__).parent.joinpath("web").rglob("*.py")
    assert any("_stcore/health" in source.read_text(encoding="utf-8") for source in sources)


def test_it_runs_as_a_user_without_rights_in_demo_mode():
    (user,) = said("USER")
    assert f"useradd --create-home --uid 10001 {user}" in TEXT
    (variables,) = said("ENV")
    names = dict(one.split("=") for one in variables.split())
    assert names["NEURONLLM_DEMO_MODE"] == "1"
    sources = [
        file.read_text(encoding="utf-8") for room in ("neuron_core", "pages") for file in (ROOT / room).rglob("*.py")
    ]
    for name in names:
        assert any(name in source for source in sources), name


@pytest.mark.parametrize("line", [line for line in LINES if not line.startswith(("CMD", "HEALTHCHECK"))])
def test_every_instruction_is_one_of_docker_s(line):
    known = ("FROM", "ARG", "WORKDIR", "COPY", "RUN", "USER", "ENV", "EXPOSE")
    assert line.split()[0] in known
