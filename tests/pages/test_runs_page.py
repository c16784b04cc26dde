"""The Runs page: history, comparison, label, deletion, export."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest

from neuron_core.cni.sets import from_json
from neuron_core.reports.run_page import runs_html
from neuron_core.runs.config import AttributionConfig, config_to_json
from neuron_core.runs.run_folder import RunFolder, RunStatus
from neuron_core.runs.store import Store
from pages.shared.frame import session
from pages.shared.inputs import neuron_sets
from pages.shared.views import run_export
from pages.shared.views.run_history import TICKED
from tests.pages.conftest import faults, texts


@pytest.fixture
def second(full) -> RunFolder:
    """The same run with other steps in its config."""
    copy = full.path.with_name("20000101-000000-mood")
    shutil.copytree(full.path, copy)
    config = replace(full.config(), attribution=replace(full.config().attribution, steps=7))
    (copy / "config.json").write_text(config_to_json(config))
    return RunFolder(copy)


def select(app, *places):
    app.session_state[TICKED] = [app.dataframe[0].value["id"][place] for place in places]
    return app.run()


def test_the_history_has_every_run_newest_first(open_page, full, second):
    table = open_page("runs").dataframe[0].value
    assert table["id"].tolist() == [full.id, second.id]
    assert all(title.startswith("mood · ") for title in table["run"])
    assert table["state"].tolist() == ["finished"] * 2
    assert table["methods"].tolist() == ["ace"] * 2
    assert table["accuracy"].tolist() == [full.evaluation().baseline.acc] * 2


@pytest.mark.parametrize(("page", "key"), [("runs", "rename"), ("overview", "rename_shown")])
def test_a_run_is_renamed_where_it_is_seen(open_page, full, page, key):
    app = open_page(page)
    app.text_input(key=f"{key}_label_{full.id}").set_value("first try")
    next(button for button in app.button if button.label == "Rename").click().run()
    assert faults(app) == []
    assert full.label() == "first try"
    assert "first try" in app.sidebar.selectbox(key="shown_run").options
    assert "first try" in "".join(block.proto.popover.label for block in popovers(app.main)) + texts(app)


def popovers(node):
    """Every popover of a page: AppTest has no accessor for them."""
    for child in getattr(node, "children", {}).values():
        if getattr(child.proto, "popover", None) and child.proto.popover.label:
            yield child
        yield from popovers(child)


def test_a_run_is_deleted_only_after_a_second_click(open_page, full, second):
    app = open_page("runs", run=full.id)
    assert len(Store().runs()) == 2
    app.button(key=f"confirm_delete_{full.id}").click().run()
    assert faults(app) == []
    assert [run.id for run in Store().runs()] == [second.id]
    assert app.query_params["run"] in (second.id, [second.id])


@pytest.mark.parametrize("waits", [False, True], ids=["at-once", "after-a-look"])
def test_a_click_on_delete_never_deletes_another_run_than_the_one_that_was_seen(open_page, full, second, waits):
    newer, oldest = full.path.with_name("29991231-000000-mood"), full.path.with_name("19990101-000000-mood")
    for copy in (newer, oldest):
        shutil.copytree(full.path, copy)
    app = select(open_page("runs", run=full.id), 2)
    assert app.dataframe[0].value["id"][2] == second.id
    button = app.button(key=f"confirm_delete_{second.id}")
    # Another session has deleted the first one of the table: every row is another run's.
    shutil.rmtree(newer)
    if waits:
        app.run()
        assert f"Run {second.id}" in [one.help for one in app.header]
    button.click().run()
    assert faults(app) == []
    assert [run.id for run in Store().runs()] == [full.id, oldest.name]


def test_a_click_on_delete_deletes_nothing_when_the_run_that_was_seen_is_gone(open_page, full, second):
    app = select(open_page("runs", run=full.id), 1)
    button = app.button(key=f"confirm_delete_{second.id}")
    shutil.rmtree(second.path)
    button.click().run()
    assert faults(app) == []
    assert [run.id for run in Store().runs()] == [full.id]


def test_ticks_of_a_table_go_with_its_runs(open_page, full, second):
    app = select(open_page("runs", run=full.id), 1)
    before = app.dataframe[0].proto
    shutil.copytree(full.path, full.path.with_name("29991231-000000-mood"))
    after = app.run().dataframe[0].proto
    assert [json.loads(one.selection_default)["selection"]["rows"] for one in (before, after)] == [[1], [2]]
    assert before.id != after.id


def test_the_recent_runs_are_another_table_with_other_runs(open_page, full, second):
    app = open_page("start", run=full.id)
    before = next(one.proto.id for one in app.dataframe if "id" in one.value)
    shutil.rmtree(second.path)
    assert next(one.proto.id for one in app.run().dataframe if "id" in one.value) != before


def test_a_run_that_is_worked_on_can_not_be_deleted(open_page, full):
    with full.held():
        full.write_status(RunStatus("running", "evaluation", 1, 2))
        app = open_page("runs")
        assert faults(app) == []
        popovers = [block for block in app.main if getattr(block.proto, "popover", None)]
        assert all(block.proto.popover.disabled for block in popovers if block.proto.popover.label == "Delete")


def test_a_finished_run_can_be_exported_in_every_format(open_page, full):
    labels = [button.label for button in open_page("runs").download_button]
    for wanted in ("Neurons, CSV", "Neurons, Parquet", "Interventions, CSV", "Everything, JSON", "Report, HTML"):
        assert wanted in labels


def test_exported_files_are_made_when_they_are_asked_for(open_page, full, monkeypatch):
    def made(*_):
        raise AssertionError("made while the page was drawn")

    for name in ("neuron_frame", "grid_frame", "set_json", "runs_html"):
        monkeypatch.setattr(run_export, name, made)
    assert not faults(open_page("runs", run=full.id))


def test_two_chosen_runs_have_one_report(open_page, full, second):
    app = select(open_page("runs"), 0, 1)
    assert faults(app) == []
    assert "Report of both, HTML" in [button.label for button in app.download_button]
    attempts = runs_html({"first": full, "second": second})
    assert attempts.index("first-neurons") < attempts.index("second-neurons") < attempts.index("comparison")


def test_the_demo_can_neither_be_deleted_nor_named(open_page, finished, monkeypatch):
    monkeypatch.setattr(session, "DEMO_FOLDER", finished.path)
    app = open_page("runs")
    assert faults(app) == []
    assert app.dataframe[0].value["id"].tolist() == [session.DEMO]
    assert "Rename" not in [button.label for button in app.button]


def test_a_run_without_results_is_listed_and_has_nothing_to_export(open_page, runs, tiny_config):
    Store().create(replace(tiny_config, attribution=AttributionConfig()))
    app = open_page("runs")
    assert faults(app) == []
    assert "nothing to export" in texts(app)


def test_a_neuron_set_goes_out_of_a_run_as_a_file_and_into_another_run(open_page, full, monkeypatch):
    app = open_page("runs")
    assert "Neuron set, JSON" in [button.label for button in app.download_button]
    found = from_json(neuron_sets.set_json(full))
    cut = full.ranking().cut(10)
    assert [(one.layer, one.index) for one in found.neurons if one.role == "good"] == [
        tuple(n) for n in cut.good.tolist()
    ]
    monkeypatch.setattr(session, "task_name", lambda: "ner")
    monkeypatch.setattr(neuron_sets, "engine", lambda: SimpleNamespace(store=Store()))
    config = neuron_sets.with_set(neuron_sets.config_for(found, [full]), found, 7)
    assert (config.task, config.model, config.seed) == ("ner", full.config().model, 3)
    assert config.attribution.methods == ()
    assert config.evaluation.ks == (7,)
    run = Store().create(config)
    assert [one.neurons for one in run.sets().values()] == [found.neurons]


def test_an_imported_set_is_described_before_it_is_tried(open_page, full):
    app = open_page("runs")
    assert app.get("file_uploader")
    assert faults(app) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b""),
        ("status.json", b""),
        ("setting.json", b'{"task_name": "mo'),
        ("evaluation.json", b'{"grid": ['),
        ("label.txt", b"caf\xe9"),
    ],
)
def test_a_damaged_run_takes_no_page_down_and_is_listed_with_its_file(open_page, full, runs, name, content):
    bent = RunFolder(shutil.copytree(full.path, full.path.with_name("20000101-000000-bent")))
    (bent.path / name).write_bytes(content)
    for page in ("start", "methods", "layers", "cross_task"):
        assert faults(open_page(page, run=full.id)) == [], page
    for page in ("overview", "control", "layers"):
        (said,) = faults(open_page(page, run=bent.id))
        assert "can't be shown" in said
        assert "the page Runs" in said
        assert str(bent.path) not in said.replace("\\", "")
    assert "in three steps" not in texts(open_page("start", run=bent.id))
    app = open_page("runs", run=full.id)
    assert faults(app) == []
    frame = app.dataframe[0].value.set_index("id")
    assert frame["state"][bent.id] == "damaged"
    assert frame["state"][full.id] != "damaged"
    app = select(app, 1)
    (said,) = faults(app)
    assert name in said.replace("\\", "")
    assert {f"repair_{bent.id}", f"confirm_delete_{bent.id}"} <= {button.key for button in app.button}
    if name != "config.json":
        app.button(key=f"repair_{bent.id}").click().run()
        assert faults(app) == []
        assert "damaged" not in set(app.dataframe[0].value["state"])
