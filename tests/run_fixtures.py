"""What tests of runs share: a task file and a run that nothing interrupted."""

from pathlib import Path

import pytest

from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from tests.builders import checkpoint, classification_rows, one_thread, tiny_model, write_jsonl
from tests.run_helpers import long_config

__all__ = ["_one_thread", "checkpoint", "one_thread", "task_file", "tiny_model", "whole_long_run"]


@pytest.fixture(autouse=True)
def _one_thread(one_thread):
    """Every test here works on tiny tensors."""


@pytest.fixture(scope="session")
def task_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 sentences with three labels."""
    return write_jsonl(tmp_path_factory.mktemp("tasks") / "weather.jsonl", classification_rows(48))


@pytest.fixture(scope="module")
def whole_long_run(tmp_path_factory, task_file, checkpoint, tiny_model, one_thread) -> RunFolder:
    """A long run that nothing interrupted, made in this process."""
    run = Store(tmp_path_factory.mktemp("whole")).create(long_config(task_file, checkpoint("llama")))
    execute(run, lambda _: Engine.of(tiny_model("llama")))
    return run
