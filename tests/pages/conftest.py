"""A finished run of a tiny model, and the app around it."""

import functools
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest, app_test

from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from pages.shared.frame import session
from pages.shared.frame.engine import end_engines
from tests.builders import checkpoint, classification_rows, one_thread, tiny_model, write_jsonl
from tests.run_helpers import revalue

__all__ = ["checkpoint", "one_thread", "tiny_model"]

# What a page makes when it is opened. Tests see it open, but for those that ask for a page as a visitor finds it.
FOLDS = (
    *("as_command", "as_python", "comparison_command", "comparison_python", "neuron_python", "writing_python"),
    *("as_printed", "entries", "details", "how_computed", "good_all", "bad_all"),
    *("tokens_as_table", "effect_as_table", "contexts_as_table", "model", "model_more"),
)
APP = Path(__file__).resolve().parents[2] / "frame.py"


class Remembering(PagesManager):
    """AppTest forgets that st.navigation has been called, by writing on the class that it knows."""


@pytest.fixture(scope="session", autouse=True)
def components_looked_for_once() -> Iterator[None]:
    """Every AppTest looks for components in all installed packages, which takes longer than most pages."""
    with pytest.MonkeyPatch.context() as patch:
        once = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", once)
        yield


@pytest.fixture(scope="session")
def tiny_config(checkpoint, tmp_path_factory) -> RunConfig:
    """Attribution and evaluation of the tiny llama on a task of forty examples."""
    task = write_jsonl(tmp_path_factory.mktemp("task") / "mood.jsonl", classification_rows(40))
    return RunConfig(
        task=str(task),
        model=ModelSpec(source=str(checkpoint("llama")), device="cpu"),
        seed=3,
        attribution=AttributionConfig(steps=4, examples=4, z=24, k=10),
        evaluation=EvaluationConfig(examples=12, ks=(4, 10), random_seeds=2),
    )


@pytest.fixture(scope="session")
def finished(tiny_config, tiny_model, tmp_path_factory) -> RunFolder:
    """The run of `tiny_config`, carried through by an engine in this process; tests take a copy of it."""
    run = Store(tmp_path_factory.mktemp("finished")).create(tiny_config)
    execute(run, lambda say: Engine.of(tiny_model("llama")))
    return run


@pytest.fixture
def long_running_server(monkeypatch) -> None:
    """AppTest as a server in which some session has been at frame.py before."""
    monkeypatch.setattr(PagesManager, "uses_pages_directory", False)
    monkeypatch.setattr(app_test, "PagesManager", Remembering)


@pytest.fixture
def runs(tmp_path, monkeypatch, long_running_server) -> Iterator[Path]:
    """An empty folder of runs that the app uses; no finished demo, nothing cached from another test."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv("NEURONLLM_RUNS", str(folder))
    monkeypatch.setattr(session, "DEMO_FOLDER", tmp_path / "no-demo")
    st.cache_data.clear()
    yield folder
    # Ends the worker, where a test started one.
    end_engines()
    st.cache_resource.clear()


@pytest.fixture
def full(runs, finished) -> RunFolder:
    """The finished run in the app's folder."""
    shutil.copytree(finished.path, runs / finished.id)
    return RunFolder(runs / finished.id)


@pytest.fixture
def attributed(full) -> RunFolder:
    """The run with its neurons and no evaluation."""
    full.set_evaluation(replace(full.config(), evaluation=None))
    return full


@pytest.fixture
def competent(full) -> RunFolder:
    """The finished run, had its model been good at the task."""
    good = {"acc": 0.9, "competent": True, "complaint": None}
    revalue(full.path / "evaluation.json", lambda evaluation: evaluation["baseline"].update(good))
    return full


@pytest.fixture
def open_page(runs) -> Callable[..., AppTest]:
    """`open_page("layers", run=…)`: a page as a link opens it; `chosen`: what the sidebar is set to.

    closed: whether what is made on opening it stays closed, as a visitor finds it.
    """

    def open_it(name: str, chosen: dict[str, str] | None = None, *, closed: bool = False, **address: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=60)
        app.query_params.update(address)
        for key, value in {**dict.fromkeys(() if closed else FOLDS, True), **(chosen or {})}.items():
            app.session_state[key] = value
        app.run()
        # The first run leaves the address to the browser, which completes it without a step of its history.
        return app.run() if name == "start" else app.switch_page(f"pages/{name}.py").run()

    return open_it


def figures(app: AppTest) -> list[dict[str, Any]]:
    """The Plotly figures of a page, in order."""
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def texts(app: AppTest) -> str:
    """All that a page says in words, outside tables and figures."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "text", "warning", "info", "error", "code")
    return "\n".join(element.value for kind in kinds for element in getattr(app, kind))


def banners(app: AppTest) -> list[str]:
    """What the competence banner says."""
    return [box.value for box in app.warning if box.value.startswith("This model ")]


def faults(app: AppTest) -> list[str]:
    """Error boxes and exceptions of a page."""
    return [*(box.value for box in app.error), *(box.message for box in app.exception)]
