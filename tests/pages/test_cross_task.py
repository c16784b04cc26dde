"""Cross-task: what is missing, one click, matrices, shared and specific neurons."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from neuron_core.analysis.specific import specific_neurons
from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.experiments.cross_task_runs import cross_config, cross_runs, specific_files
from neuron_core.experiments.make_runs import make_runs
from neuron_core.experiments.parts import part_matrices
from neuron_core.experiments.plan import ExperimentSetting
from neuron_core.experiments.task_comparisons import evaluations_of
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from pages.shared.views import compared, comparisons
from pages.shared.views.compared import specific_of
from pages.shared.views.comparisons import (
    asked_tasks,
    comparable_runs,
    different_methods,
    fingerprints_of,
    of_one_method,
    rankings_of,
)
from pages.shared.views.task_parts import evaluations_with_parts
from tests.builders import classification_rows, write_jsonl
from tests.pages.conftest import faults, figures, texts
from tests.pages.test_methods_page import made_by, script_of
from tests.pages.test_pages_runs import orders
from tests.run_helpers import revalue

__all__ = ["orders"]


@pytest.fixture(scope="session")
def other_finished(tiny_config, tiny_model, tmp_path_factory) -> RunFolder:
    """The tiny model's run on a second task."""
    rows = classification_rows(40, labels=("sunny", "rainy", "windy"))
    task = write_jsonl(tmp_path_factory.mktemp("other") / "weather.jsonl", rows)
    run = Store(tmp_path_factory.mktemp("other-run")).create(replace(tiny_config, task=str(task)))
    execute(run, lambda say: Engine.of(tiny_model("llama")))
    return run


@pytest.fixture
def two_tasks(full, other_finished) -> list[RunFolder]:
    """Finished runs of two tasks of the same model."""
    copy = full.path.parent / other_finished.id
    shutil.copytree(other_finished.path, copy)
    return [full, RunFolder(copy)]


def opened(open_page, run, tasks=("mood", "weather"), k=5):
    app = open_page("cross_task", {}, run=run.id)
    app.multiselect(key="cross_tasks").set_value(list(tasks))
    app.number_input(key="cross_k").set_value(k)
    return app.run()


def test_tasks_without_neurons_are_listed_and_started_in_one_click(open_page, full, orders):
    app = opened(open_page, full, ("mood", "ner"))
    assert faults(app) == []
    assert "on **ner**: an attribution, to find its neurons" in texts(app)
    app.button(key="run_missing").click().run()
    ((kind, config),) = orders()
    assert (kind, config.task, config.model) == ("submit", "ner", full.config().model)
    assert config.attribution.methods == ("ace",)
    assert config.evaluation is not None


def test_with_neurons_of_all_tasks_the_click_starts_an_evaluation_a_task_with_all_sets(open_page, two_tasks, orders):
    app = opened(open_page, two_tasks[0])
    app.button(key="run_missing").click().run()
    configs = [config for _, config in orders()]
    assert [config.task for config in configs] == [run.config().task for run in two_tasks]
    for config, run in zip(configs, two_tasks, strict=True):
        assert config.attribution.methods == ()
        assert {use.name for use in config.sets} == {"specific-1-mood", "specific-2-weather"}
        assert {use.k for use in config.sets} == {5}
        # As many examples as the attribution had are drawn before: none of them is asked about.
        assert config.attribution.examples == run.config().attribution.examples


def test_finished_runs_make_matrices_with_fail_in_words_and_numbers(open_page, two_tasks, tiny_model, monkeypatch):
    submitted = []

    def carry_out(self, config, cluster=None):
        run = Store().create(replace(config, evaluation=replace(config.evaluation, examples=6, random_seeds=1)))
        execute(run, lambda say: Engine.of(tiny_model("llama")))
        submitted.append(run)
        return run.id

    monkeypatch.setattr("neuron_core.service.handle.EngineHandle.submit", carry_out)
    app = opened(open_page, two_tasks[0])
    app.button(key="run_missing").click().run()
    assert faults(app) == []
    assert len(submitted) == 2
    assert not [button for button in app.button if button.key == "run_missing"]
    drawn = figures(app)
    assert len(drawn) == 2
    rows = next(one.value for one in app.dataframe if "source" in one.value)
    assert len(rows) == 8
    evaluation = submitted[0].evaluation()
    own = next(b for b in evaluation.best if (b.source, b.direction) == ("specific-1-mood", "degrader"))
    cell = rows[(rows["source"] == "mood") & (rows["task"] == "mood") & (rows["direction"] == "degrader")]
    assert cell["ratio"].tolist() == [own.ratio]
    (cells,) = (trace["text"] for trace in drawn[0]["data"] if trace.get("mode") == "text")
    assert len(cells) == 4
    pd.testing.assert_frame_equal(made_by(script_of(app), monkeypatch), rows)


@pytest.mark.parametrize(
    ("view", "column"), [("common and specific", "score"), ("overlap", "jaccard"), ("two roles", "good_for")]
)
def test_every_other_view_opens_from_the_rankings_alone_and_can_be_copied(
    open_page, two_tasks, monkeypatch, view, column
):
    app = opened(open_page, two_tasks[0], k=60)
    app.segmented_control(key="view").set_value(view).run()
    assert faults(app) == []
    shown = next(one.value for one in app.dataframe if column in one.value)
    assert len(shown)
    if column == "score":
        # Figure 6.
        (lines,) = figures(app)
        assert [trace["name"] for trace in lines["data"]] == ["common", "common"]
    pd.testing.assert_frame_equal(made_by(script_of(app), monkeypatch), shown)


@pytest.fixture(scope="session")
def parts_runs(checkpoint, tiny_model, tmp_path_factory):
    """The folder of runs that `experiment parts` makes of two small tasks, and its setting."""
    folder = tmp_path_factory.mktemp("parts")
    write_jsonl(folder / "mood.jsonl", classification_rows(24))
    write_jsonl(folder / "tone.jsonl", classification_rows(24, ("good", "fair", "bad")))
    setting = ExperimentSetting(
        tasks=(str(folder / "mood.jsonl"), str(folder / "tone.jsonl")),
        model=ModelSpec(str(checkpoint("llama")), device="cpu"),
        k=6,
        z=12,
        examples=4,
        content_examples=2,
        draws=2,
        steps=2,
        random_seeds=1,
    )
    store = Store(folder / "runs")
    made = make_runs(setting, ("parts",), store, folder / "out", lambda _: Engine.of(tiny_model("llama")))
    return store.root, setting, made


def test_the_parts_of_real_runs_are_three_matrices_with_their_diagonals_marked(open_page, runs, parts_runs):
    folder, setting, made = parts_runs
    shutil.copytree(folder, runs, dirs_exist_ok=True)
    app = open_page(
        "cross_task", {}, run=made.content["mood"].id, view="letter, answering, task", measure="content_acc"
    )
    assert faults(app) == []
    assert app.segmented_control(key="view").value == "letter, answering, task"
    (drawn,) = figures(app)
    titles = [note["text"].partition("<br>")[0] for note in drawn["layout"]["annotations"]]
    assert titles == ["<b>ACE, K = 6</b>", "<b>Content, K = 6</b>", "<b>The task's own part, K = 12</b>"]
    matrices = part_matrices(setting, evaluations_of(made.parts))
    for number, kind in enumerate(("ace", "content", "own")):
        heat = drawn["data"][2 * number]
        expected = matrices[kind]["degrader"].values("content_acc", share=True)
        assert np.isfinite(expected).any()
        assert heat["x"] == heat["y"] == ["mood", "tone"]
        np.testing.assert_allclose(np.array(heat["z"], dtype=float), expected - 1)
        # One frame around each task's own neurons.
        panel = [shape for shape in drawn["layout"]["shapes"] if shape["xref"] == ("x", "x2", "x3")[number]]
        frames = [(shape["x0"] + 0.48, shape["y0"] + 0.48) for shape in panel]
        assert frames == [pytest.approx((0, 0)), pytest.approx((1, 1))]
    rows = next(frame.value for frame in app.dataframe if "content_margin" in frame.value)
    assert len(rows) == 3 * 2 * 2
    app.segmented_control(key="direction").set_value("enhancer").run()
    app.segmented_control(key="parts_measure").set_value("rac").run()
    assert faults(app) == []
    assert len(figures(app)) == 1


def test_matrices_of_parts_take_runs_of_this_model_and_of_one_experiment(runs, parts_runs):
    folder, _, made = parts_runs
    shutil.copytree(folder, runs, dirs_exist_ok=True)
    shown = RunFolder(runs / made.content["mood"].id)
    tasks = asked_tasks(comparable_runs(shown), ["mood", "tone"])
    parts = {task: RunFolder(runs / run.id) for task, run in made.parts.items()}
    assert evaluations_with_parts(shown, tasks) == {task: run.evaluation() for task, run in parts.items()}

    def newer(run, name, change):
        copy = RunFolder(shutil.copytree(run.path, runs / f"29990101-000000-{name}"))
        change(copy)
        return copy

    def of_another_model(run):
        revalue(run.path / "setting.json", lambda setting: setting["model"].update(fingerprint="another"))

    def of_other_neurons(run):
        for path in (run.path / "sets").glob("own-*.json"):
            revalue(path, lambda found: found.update(neurons=found["neurons"][:1]))

    def of_other_examples(run):
        revalue(run.path / "setting.json", lambda setting: setting.update(task_fingerprint="0" * 16))

    for number, change in enumerate((of_another_model, of_other_neurons, of_other_examples)):
        newer(parts["mood"], f"{number:016x}", change)
    found = evaluations_with_parts(shown, tasks)
    assert found == {task: run.evaluation() for task, run in parts.items()}


def test_a_trial_on_other_examples_of_the_same_name_is_not_taken(two_tasks, tiny_model):
    chosen = dict(zip(("mood", "weather"), two_tasks, strict=True))
    files = specific_files(
        specific_neurons(rankings_of(chosen), 5),
        two_tasks[0].setting().model,
        {task: run.config() for task, run in chosen.items()},
    )
    own = two_tasks[0].config()
    usual = replace(own.evaluation, examples=6, random_seeds=1)
    run = Store().create(cross_config(replace(own, evaluation=usual), "mood", files, Store().root / "sets", 5, usual))
    fingerprints = fingerprints_of(chosen)
    assert cross_runs([run], files, 5, fingerprints) == {"mood": run}
    execute(run, lambda say: Engine.of(tiny_model("llama")))
    assert cross_runs([run], files, 5, fingerprints) == {"mood": run}
    assert cross_runs([run], files, 5, {**fingerprints, "mood": "0" * 16}) == {}


def test_what_rankings_share_is_computed_once_for_a_state_of_their_files(two_tasks, monkeypatch):
    chosen = dict(zip(("mood", "weather"), two_tasks, strict=True))
    first, n = specific_of(chosen, 4), []
    monkeypatch.setattr(compared, "specific_neurons", lambda *given: n.append(1) or specific_neurons(*given))
    assert specific_of(chosen, 4) is first
    specific_of(chosen, 3)
    os.utime(chosen["mood"].path / "rankings", (1, 1))
    assert specific_of(chosen, 4).rankings.keys() == first.rankings.keys()
    assert len(n) == 2


def test_tasks_of_one_method_are_compared_at_first_and_a_mixture_is_said(two_tasks, monkeypatch):
    mood, weather = two_tasks
    found = {"mood": mood, "weather": weather, "other": mood}
    assert of_one_method(mood, found) == list(found)
    assert different_methods(found) is None
    first = {mood.path: "ace", weather.path: "content"}
    monkeypatch.setattr(comparisons, "rankings_of_run", lambda run: {first[run.path]: None})
    assert of_one_method(mood, found) == ["mood", "other"]
    # Alone it could not be compared.
    assert of_one_method(weather, found) == list(found)
    assert "NeuronLLM (ACE) for mood, other; Content (letter-free) for weather" in different_methods(found)


def test_before_a_set_was_tried_there_is_a_command_and_no_python(open_page, two_tasks):
    app = opened(open_page, two_tasks[0])
    assert [code for code in app.code if " experiment fig2 " in code.value]
    assert not [code for code in app.code if "table = " in code.value]


def test_one_task_is_not_enough_and_says_so(open_page, full):
    app = opened(open_page, full, ("mood",))
    assert faults(app) == []
    assert "compares the neurons of two or more tasks" in texts(app)
