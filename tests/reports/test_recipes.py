import shlex
import subprocess
import sys

import pytest

from neuron_core import cli
from neuron_core.commands import common
from neuron_core.commands import run as run_commands
from neuron_core.experiments.plan import OUTPUTS
from neuron_core.models.spec import PLAIN, ModelSpec
from neuron_core.qatt.config import PromptConfig
from neuron_core.reports.recipes.run import command_of, experiment_command, python_of
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig
from neuron_core.runs.demo import demo_config, short_demo_config
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store

CONFIGS = [
    RunConfig("sentiment"),
    RunConfig("sentiment", seed=7, attribution=AttributionConfig(("ace",), 8, "midpoint", 3, 100, 20)),
    RunConfig("sentiment", ModelSpec("some/model", "main", "bfloat16", "cuda:1")),
    RunConfig("sentiment", evaluation=EvaluationConfig(30, (10, 25), random_seeds=2)),
    RunConfig("sentiment", prompt=PromptConfig(letter="B", template="chat")),
    RunConfig(
        "commonsense",
        prompt=PromptConfig(
            "--role of 'mine', C:\\new",
            "",
            "{question}\nOf: {choices}",
            "none",
            distractors="file",
        ),
    ),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_the_commands_make_the_same_config_again(config, tmp_path, monkeypatch):
    monkeypatch.setenv("NEURONLLM_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(common, "carry_through", lambda run, *_: run)
    monkeypatch.setattr(run_commands.results, "attribution", lambda run: {"run": run.id})
    monkeypatch.setattr(run_commands.results, "evaluation", lambda run: {"run": run.id})
    folder = tmp_path / "a run"
    lines = command_of(config, str(folder)).splitlines()
    assert [run_command(line) for line in lines] == [0] * len(lines)
    run = RunFolder(folder) if config.evaluation else Store().runs()[0]
    assert (run.pending() or run).config() == config


def run_command(line: str) -> int:
    words = shlex.split(line)
    assert words[:3] == ["python", "-m", "neuron_core"]
    return cli.main([*words[3:], "--json"])


def test_the_demo_has_a_command_of_its_own():
    assert command_of(short_demo_config()) == "python -m neuron_core demo"
    assert command_of(demo_config()) == "python -m neuron_core demo --whole"
    plain = short_demo_config(ModelSpec(PLAIN))
    assert command_of(plain) == "python -m neuron_core demo --model embedded-plain"


def test_how_many_rows_go_at_once_is_left_to_the_command_line():
    chunked = RunConfig(
        "sentiment", attribution=AttributionConfig(layers_per_pass=2), evaluation=EvaluationConfig(rows_per_pass=9)
    )
    usual = RunConfig("sentiment", evaluation=EvaluationConfig())
    assert command_of(chunked) == command_of(usual)
    assert "rows_per_pass=9" in python_of(chunked)


def test_a_task_file_with_a_blank_in_its_name_is_quoted():
    assert " --task '/my data/mood.jsonl'" in command_of(RunConfig("/my data/mood.jsonl"))


@pytest.mark.parametrize(
    "config",
    [
        RunConfig("sentiment", evaluation=EvaluationConfig(ratios=(0.5,))),
    ],
)
def test_settings_that_the_command_line_does_not_take_have_no_command(config):
    assert command_of(config) is None


@pytest.mark.parametrize("config", CONFIGS)
def test_the_script_names_the_same_config(config):
    script = python_of(config)
    head = script[: script.index("run = Store()")]
    names: dict[str, object] = {}
    exec(head, names)
    assert names["config"] == config


def test_the_script_runs_as_it_is(tmp_path, task_file, checkpoint, monkeypatch):
    monkeypatch.setenv("NEURONLLM_RUNS", str(tmp_path))
    config = RunConfig(
        task=str(task_file),
        model=ModelSpec(str(checkpoint("llama")), device="cpu"),
        attribution=AttributionConfig(steps=2, examples=1, z=12, k=3),
    )
    done = subprocess.run([sys.executable, "-c", python_of(config)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (run,) = Store(tmp_path).runs()
    assert run.status().state == "done"
    assert done.stdout.startswith(run.id)


def test_a_comparison_is_one_command_of_the_experiment():
    model = ModelSpec("some/model", dtype="bfloat16")
    configs = [RunConfig("ner", model, seed=3), RunConfig("/data/my file.csv", model, seed=3)]
    line = experiment_command(["table1", "fig2"], configs, 25)
    assert line == (
        "python -m neuron_core experiment table1 fig2 --tasks 'ner,/data/my file.csv' --k 25 --model some/model "
        "--dtype bfloat16 --seed 3"
    )
    assert set(line.split()) & {"table1", "fig2"} <= set(OUTPUTS)


def test_a_comparison_keeps_the_wording_of_its_first_run():
    config = RunConfig("ner", prompt=PromptConfig(role="", letter="C"))
    line = experiment_command(["table1"], [config], 13)
    assert line.endswith(" experiment table1 --tasks ner --k 13 --role= --demonstration-letter=C")


def test_the_embedded_model_and_the_usual_seed_are_not_named():
    line = experiment_command(["table4"], [RunConfig("ner"), RunConfig("ner")], 13)
    assert line == "python -m neuron_core experiment table4 --tasks ner --k 13"


def test_a_command_leaves_out_a_revision_that_the_command_line_refuses():
    old, hub = (RunConfig(task="a.csv", model=ModelSpec(source, "v9")) for source in ("embedded", "some/model"))
    assert "--revision" not in command_of(old)
    assert "--revision" not in experiment_command(["table2"], [old], 5)
    assert "--revision v9" in command_of(hub)
    assert "--revision v9" in experiment_command(["table2"], [hub], 5)
