"""`experiment` as a user types it, in this process, on a tiny checkpoint."""

import json
from dataclasses import replace

import pytest

from neuron_core import cli
from neuron_core.commands import experiment
from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.experiments import outputs as experiment_outputs
from neuron_core.runs.store import Store
from tests.builders import checkpoint, classification_rows, one_thread, write_jsonl

__all__ = ["checkpoint", "one_thread"]

pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = ("--examples", 4, "--draws", 2, "--attribution-examples", 2, "--steps", 4, "--random-seeds", 1)
NEURONS = ("--k", 6, "--z", 12, "--budgets", "2,6", "--lengths", "1,2")


@pytest.fixture(scope="module")
def words(checkpoint, tmp_path_factory):
    """Everything after the names of the outputs."""
    folder = tmp_path_factory.mktemp("tasks")
    mood = write_jsonl(folder / "mood.jsonl", classification_rows(20))
    tone = write_jsonl(folder / "tone.jsonl", classification_rows(20, ("good", "fair", "bad")))
    return ("--tasks", f"{mood},{tone}", "--model", checkpoint("llama"), "--device", "cpu", *SMALL, *NEURONS)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("experiments")


@pytest.fixture
def command(capfd, monkeypatch, root):
    """`command(*words)`: exit code, standard output, standard error. Runs stay for the tests after it."""
    monkeypatch.setenv("NEURONLLM_RUNS", str(root / "runs"))

    def run(*given):
        capfd.readouterr()
        code = cli.main(["experiment", *map(str, given)])
        return code, *capfd.readouterr()

    return run


def test_rows_of_every_output_are_printed_as_json_and_files_are_written(command, words, root):
    code, out, err = command("table1", "fig4", "fig9", *words, "--out", root / "out", "--json")
    assert code == 0, err
    result = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert result["outputs"] == ["table1", "fig2", "fig9"]
    row = next(row for row in result["rows"] if row["output"] == "table1")
    assert {"method", "task", "direction", "rac", "rcc", "heldout_rac", "heldout_rcc", "verdict"} <= set(row)
    assert "heldout_rcc_interval" in row
    assert sorted(path.name for path in (root / "out").iterdir() if path.is_file()) == sorted(
        [*result["files"], "fig9-measured.json"]
    )
    assert {"loading", "attribution", "evaluation"} <= {row["stage"] for row in result["time"]}


def test_what_is_there_is_used_again_and_printed_without_loading_a_model(command, words, root, monkeypatch):
    before = {run.id for run in Store(root / "runs").runs()}
    assert len(before) == 4
    monkeypatch.setattr(Engine, "__init__", lambda *_, **__: pytest.fail("a model was loaded"))
    code, out, err = command("table1", "table3", "table5", "overlap", *words, "--out", root / "again")
    assert code == 0, err
    assert "=== Table 3: good neurons, bad neurons, both" in out
    assert {run.id for run in Store(root / "runs").runs()} == before


def test_an_evaluation_that_is_replaced_meanwhile_gives_no_table(command, words, root, monkeypatch):
    before = command("table1", *words, "--seed", 7, "--out", root / "whole", "--json")
    assert before[0] == 0
    make = experiment_outputs.make_output

    def replaced(name, setting, runs, cost):
        run = next(iter(runs.main.values()))
        config = run.config()
        run.set_evaluation(replace(config, evaluation=replace(config.evaluation, examples=3)))
        execute(run, lambda _: Engine(config.model))
        return make(name, setting, runs, cost)

    with monkeypatch.context() as patch:
        patch.setattr(experiment_outputs, "make_output", replaced)
        code, out, err = command("table1", *words, "--seed", 7, "--out", root / "mixed", "--json")
    assert (code, out) == (1, "")
    assert "Error: another evaluation of this run was made" in err
    assert not (root / "mixed").exists()
    again = command("table1", *words, "--seed", 7, "--out", root / "mixed", "--json")
    assert json.loads(again[1])["rows"] == json.loads(before[1])["rows"]


def test_figure_9_is_measured_once(command, words, root):
    measured = (root / "out" / "fig9-measured.json").read_bytes()
    assert command("fig9", *words, "--out", root / "out")[0] == 0
    assert (root / "out" / "fig9-measured.json").read_bytes() == measured


@pytest.mark.parametrize("damage", ["cut off", "digit", "empty", "a list"])
def test_a_damaged_measurement_of_figure_9_is_measured_again(command, words, root, damage):
    path = root / "out" / "fig9-measured.json"
    whole = path.read_bytes()
    assert b"seconds" in whole
    spoilt = {
        "cut off": whole[: len(whole) // 2],
        "digit": whole.replace(b'seconds": ', b'seconds": 9', 1),
        "empty": b"",
        "a list": b"[1, 2]",
    }[damage]
    path.write_bytes(spoilt)
    code, _, err = command("fig9", *words, "--out", root / "out")
    assert (code, "Traceback" in err) == (0, False), err
    again = path.read_bytes()
    assert again != spoilt
    assert json.loads(again)["setting"] == json.loads(whole)["setting"]


def test_ctrl_c_says_that_the_same_command_goes_on(command, words, monkeypatch):
    def stop(progress):
        def show(status):
            if status.stage == "attribution" and status.done == 2:
                raise KeyboardInterrupt

        return show

    with monkeypatch.context() as patch:
        patch.setattr(experiment, "stage_bars", stop)
        code, out, err = command("table4", *words, "--seed", 5)
    assert (code, out) == (130, "")
    assert "What was finished is kept: the same `python -m neuron_core experiment` command goes on." in err
    (half,) = [run for run in Store().runs() if run.config().seed == 5]
    assert len(half.scored()) == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("table9",), "unknown experiment 'table9'"),
        (("table1", "--examples", 300), "has 20 examples of different text"),
        (("table1", "--tasks", "nonsense"), "nonsense"),
        (("fig2", "--tasks", "ner"), "two tasks or more"),
        (("table7", "--budget-tasks", "chunking"), "budgets of chunking"),
        (("table1", "--stem", "{nothing}"), "nothing"),
        (("table1", "--demonstration", "no-such-id"), "has no example 'no-such-id'"),
        (("table1", "--distractors", "model"), "unknown distractor source 'model'"),
    ],
)
def test_a_mistake_is_one_line_before_a_model_is_loaded(command, words, monkeypatch, given, said):
    monkeypatch.setattr(Engine, "__init__", lambda *_, **__: pytest.fail("a model was loaded"))
    code, out, err = command(given[0], *words, *given[1:])
    assert (code, out) == (1, "")
    assert said in err
    assert err.count("\n") == 1


def test_the_wording_is_asked_kept_in_the_settings_and_shown_among_those_of_the_report(command, words, root):
    wording = ("--role", "You are a judge of moods.", "--demonstration", "none", "--demonstration-letter", "B")
    code, out, err = command("table4", *words, *wording, "--out", root / "worded", "--json")
    assert code == 0, err
    prompt = json.loads(out)["setting"]["settings"]["prompt"]
    assert (prompt["role"], prompt["demonstration"], prompt["letter"]) == ("You are a judge of moods.", "none", "B")
    page = (root / "worded" / "report.html").read_text(encoding="utf-8")
    assert "You are a judge of moods." in page.split('id="setting"')[1]
    worded = [run for run in Store(root / "runs").runs() if run.config().prompt.role]
    assert len(worded) == 2
    assert all(q.prompt.startswith("You are a judge of moods.\n") for q in worded[0].setting().evaluation)
    assert {row["run"] for row in json.loads(out)["setting"]["runs"]} == {run.id for run in worded}


def test_numbers_that_are_none_are_wrong_usage(command, words):
    assert command("table7", *words, "--budgets", "ten")[0] == 2
    assert command("fig9", *words, "--lengths", "0")[0] == 2


@pytest.mark.browser
def test_the_report_of_the_command_opens_in_a_browser_offline(command, words, chromium_path, root):
    from playwright.sync_api import sync_playwright

    assert command("table1", "fig2", *words, "--out", root / "report")[0] == 0

    faults = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        page = chromium.new_context(offline=True).new_page()
        page.on("console", lambda message: message.type == "error" and faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto((root / "report" / "report.html").as_uri())
        n_plots = page.locator(".plot").count()
        page.wait_for_function(f"document.querySelectorAll('.plot .main-svg').length >= {n_plots}")
        assert n_plots == 4
        assert page.locator("section h2").all_inner_texts()[:2] == [
            "Table 1: every method, K = 6",
            "Figures 2 and 4: cross-task evaluation",
        ]
        chromium.close()
    assert faults == []
