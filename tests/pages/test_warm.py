"""While the server starts, modules are imported and the lines of runs are read."""

import sys

from neuron_core.runs import summary
from neuron_core.runs.store import Store
from pages.shared.frame.warm import SHARED, warm


def test_the_first_visitor_finds_modules_imported_and_runs_read(runs, full, monkeypatch):
    monkeypatch.setattr(summary, "_seen", {})
    warm().join(120)
    assert set(summary._seen) == {str(run.path) for run in Store(runs).runs()}
    assert str(full.path) in summary._seen
    names = {
        ".".join(("pages", "shared", *path.relative_to(SHARED).with_suffix("").parts)) for path in SHARED.rglob("*.py")
    }
    assert len(names) > 50
    assert names <= set(sys.modules)


def test_a_folder_of_runs_that_is_none_is_left_to_the_pages(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("NEURONLLM_RUNS", str(file))
    thread = warm()
    thread.join(120)
    assert not thread.is_alive()
