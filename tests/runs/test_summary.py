"""What lists say of a run: kept with a finished run, read again when a file is another, and never wrong."""

import hashlib
import json
import shutil
import struct
from dataclasses import replace

import numpy as np
import pytest

from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.errors import RunError
from neuron_core.runs import summary
from neuron_core.runs.result_files import COMMENT
from neuron_core.runs.results import read_attribution
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from neuron_core.runs.summary import SUMMARY, keep_summary, summary_of
from tests.run_helpers import revalue, tiny_config


@pytest.fixture(scope="module")
def whole(tmp_path_factory, task_file, checkpoint, tiny_model, one_thread):
    run = Store(tmp_path_factory.mktemp("whole")).create(tiny_config(task_file, checkpoint("llama")))
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    return run


@pytest.fixture
def run(whole, tmp_path):
    return RunFolder(shutil.copytree(whole.path, tmp_path / whole.id))


@pytest.fixture
def never_read(monkeypatch):
    """Reading the run's own files is a failure."""
    monkeypatch.setattr(summary, "_read", lambda _: pytest.fail("the files were read"))


def test_a_finished_run_is_listed_from_what_it_keeps(run, whole, never_read):
    found = summary_of(run)
    setting = whole.setting()
    assert (found.task, found.model) == (setting.task_name, setting.model.title)
    assert found.accuracy == whole.evaluation().baseline.acc
    assert (found.fingerprint, found.ended) == (setting.model.fingerprint, "done")
    assert found.evaluated == ("ace",)
    assert found.methods == whole.config().attribution.methods


def test_what_was_kept_says_what_the_files_say(run):
    kept = summary_of(run)
    (run.path / SUMMARY).unlink()
    summary._seen.clear()
    summary._summary.cache_clear()
    assert summary_of(run) == kept


@pytest.mark.parametrize("name", ["config.json", "setting.json", "evaluation.json"])
def test_a_file_that_is_another_is_read_again(run, name):
    assert not summary_of(run).damage
    (run.path / name).write_bytes((run.path / name).read_bytes()[:-30])
    assert name in summary_of(run).damage


def test_a_changed_result_is_listed_and_a_changed_summary_is_not_believed(run):
    kept = summary_of(run)
    revalue(run.path / "evaluation.json", lambda found: found["baseline"].update(acc=0.125))
    assert summary_of(run).accuracy == 0.125
    keep_summary(run)
    said = (run.path / SUMMARY).read_bytes().replace(b"0.125", b"0.625")
    (run.path / SUMMARY).write_bytes(said)
    summary._seen.clear()
    summary._summary.cache_clear()
    assert summary_of(run) == replace(kept, accuracy=0.125)


def test_label_and_status_are_never_kept_beyond_their_files(run):
    before = summary_of(run)
    run.set_label("Monday")
    assert summary_of(run) == replace(before, label="Monday")
    run.write_status(replace(run.status(), state="failed"))
    assert summary_of(run).ended == "failed"
    run.write_status(replace(run.status(), state="running"))
    assert summary_of(run).ended == ""
    (run.path / "status.json").write_bytes(b"{")
    assert "status.json" in summary_of(run).damage


def test_checks_of_all_questions_are_those_of_each_and_keep_the_baseline(whole, run):
    every = [whole.checks(number) for number in range(12)]
    assert (run.path / "checks.npz").exists()
    kept = run.all_checks()
    assert np.array_equal(kept.gaps, np.stack([one.gap[0] for one in every]))
    assert np.array_equal(kept.letter_probabilities, np.stack([one.letter_probabilities for one in every]))
    assert kept.guards.tolist() == [one.guard for one in every]
    (run.path / "checks.npz").unlink()
    gathered = RunFolder(run.path).all_checks()
    assert gathered.baseline == kept.baseline
    assert read_attribution(run).baseline == kept.baseline
    assert json.loads(json.dumps(kept.baseline.acc)) == kept.baseline.acc


def test_checks_of_another_run_are_refused(run, whole, tmp_path, task_file, checkpoint, tiny_model):
    other = Store(tmp_path).create(tiny_config(task_file, checkpoint("llama"), evaluation=None, seed=1))
    execute(other, lambda _: Engine.of(tiny_model("llama")))
    shutil.copyfile(other.path / "checks.npz", run.path / "checks.npz")
    with pytest.raises(RunError, match="these checks are of another setting"):
        run.all_checks()


def test_arrays_that_unpack_to_more_than_a_bound_are_refused_before_they_are_unpacked(run, tmp_path):
    np.savez_compressed(tmp_path / "zeros.npz", scores=np.zeros(300_000_000, dtype=np.int8))
    bomb = (tmp_path / "zeros.npz").read_bytes()
    assert len(bomb) < 1_000_000
    begun = bomb[:-2] + struct.pack("<H", len(COMMENT) + 64) + COMMENT
    (run.path / "sums.npz").write_bytes(begun + hashlib.sha256(begun).hexdigest().encode())
    with pytest.raises(RunError, match=r"claim to unpack to 300\d{6}.*sums\.npz"):
        run.sums()


def test_an_object_in_an_array_file_is_never_made(run):
    np.savez(run.path / "loudness.npz", loudness=np.array([print], dtype=object))
    bad = (run.path / "loudness.npz").read_bytes()
    begun = bad[:-2] + struct.pack("<H", len(COMMENT) + 64) + COMMENT
    (run.path / "loudness.npz").write_bytes(begun + hashlib.sha256(begun).hexdigest().encode())
    with pytest.raises(RunError, match=r"allow_pickle.*loudness\.npz"):
        run.loudness()
