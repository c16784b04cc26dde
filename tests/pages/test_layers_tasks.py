"""Layers: tasks beside each other, and all scores."""

import shutil

import pytest

from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.summary import keep_summary, summary_of
from neuron_core.tasks.load import load_task
from pages.shared.views.comparisons import AskedTask, asked_tasks, comparable_runs, without_run
from tests.pages.conftest import faults, figures, texts
from tests.run_helpers import revalue

TASKS, SCORES = "tasks beside each other", "all scores"


@pytest.fixture
def other_task(full) -> RunFolder:
    """The same run once more, had it been another task's, with its good and bad neurons exchanged."""
    copy = full.path.with_name("20000101-000000-weather")
    shutil.copytree(full.path, copy)
    revalue(copy / "setting.json", lambda setting: setting.update(task_name="weather", task_fingerprint="0" * 16))
    run = RunFolder(copy)
    ranking = run.ranking()
    arrays = vars(ranking) | {"scores": -ranking.scores[::-1], "neurons": ranking.neurons[::-1]}
    run.save_ranking(type(ranking)(**arrays))
    return run


def view(app, name):
    return app.segmented_control(key="layers_view").set_value(name).run()


def test_tasks_of_the_same_model_stand_side_by_side(open_page, full, other_task):
    app = view(open_page("layers", run=full.id), TASKS)
    assert faults(app) == []
    good, _, bad, _ = figures(app)[0]["data"]
    counts = [[row[t] for row in good["z"]] for t in (0, 1)]
    assert [sum(column) for column in counts] == [10, 10]
    # Exchanged roles: what is good for one task is bad for the other.
    assert counts[0] == [row[1] for row in bad["z"]]
    said = texts(app).replace("\\", "")
    # A run whose title begins with its task is not named twice.
    assert "bad neurons. mood · " in said
    assert "mood: mood" not in said
    assert "weather: mood · " in said


def test_lines_and_change_are_drawn_for_two_tasks(open_page, full, other_task):
    app = view(open_page("layers", run=full.id), TASKS)
    app.segmented_control(key="layers_kind").set_value("lines and mean").run()
    assert [trace["name"] for trace in figures(app)[0]["data"]][2] == "mean over tasks"
    app.segmented_control(key="layers_kind").set_value("change without shared neurons").run()
    assert faults(app) == []
    assert "rounds" in texts(app)


def test_a_single_task_is_shown_and_says_that_there_is_no_other(open_page, full):
    app = view(open_page("layers"), TASKS)
    assert faults(app) == []
    assert "one task only" in texts(app)
    assert len(figures(app)) == 1


def test_runs_of_another_model_are_not_compared(open_page, full, other_task):
    revalue(other_task.path / "setting.json", lambda setting: setting["model"].update(fingerprint="another"))
    assert list(comparable_runs(full)) == ["mood"]


def test_tasks_of_one_name_that_ask_other_questions_are_two_tasks(full, other_task):
    revalue(other_task.path / "setting.json", lambda setting: setting.update(task_name="mood"))
    own = full.setting().task_fingerprint
    revalue(other_task.path / "status.json", lambda status: status.update(created=1.0))
    found = {name: run.id for name, run in comparable_runs(full).items()}
    assert found == {f"mood ({own[:6]})": full.id, "mood": other_task.id}
    # The task of the oldest run keeps the name.
    revalue(other_task.path / "status.json", lambda status: status.update(created=9e9))
    found = {name: run.id for name, run in comparable_runs(full).items()}
    assert found == {"mood": full.id, "mood (000000)": other_task.id}


def test_a_bundled_task_keeps_its_name_beside_an_own_one_of_that_name(full, other_task):
    bundled = load_task("sentiment").task.fingerprint
    revalue(other_task.path / "setting.json", lambda setting: setting.update(task_name="sentiment"))
    found = comparable_runs(full)
    assert list(found) == ["mood", "sentiment (000000)"]
    assert "sentiment" in without_run(found)
    assert asked_tasks(found, ["sentiment", "sentiment (000000)"]) == {
        "sentiment": AskedTask(bundled, "sentiment"),
        "sentiment (000000)": AskedTask("0" * 16, full.config().task),
    }
    revalue(other_task.path / "setting.json", lambda setting: setting.update(task_fingerprint=bundled))
    found = comparable_runs(full)
    assert list(found) == ["mood", "sentiment"]
    assert "sentiment" not in without_run(found)


def test_one_task_under_two_names_is_one_task(full, other_task):
    own = full.setting().task_fingerprint
    revalue(other_task.path / "setting.json", lambda setting: setting.update(task_fingerprint=own))
    assert {name: run.id for name, run in comparable_runs(full).items()} == {"mood": full.id}


def test_a_summary_of_an_earlier_version_is_read_again(full):
    keep_summary(full)
    revalue(full.path / "summary.json", lambda said: said["summary"].pop("task_fingerprint"))
    assert summary_of(full).task_fingerprint == full.setting().task_fingerprint


def test_the_map_of_all_scores_says_what_a_cell_is(open_page, full):
    app = view(open_page("layers"), SCORES)
    assert faults(app) == []
    heat = figures(app)[0]["data"][0]
    assert (len(heat["z"]), len(heat["z"][0])) == (4, 48)
    assert "Each cell is one neuron." in texts(app)


def test_a_chosen_line_of_the_table_opens_its_neuron(open_page, full):
    app = open_page("layers")
    app.session_state["open_neuron"] = "1.2"
    app.run()
    assert app.title[0].value == "Neuron"
    assert app.query_params["neuron"] in ("1.2", ["1.2"])
