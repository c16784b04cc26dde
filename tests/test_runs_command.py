"""`runs verify`, `runs repair` and `runs gc` on a store with a whole, a damaged and a lost run."""

import json
import shutil
from dataclasses import replace

import pytest

from neuron_core.cli import main
from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
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
