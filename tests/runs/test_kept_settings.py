"""A setting is read once for all objects that look at its run, and again when its file has changed."""

import shutil
from pathlib import Path

import pytest

from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.errors import RunError
from neuron_core.runs import kept_settings, score_files
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from tests.run_helpers import tiny_config


@pytest.fixture(scope="module")
def whole(tmp_path_factory, task_file, checkpoint, tiny_model, one_thread):
    found = Store(tmp_path_factory.mktemp("whole")).create(tiny_config(task_file, checkpoint("llama")))
    execute(found, lambda _: Engine.of(tiny_model("llama")))
    return found


@pytest.fixture
def run(whole, tmp_path):
    return RunFolder(Path(shutil.copytree(whole.path, tmp_path / whole.id)))


@pytest.fixture
def reads(monkeypatch):
    found, own = [], score_files.setting_from_json
    monkeypatch.setattr(score_files, "setting_from_json", lambda data: found.append(len(data)) or own(data))
    monkeypatch.setattr(kept_settings, "_kept", type(kept_settings._kept)())
    return found


def test_another_object_of_the_same_run_does_not_read_it_again(run, reads):
    first = RunFolder(run.path).setting()
    assert RunFolder(run.path).setting() is first
    assert len(reads) == 1


def test_a_changed_file_is_read_again_and_a_damaged_one_is_found(run, reads):
    RunFolder(run.path).setting()
    path = Path(run.setting_path)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"task_name":"', b'"task_name":"x', 1))
    with pytest.raises(RunError, match="damaged"):
        RunFolder(run.path).setting()
    path.write_bytes(whole)
    RunFolder(run.path).setting()
    assert len(reads) == 2


def test_those_asked_for_last_are_kept_up_to_the_bound(run, reads, monkeypatch):
    setting = run.setting()
    monkeypatch.setattr(kept_settings, "MOST_BYTES", 25)
    for name in "abc":
        kept_settings.keep_setting(Path(name), (1,), setting, 10)
        assert kept_settings.kept_setting(Path("a"), (1,)) is setting
    assert kept_settings.kept_setting(Path("b"), (1,)) is None
    assert kept_settings.kept_setting(Path("c"), (1,)) is setting
    kept_settings.keep_setting(Path("large"), (1,), setting, 26)
    assert kept_settings.kept_setting(Path("large"), (1,)) is None
    assert kept_settings.kept_setting(Path("a"), (1,)) is setting
