"""A finished run of a tiny model, and the app around it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig
from neuron_core.runs.engine import Engine
from neuron_core.runs.execute import execute
from neuron_core.runs.store import RunFolder, Store
from pages.shared import state
from tests.builders import checkpoint, classification_rows, one_thread, tiny_model, write_jsonl

__all__ = ["checkpoint", "one_thread", "tiny_model"]

APP = Path(__file__).resolve().parents[2] / "app.py"
Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def tiny_config(checkpoint, tmp_path_factory) -> RunConfig:
    """Attribution and evaluation of the tiny llama on a task of forty examples."""
    task = write_jsonl(tmp_path_factory.mktemp("task") / "mood.jsonl", classification_rows(40))
    return RunConfig(
        task=str(task),
        model=ModelSpec(source=str(checkpoint("llama")), device="cpu"),
        attribution=AttributionConfig(steps=4, examples=4, z=24, k=10),
        evaluation=EvaluationConfig(examples=12, ks=(4, 10), random_seeds=2),
    )


@pytest.fixture(scope="session")
def finished(tiny_config, tiny_model, tmp_path_factory) -> RunFolder:
    """The run of `tiny_config`, carried through by the engine itself; tests take a copy of it."""
    run = Store(tmp_path_factory.mktemp("finished")).create(tiny_config)
    execute(run, lambda say: Engine.of(tiny_model("llama")))
    return run


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    """An empty folder of runs that the app uses; no finished demo, nothing cached from another test."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv("NEURONLLM_RUNS", str(folder))
    monkeypatch.setattr(state, "DEMO_FOLDER", tmp_path / "no-demo")
    st.cache_data.clear()
    yield folder
    # Ends the worker of the handle, where a test started one.
    st.cache_resource.clear()


@pytest.fixture
def full(runs, finished) -> str:
    """The id of the finished run, in the app's folder."""
    shutil.copytree(finished.path, runs / finished.id)
    return finished.id


@pytest.fixture
def attributed(full, runs) -> str:
    """The id of a run that has its neurons and no evaluation."""
    folder = RunFolder(runs / full)
    config = folder.config()
    folder.set_evaluation(RunConfig(config.task, config.model, attribution=config.attribution))
    return full


@pytest.fixture
def open_page(runs) -> Open:
    """`open_page("layers", run=…)`: a page as a link opens it."""

    def open_it(name: str, **address: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=60)
        app.query_params.update(address)
        app.run()
        return app if name == "start" else app.switch_page(f"pages/{name}.py").run()

    return open_it
