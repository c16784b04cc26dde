"""`import neuron_core as nc`: runs from Python, results first, in the folders of the app and the command line."""

import json
import subprocess
import sys
import types
from dataclasses import replace
from pathlib import Path

import pytest

import neuron_core as nc
from neuron_core.cli import main
from neuron_core.errors import ConfigError, ModelError, NeuronCoreError, RunError, TaskError
from neuron_core.models.spec import ModelSpec
from neuron_core.notebook import computing, progress
from neuron_core.reports.run_figures import FIGURES
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig
from neuron_core.runs.run_folder import RunStatus
from neuron_core.runs.store import Store
from tests.run_fixtures import *  # noqa: F403

ROOT = Path(__file__).resolve().parent.parent
PROBE = """
import json, sys
import neuron_core as nc
first = sorted({"torch", "transformers", "plotly", "pandas", "streamlit"} & set(sys.modules))
run = nc.open("demo")
run.neurons(), run.effects(), run.figure("layers"), run._repr_html_(), nc.runs()
print(json.dumps([first, sorted({"torch", "transformers", "streamlit"} & set(sys.modules))]))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory, task_file, checkpoint, one_thread):
    """A store in the environment, and a run made in it by nc.run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEURONLLM_RUNS", str(tmp_path_factory.mktemp("store")))
        model = ModelSpec(str(checkpoint("llama")), device="cpu")
        yield nc.run(task_file, model, examples=3, evaluate=6, k=[4, 6], methods=["ace", "kn"])
        nc.unload()


def test_importing_the_package_loads_nothing_heavy_and_reading_a_run_no_torch():
    found = subprocess.check_output([sys.executable, "-c", PROBE], cwd=ROOT, text=True)
    assert json.loads(found.splitlines()[-1]) == [[], []]


def test_a_run_made_from_python_is_the_newest_of_the_store_and_opens_by_id_and_path(made):
    assert made.state == "done"
    assert [one.id for one in nc.runs()] == [made.id]
    assert nc.open(made.id).path == nc.open(made.path).path == made.path
    assert isinstance(made, nc.Run)
    assert made.id in repr(made)


def test_runs_is_a_function_and_a_package_to_import_from(made):
    import neuron_core.runs.store as store

    assert store.Store is Store
    assert [one.id for one in nc.runs()] == [made.id]


def test_the_command_line_reads_the_run_that_python_made(made, capsys):
    assert main(["resume", "--run", made.id, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["run"] == made.id
    assert len(said["grid"]) == len(made.folder.evaluation().grid)


def test_neurons_are_those_of_the_ranking_best_good_and_worst_bad_first(made):
    frame = made.neurons(k=3)
    assert list(frame.columns) == ["role", "layer", "index", "score"]
    assert list(frame["role"]) == ["good"] * 3 + ["bad"] * 3
    cut = made.folder.ranking().cut(3)
    assert frame.loc[frame["role"] == "good", ["layer", "index"]].to_numpy().tolist() == cut.good.tolist()
    assert frame["score"].iloc[0] > 0 > frame["score"].iloc[3]
    whole = made.folder.ranking().cut(made.folder.setting().k)
    assert len(made.neurons()) == len(whole.good) + len(whole.bad)
    assert not made.neurons(3, "kn").equals(frame)


def test_effects_have_one_row_for_each_method_budget_and_direction(made):
    frame = made.effects()
    assert sorted(set(map(tuple, frame[["method", "k", "direction"]].to_numpy()))) == sorted(
        (method, k, direction) for method in ("ace", "kn") for k in (4, 6) for direction in ("enhancer", "degrader")
    )
    best = made.folder.evaluation().best[0]
    first = frame.iloc[0]
    assert (first["k"], first["ratio"], first["verdict"]) == (best.k, best.ratio, best.verdict)
    assert {"rac", "rac_low", "rac_high", "heldout_rac", "random_rac", "rac_content", "rac_letters"} <= set(frame)
    cell = next(row for row in made.folder.evaluation().grid if (row.k, row.ratio) == (best.k, best.ratio))
    assert first["acc"] == cell.acc


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn(made, name):
    figure = made.figure(name)
    assert len(figure.data) > 0
    assert figure.layout.meta is not None or figure.layout.height


def test_a_question_is_named_by_its_number_or_its_id(made):
    ids = [question.id for question in made.folder.setting().evaluation]
    assert made.figure("question", question=2).to_json() == made.figure("question", question=ids[2]).to_json()
    with pytest.raises(ConfigError, match="there is no question 'none of these'"):
        made.figure("question", question="none of these")


def test_what_a_run_has_not_is_named_with_what_it_has(made):
    with pytest.raises(ConfigError, match=r"no figure is called 'pie'\. Accepted: layers, scores"):
        made.figure("pie")
    with pytest.raises(ConfigError, match=r"no method 'tn'.*Accepted: ace, kn"):
        made.neurons(method="tn")
    with pytest.raises(ConfigError, match=r"K = 5 was not evaluated.*Accepted: 4, 6"):
        made.figure("question", k=5)
    with pytest.raises(ConfigError, match="k is 0"):
        made.neurons(k=0)
    with pytest.raises(RunError, match="no run is called 'nothing'"):
        nc.open("nothing")


def test_a_run_without_an_evaluation_says_how_to_make_one_and_makes_it(made, task_file):
    run = nc.run(replace(made.config, evaluation=None))
    with pytest.raises(RunError, match=r"no finished evaluation.*run\.evaluate\(50\)"):
        run.effects()
    assert run.baseline().n_questions == 9
    run.evaluate(6, k=[4])
    assert set(run.effects()["k"]) == {4}
    written = (run.path / "config.json").stat().st_mtime_ns
    assert run.evaluate(config=run.config.evaluation).state == "done"
    assert (run.path / "config.json").stat().st_mtime_ns == written
    Store().delete(run.id)


def test_the_model_stays_loaded_for_the_next_run_and_another_takes_its_place(made, task_file, checkpoint, monkeypatch):
    config = replace(made.config, evaluation=None)
    nc.run(config)
    kept = computing._loaded[0][1]
    nc.run(config)
    assert computing._loaded[0][1] is kept
    other = replace(config, model=ModelSpec(str(checkpoint("gpt2")), device="cpu"))
    nc.run(other)
    assert len(computing._loaded) == 1
    assert computing._loaded[0][1] is not kept
    nc.unload()
    assert computing._loaded == []
    for one in nc.runs():
        if one.id != made.id:
            Store().delete(one.id)


def test_a_config_holds_every_setting(made, task_file, checkpoint):
    config = RunConfig(
        task=str(task_file),
        model=made.config.model,
        attribution=AttributionConfig(examples=2, steps=4, z=12, k=6),
        evaluation=EvaluationConfig(examples=4, ks=(4,), ratios=(0.5,), random_seeds=0),
    )
    run = nc.run(config, progress=False)
    assert run.config == config
    assert run.effects()["random_rac"].isna().all()
    Store().delete(run.id)


def test_mistakes_are_errors_of_the_project_and_leave_no_folder(made, tmp_path):
    before = {one.id for one in nc.runs()}
    with pytest.raises(TaskError):
        nc.run(tmp_path / "nothing.csv", made.config.model)
    with pytest.raises(
        ConfigError, match=r"methods is the text 'ace'. Accepted: a list of names, for instance \['ace'\]"
    ):
        nc.run("sentiment", methods="ace")
    with pytest.raises(NeuronCoreError):
        nc.run("sentiment", str(tmp_path / "no-model"))
    with pytest.raises(ModelError, match=r"tf32 has no effect on cpu\. Where: dtype\. Accepted: float32; tf32 on"):
        nc.run(made.config.task, replace(made.config.model, dtype="tf32"))
    assert {one.id for one in nc.runs()} == before


class Shown:
    """Stands for IPython's display: what was shown, and what took its place."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def display(self, value, display_id=False):
        self.all.append(value if isinstance(value, str) else type(value).__name__)
        return types.SimpleNamespace(update=self.all.append) if display_id else None


@pytest.fixture
def shown(monkeypatch):
    found = Shown()
    module = types.ModuleType("IPython.display")
    module.HTML, module.display = str, found.display
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return found


def test_in_a_notebook_a_run_shows_a_small_table_and_the_layers_figure(made, shown):
    made._ipython_display_()
    table, figure = shown.all
    assert figure == "Figure"
    assert made.id in table
    assert table.count("<table") == 2
    # Three labels and a neutral option.
    assert "chance 33%" in table


def test_in_a_notebook_progress_is_one_line_drawn_anew(made, shown, monkeypatch):
    monkeypatch.setattr(progress.errors, "is_jupyter", True)
    run = nc.run(replace(made.config, evaluation=None))
    assert "<progress" in "".join(shown.all)
    assert "9 of 9" in "".join(shown.all)
    assert "<div>done</div>" in shown.all[-1]
    count = len(shown.all)
    run.evaluate(4, k=[4], progress=False)
    assert len(shown.all) == count
    Store().delete(run.id)


def test_what_a_file_or_a_model_is_called_stays_text_in_a_notebook(made):
    status = RunStatus(state="running", stage="loading", message="<script>alert(1)</script>")
    assert "<script>" not in progress.status_html(status)
    assert "about 12 s left" in progress.status_html(RunStatus("running", "attribution", 1, 4, eta_s=12.2))
