"""What `make` runs: the plan, the stamp of .venv, the messages. Nothing is downloaded."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import setup

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def project(tmp_path):
    """A folder with requirement files and no .venv."""
    for name in ("requirements.txt", "requirements-model.txt", "requirements-dev.txt", "requirements-cluster.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


class Installer:
    """Stands for the real steps: notes them, makes .venv, and stops at the step it is told to."""

    def __init__(self, fail_at=None):
        self.steps, self.fail_at = [], fail_at

    def __call__(self, command, root):
        if self.fail_at is not None and len(self.steps) == self.fail_at:
            raise KeyboardInterrupt
        self.steps.append(command)
        if "venv" in command:
            assert not (root / ".venv").exists(), "made over an old .venv"
            (root / setup.PYTHON).parent.mkdir(parents=True)
            (root / setup.PYTHON).touch()


def install(project, *, dev=False, cpu="", installer=None):
    installer = installer or Installer()
    setup.install(project, dev, {"CPU": cpu}, installer)
    return installer.steps


def test_the_first_run_takes_every_step_and_the_second_none(project):
    assert install(project) == setup.commands()
    assert install(project) == []


def test_a_venv_with_the_test_tools_also_serves_the_app(project):
    assert install(project, dev=True) == setup.commands(dev=True)
    assert install(project) == []


def test_the_test_tools_are_added_to_a_finished_venv(project):
    install(project)
    assert install(project, dev=True) == setup.commands(dev=True)[-1:]
    assert install(project, dev=True) == []


@pytest.mark.parametrize("step", range(1, 4))
def test_a_half_made_venv_is_made_anew(project, step):
    with pytest.raises(KeyboardInterrupt):
        install(project, dev=True, installer=Installer(fail_at=step))
    assert (project / ".venv").exists()
    assert install(project) == setup.commands()


def test_an_interrupted_addition_of_the_test_tools_makes_it_anew(project):
    install(project)
    with pytest.raises(KeyboardInterrupt):
        install(project, dev=True, installer=Installer(fail_at=0))
    assert install(project) == setup.commands()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-model.txt"])
def test_a_changed_requirement_makes_it_anew(project, name):
    install(project)
    with (project / name).open("a") as file:
        file.write("# changed\n")
    assert install(project) == setup.commands()


def test_a_changed_test_tool_leaves_the_app_alone(project):
    install(project, dev=True)
    (project / "requirements-dev.txt").write_text("pytest\n")
    assert install(project) == []
    assert install(project, dev=True) == setup.commands(dev=True)[-1:]


@pytest.mark.parametrize("damage", ["", "[]", "{"])
def test_a_damaged_stamp_counts_as_none(project, damage):
    install(project)
    (project / setup.STAMP).write_text(damage)
    assert install(project) == setup.commands()


def test_a_venv_whose_python_is_gone_is_made_anew(project):
    install(project)
    (project / setup.PYTHON).unlink()
    assert install(project) == setup.commands()


def test_another_python_makes_it_anew(project, monkeypatch):
    install(project)
    monkeypatch.setattr(sys, "version_info", (3, 11 if sys.version_info[1] > 11 else 12, 0))
    assert install(project) == setup.commands()


def test_the_cpu_build_is_installed_first_and_kept_until_told_otherwise(project):
    steps = install(project, cpu="1")
    assert steps[1] == [*setup.commands()[1][:4], "--index-url", setup.CPU_INDEX, "torch==2.13.0"]
    assert [step for step in steps if "--index-url" not in step] == setup.commands()
    assert install(project) == []
    assert install(project, cpu="0") == setup.commands()


def test_without_an_nvidia_driver_the_size_of_the_download_is_said_first(monkeypatch):
    monkeypatch.setattr(setup.shutil, "which", lambda name: None)
    monkeypatch.setattr(setup.os.path, "exists", lambda path: False)
    assert "CPU=1 make app" in setup.cuda_note(cpu=False, platform="linux")
    assert setup.cuda_note(cpu=True, platform="linux") == ""
    assert setup.cuda_note(cpu=False, platform="darwin") == ""
    monkeypatch.setattr(setup.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    assert setup.cuda_note(cpu=False, platform="linux") == ""


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 15, 0)])
def test_an_unsuitable_python_is_named_with_what_is_needed(version):
    with pytest.raises(setup.SetupError, match=rf"python is Python {version[0]}\.{version[1]}; .*3\.11 to 3\.14"):
        setup.check_python(version, "/usr/bin/python")


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 14, 2)])
def test_a_suitable_python_passes(version):
    setup.check_python(version, "/usr/bin/python")


def test_a_missing_ensurepip_says_what_to_install(project, monkeypatch):
    monkeypatch.setattr(setup.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else name)
    with pytest.raises(setup.SetupError, match="apt install python3-venv"):
        install(project)
    assert not (project / ".venv").exists()


def test_a_disk_too_small_is_said_before_anything_is_made(project, monkeypatch):
    monkeypatch.setattr(setup.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 2**30}))
    with pytest.raises(setup.SetupError, match=r"1\.0 GiB are free .* at least 4 GiB"):
        install(project)
    assert not (project / ".venv").exists()


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "make room",
        ),
        ("ERROR: No matching distribution found for torch==2.13.0", "another Python"),
        ("WARNING: Retrying (Retry(total=0)) ERROR: No matching distribution found", "Check the network"),
        ("ReadTimeoutError: Read timed out.", "Check the network"),
    ],
)
def test_a_failed_step_says_the_last_line_and_what_to_do(project, line, advice):
    code = f"import sys; sys.stderr.write('first\\n{line}\\n'); sys.exit(1)"
    with pytest.raises(setup.SetupError) as caught:
        setup.run(["python3", "-c", code], project)
    message = str(caught.value)
    assert line in message
    assert advice in message
    assert "\n" not in message


def test_a_step_that_succeeds_passes_its_output_on(project, capfd):
    setup.run(["python3", "-c", "import sys; print('out'); sys.stderr.write('err\\n')"], project)
    captured = capfd.readouterr()
    assert captured.out.splitlines()[-1] == "out"
    assert captured.err == "err\n"


def plain_commands():
    script = [sys.executable, str(ROOT / "scripts" / "setup.py"), "--print-commands"]
    return subprocess.check_output(script, text=True).splitlines()


def test_the_printed_commands_are_those_that_are_run(project):
    assert [line.split() for line in plain_commands()] == [*install(project), setup.COMMAND]


def test_the_readme_has_the_plain_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- plain-commands -->\s*```\w*\n(.*?)\n```", readme, re.DOTALL)
    assert block, "README.md has no fenced block after <!-- plain-commands -->"
    assert block[1].splitlines() == plain_commands()


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_app_installs_and_starts_and_does_nothing_else():
    planned = subprocess.check_output(
        ["make", "-n", "--no-print-directory", "app", "PYTHON=python3"], cwd=ROOT, text=True
    )
    steps = [line for line in planned.splitlines() if "python -m" in line or "scripts/" in line]
    assert steps == ["python3 scripts/setup.py", ".venv/bin/python -m neuron_core app"]
