"""Runs started, watched, cancelled and resumed from the pages."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neuron_core.runs.config import config_to_json
from neuron_core.runs.demo import demo_config
from neuron_core.runs.run_folder import RunStatus
from neuron_core.runs.store import Store
from neuron_core.service.trust import Trust
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import plain
from pages.shared.inputs.evaluation_size import interventions
from tests.pages.conftest import APP, faults, figures, texts

DEADLINE_S = 120.0
PROBE = """
import json, sys
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

app = AppTest.from_file(sys.argv[1], default_timeout=60).run()
found = {"start": [box.value for box in app.error]}
for page in ("questions", "attribution", "layers", "question", "control"):
    app.switch_page(f"pages/{page}.py").run()
    found[page] = [box.value for box in app.error] + [box.message for box in app.exception]
heavy = sorted({name.split(".")[0] for name in sys.modules} & {"torch", "transformers"})
print(json.dumps([found, heavy, len(app.metric)]))
"""


class Recorder:
    """A handle that takes orders and works on nothing."""

    orders: list[tuple]

    def __init__(self, store: Store, *_: object) -> None:
        self.store, self.trust = store, Trust()
        type(self).orders = []

    def submit(self, config, cluster=None):
        self.orders.append(("submit", config))
        return self.store.create(config).id

    def evaluate(self, run_id, evaluation):
        self.orders.append(("evaluate", run_id, evaluation))

    def cancel(self, run_id):
        self.orders.append(("cancel", run_id))

    def resume(self, run_id):
        self.orders.append(("resume", run_id))

    def status(self, run_id):
        return self.store.open(run_id).status()

    def why_not(self, action, run=None):
        return ""

    def active(self):
        return None

    def model(self, spec=None):
        return None

    def loading(self):
        return False

    def worker_memory(self):
        return 0

    def close(self):
        pass


@pytest.fixture
def orders(runs, monkeypatch):
    """The orders that pages give, in place of a handle that carries them out."""
    monkeypatch.setattr("pages.shared.frame.engine.EngineHandle", Recorder)
    return lambda: Recorder.orders


def test_the_demo_button_submits_the_demo_and_shows_its_progress(open_page, orders):
    app = open_page("start")
    app.button(key="run_demo").click().run()
    assert orders() == [("submit", demo_config())]
    assert app.query_params["run"] == Store().runs()[0].id
    assert "Waiting for its turn" in [bar.proto.text for bar in app.get("progress")]


def test_start_submits_what_the_form_says(open_page, orders, full):
    spec = full.config().model
    app = open_page("attribution", {"task": full.config().task, "model_source": spec.source})
    app.number_input(key="examples").set_value(2)
    app.number_input(key="steps").set_value(9)
    app.selectbox(key="rule").set_value("midpoint")
    app.number_input(key="new_z").set_value(30)
    app.number_input(key="seed").set_value(8).run()
    app.button(key="start").click().run()
    ((_, config),) = orders()
    assert (config.task, config.model.source, config.seed) == (full.config().task, spec.source, 8)
    made = config.attribution
    assert (made.examples, made.steps, made.rule, made.z, made.k) == (2, 9, "midpoint", 30, None)
    assert config.evaluation is None


def test_a_run_of_the_same_model_gives_an_estimate(open_page, full):
    chosen = {"model_source": full.config().model.source, "model_device": "cpu"}
    app = open_page("attribution", chosen)
    said = texts(app).replace("\\", "")
    assert f"with m = 4 in the run {session.run_title(full.id)}" in said
    assert [app.number_input(key=key).placeholder for key in ("new_z", "new_k")] == [
        "3 (1.56%)",
        "10 (5.208%)",
    ]


def test_a_running_run_shows_stage_questions_and_time_left_on_every_page(open_page, full):
    with full.held():
        full.write_status(RunStatus("running", "evaluation", 7, 36, eta_s=75.0))
        for page in ("start", "attribution", "control"):
            app = open_page(page, run=full.id)
            bar = app.get("progress")[0].proto
            assert bar.text == "Evaluation: 7 of 36 questions, about 1 min 15 s left"
            assert bar.value == 19
            assert app.button(key=f"cancel_{full.id}").label == "Cancel"


def test_cancel_reaches_the_handle(open_page, orders, full):
    with full.held():
        full.write_status(RunStatus("running", "attribution", 1, 12))
        app = open_page("start", run=full.id)
        app.button(key=f"cancel_{full.id}").click().run()
    assert orders() == [("cancel", full.id)]


@pytest.mark.parametrize("state", ["cancelled", "failed", "running"])
def test_a_run_that_stopped_says_what_is_kept_and_offers_to_resume(open_page, orders, full, state):
    # Said to be running, and held by nobody: the process that worked on it is gone.
    full.write_status(RunStatus(state, "evaluation", 7, 36, "something broke"))
    app = open_page("start", run=full.id)
    word = {"cancelled": "was cancelled", "failed": "failed", "running": "was interrupted"}[state]
    title = plain(session.run_title(full.id))
    assert f"**{title}** {word}. 7 of 36 questions of its evaluation are kept." in texts(app)
    assert ["Something broke" in box.value for box in app.error] == [True] * (state == "failed")
    app.button(key=f"resume_{full.id}").click().run()
    assert orders() == [("resume", full.id)]


def test_a_form_counts_the_interventions_of_every_method(full):
    (full.path / "config.json").write_text(
        config_to_json(
            dataclasses.replace(
                full.config(),
                attribution=dataclasses.replace(full.config().attribution, methods=("ace", "tn", "qrnca+")),
            )
        ),
        encoding="utf-8",
    )
    # Two methods and five random sets over 11 ratios; tn has no bad neurons: ratio 1 alone. Twice for both directions.
    assert interventions(full, 3, 5, None) == (3 * 2 * (7 * 11 + 1), "those of 3 methods or sets")
    # Uniform sets of the same seeds have no bad neurons either.
    assert interventions(full, 1, 2, ("ace", "random")) == (1 * 2 * (3 * 11 + 2), "these neurons")


def test_a_cancelled_run_without_neurons_says_what_to_do(open_page, full):
    for part in ("setting.json", "rankings"):
        path = full.path / part
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    full.write_status(dataclasses.replace(full.status(), state="cancelled", stage="attribution"))
    app = open_page("attribution", run=full.id)
    assert faults(app) == []
    assert "resume it above, or start another run" in texts(app)


def test_evaluate_sends_the_settings_of_the_form(open_page, orders, attributed):
    app = open_page("control", run=attributed.id)
    app.multiselect(key="evaluation_ks").set_value([25, 10])
    app.number_input(key="evaluation_examples").set_value(9)
    app.number_input(key="random_seeds").set_value(1).run()
    assert "27 questions, each under 88 interventions" in texts(app)
    app.button(key="start_evaluation").click().run()
    ((_, run_id, wanted),) = orders()
    assert (run_id, wanted.ks, wanted.examples, wanted.random_seeds) == (attributed.id, (10, 25), 9, 1)


def test_a_chosen_sample_and_all_positions_say_what_they_cost(open_page, orders, attributed):
    app = open_page("control", run=attributed.id)
    assert "further questions" not in texts(app)
    app.segmented_control(key="evaluation_sample").set_value("balanced").run()
    app.segmented_control(key="evaluation_position").set_value("all").run()
    most = attributed.setting().n_examples - 1 - 4
    assert f"first asks a model up to {3 * most} further questions" in texts(app)
    assert "each intervention takes a whole prompt" in texts(app)
    app.button(key="start_evaluation").click().run()
    ((_, _, wanted),) = orders()
    assert (wanted.sample, wanted.position) == ("balanced", "all")


def test_evaluate_these_neurons_leads_to_control(open_page, attributed):
    app = open_page("attribution", run=attributed.id)
    app.button(key="evaluate").click().run()
    assert app.title[0].value == "Control"
    assert app.query_params["run"] == attributed.id


def test_a_run_goes_from_the_form_to_its_result_through_a_real_worker(open_page, runs, tiny_config):
    app = open_page("attribution", {"task": tiny_config.task, "model_source": tiny_config.model.source})
    app.number_input(key="examples").set_value(2)
    app.number_input(key="new_z").set_value(24)
    app.number_input(key="steps").set_value(4).run()
    app.button(key="start").click().run()
    assert faults(app) == []
    run_id = app.query_params["run"]
    _wait(run_id)
    app.run()
    assert len(figures(app)) == 4
    assert len(app.dataframe[0].value) == 10
    assert [line.value for line in app.sidebar.caption if line.value.startswith("In memory: ")]
    question = app.switch_page("pages/questions.py").run().button(key="ask").click().run()
    assert faults(question) == []
    probabilities = question.dataframe[0].value["P"]
    assert probabilities.sum() == pytest.approx(1)
    assert figures(question)[0]["data"][0]["y"] == pytest.approx((100 * probabilities).tolist())


def test_no_page_brings_torch_into_the_server(full):
    root = APP.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", PROBE, str(APP)]
    out = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True)
    found, heavy, n_cards = json.loads(out.stdout.splitlines()[-1])
    assert found == {page: [] for page in found}
    assert heavy == []
    assert n_cards == 2


def test_no_page_renders_html():
    sources = [*APP.parent.glob("pages/**/*.py"), APP]
    assert len(sources) > 10
    assert [path.name for path in sources if "unsafe_allow_html" in Path(path).read_text()] == []


def _wait(run_id: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while (status := engine().status(run_id)).state in ("queued", "running"):
        assert time.monotonic() < deadline, status
        time.sleep(0.2)
    assert status.state == "done", status


def test_more_examples_than_the_task_has_are_said_before_a_run_is_made(open_page, orders, full):
    chosen = {"task": full.config().task, "model_source": full.config().model.source}
    app = open_page("attribution", chosen)
    app.number_input(key="examples").set_value(40).run()
    app.button(key="start").click().run()
    assert [("40 examples" in fault, "41 are asked for" in fault) for fault in faults(app)] == [(True, True)]
    assert orders() == []


def test_several_methods_go_from_the_form_into_the_run_and_are_shown_one_by_one(open_page, orders, full):
    app = open_page("attribution")
    app.multiselect(key="methods").set_value(["kn", "ace"]).run()
    app.button(key="start").click().run()
    ((_, config),) = orders()
    assert config.attribution.methods == ("kn", "ace")
    app = open_page("attribution")
    app.multiselect(key="methods").set_value([]).run()
    assert "without a method" in faults(app)[0]


def test_a_run_of_two_methods_shows_either_and_no_bad_neurons_where_a_method_has_none(open_page, full):
    config = full.config()
    attribution = dataclasses.replace(config.attribution, methods=("ace", "kn"))
    (full.path / "config.json").write_text(config_to_json(dataclasses.replace(config, attribution=attribution)))
    full.save_ranking(full.ranking("ace"), "kn")
    app = open_page("attribution", run=full.id)
    assert faults(app) == []
    assert len(app.dataframe) == 2
    app.segmented_control(key="method_shown").set_value("kn").run()
    assert faults(app) == []
    assert len(app.dataframe) == 1
    assert "names helpful neurons only" in texts(app)
