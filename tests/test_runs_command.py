"""`runs verify`, `runs repair` and `runs gc` on a store with a whole, a damaged and a lost run."""

import json
import os
import shutil
from dataclasses import replace

import pytest

from neuron_core.cli import main
from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.errors import RunError
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from tests.run_fixtures import *  # noqa: F403
from tests.run_helpers import assert_equal_results, tiny_config


@pytest.fixture(scope="module")
def finished(tmp_path_factory, task_file, checkpoint, tiny_model, one_thread):
    run = Store(tmp_path_factory.mktemp("runs")).create(tiny_config(task_file, checkpoint("llama")))
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    return run


@pytest.fixture
def store(finished, tmp_path, monkeypatch):
    monkeypatch.setenv("NEURONLLM_RUNS", str(tmp_path))
    for name in ("whole", "bent", "lost"):
        shutil.copytree(finished.path, tmp_path / name)
    path = tmp_path / "bent" / "evaluation.json"
    path.write_bytes(path.read_bytes().replace(b"0.", b"1.", 1))
    (tmp_path / "lost" / "config.json").write_text("")
    return Store()


def said(capsys, *words):
    code = main(["runs", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_what_is_damaged_is_said_by_run_and_file(store, capsys):
    code, found = said(capsys, "verify")
    assert code == 1
    assert {name: [one["file"] for one in damage] for name, damage in found["runs"].items()} == {
        "whole": [],
        "bent": ["evaluation.json"],
        "lost": ["config.json"],
    }
    assert said(capsys, "verify", "whole")[0] == 0


@pytest.mark.parametrize("command", ["verify", "repair"])
def test_a_run_that_has_lost_its_config_is_said_though_no_list_has_it(store, capsys, tmp_path, command):
    (tmp_path / "whole" / "config.json").unlink()
    (tmp_path / "something else").mkdir()
    code, found = said(capsys, command)
    assert code == 1
    assert found["runs"]["whole"] == [{"file": "config.json", "why": "it is not there", "mend": "lost"}]
    assert found["runs"].keys() == {"whole", "bent", "lost"}
    assert (tmp_path / "whole" / "setting.json").is_file()


def test_a_repaired_run_is_whole_again_after_a_resume(store, capsys, finished, tiny_model):
    assert said(capsys, "repair", "bent")[0] == 0
    assert store.open("bent").status().state == "interrupted"
    execute(store.open("bent"), lambda _: Engine.of(tiny_model("llama")))
    assert_equal_results(store.open("bent"), finished)
    code, found = said(capsys, "repair", "lost")
    assert (code, found["runs"]["lost"][0]["mend"]) == (1, "lost")


def test_leftovers_are_removed_and_what_is_read_stays(store, capsys, finished):
    (store.root / ".deleted-old").mkdir()
    (store.root / ".deleted-old" / "x.npz").write_bytes(b"12345")
    (store.root / "whole" / "evaluation-7").mkdir()
    (store.root / "whole" / ".sums.npz.0a1b.part").write_bytes(b"123")
    names = {".deleted-old": 5, "whole/.sums.npz.0a1b.part": 3, "whole/evaluation-7": 0}
    # The store's third run is damaged: its evaluations stay.
    assert said(capsys, "gc", "--dry-run") == (0, {"removed": False, "bytes": names, "damaged": ["lost"]})
    assert (store.root / ".deleted-old").exists()
    assert said(capsys, "gc")[1]["bytes"] == names
    assert said(capsys, "gc")[1]["bytes"] == {}
    assert_equal_results(RunFolder(store.root / "whole"), finished)


def test_files_of_an_evaluation_that_was_replaced_are_leftovers(store, capsys, finished, tiny_model):
    run = store.open("whole")
    before = (run.path / "evaluation.json").read_bytes()
    run.set_evaluation(replace(run.config(), evaluation=replace(run.config().evaluation, examples=3)))
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    assert not (run.path / "evaluation.json").exists()
    # As where it could not be removed: somebody had it open.
    (run.path / "evaluation.json").write_bytes(before)
    assert list(said(capsys, "gc")[1]["bytes"]) == ["whole/evaluation.json"]
    assert len(run.setting().evaluation) == len(run.evaluated())


def test_a_run_that_another_process_works_on_is_not_called_lost(store, capsys):
    with store.open("whole").held():
        code, found = said(capsys, "repair", "whole")
    assert (code, found["runs"]["whole"][0]["mend"]) == (1, "another process works on it")


def test_runs_of_the_same_name_in_two_folders_are_told_apart(store, capsys, tmp_path):
    for run, place in (("bent", "first"), ("whole", "second")):
        shutil.copytree(store.root / run, tmp_path / place / "same")
    first, second = (str(tmp_path / place / "same") for place in ("first", "second"))
    for word in ("verify", "repair"):
        _, found = said(capsys, word, first, second, first)
        assert {name: len(damage) for name, damage in found["runs"].items()} == {first: 1, second: 0}


def test_what_cannot_be_removed_is_named_and_the_rest_is_removed(store, capsys, monkeypatch, tmp_path_factory):
    kept = tmp_path_factory.mktemp("elsewhere") / "kept.txt"
    kept.write_text("kept")
    (store.root / ".deleted-link").symlink_to(kept.parent)
    (store.root / "whole" / ".damaged").symlink_to(kept.parent)
    (store.root / ".deleted-stuck").mkdir()
    real = shutil.rmtree
    refuse = PermissionError(13, "Permission denied")

    def rmtree(path, **more):
        if path.name == ".deleted-stuck":
            raise refuse
        real(path, **more)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    code = main(["runs", "gc", "--json"])
    out, err = capsys.readouterr()
    assert (code, sorted(json.loads(out)["bytes"])) == (1, [".deleted-link", "whole/.damaged"])
    assert err.startswith("Not removed: this may not be written. Where: ")
    assert ".deleted-stuck" in err
    assert kept.read_text() == "kept"


def test_a_folder_of_runs_that_is_a_file_is_named(tmp_path, monkeypatch, capsys):
    path = tmp_path / "runs"
    path.write_text("no folder")
    monkeypatch.setenv("NEURONLLM_RUNS", str(path))
    for word in ("verify", "repair", "gc"):
        assert main(["runs", word, "--json"]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert f"Where: {path}." in err


@pytest.mark.parametrize("name", [".lock", ".queued"])
@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_what_lies_in_the_place_of_a_lock_is_named_and_moved_aside(store, capsys, tmp_path, name, kind):
    whole, path = store.root / "whole", store.root / "whole" / name
    path.unlink(missing_ok=True)
    (tmp_path / "other").write_text("other")
    {"link": lambda: path.symlink_to(tmp_path / "other"), "folder": path.mkdir, "pipe": lambda: os.mkfifo(path)}[kind]()
    code, found = said(capsys, "verify", "whole")
    assert (code, [(one["file"], one["mend"]) for one in found["runs"]["whole"]]) == (1, [(name, "written anew")])
    with pytest.raises(RunError, match=f"damaged.*{name}"), RunFolder(whole).taken():
        pass
    assert said(capsys, "repair", "whole")[0] == 0
    assert said(capsys, "verify", "whole")[0] == 0
    assert RunFolder(whole).status().state == "done"
    with RunFolder(whole).taken():
        assert (tmp_path / "other").read_text() == "other"
