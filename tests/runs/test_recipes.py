import shlex
import subprocess
import sys

import pytest

from neuron_core import cli
from neuron_core.models.spec import PLAIN, ModelSpec
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig
from neuron_core.runs.demo import demo_config
from neuron_core.runs.recipes import command_of, python_of
from neuron_core.runs.store import Store

CONFIGS = [
    RunConfig("sentiment"),
    RunConfig("sentiment", seed=7, attribution=AttributionConfig("ace", 8, "midpoint", 3, 100, 20)),
    RunConfig("sentiment", ModelSpec("some/model", "main", "bfloat16", "cuda:1")),
    RunConfig("sentiment", evaluation=EvaluationConfig(30, (10, 25), random_seeds=2)),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_the_commands_make_the_same_config_again(config, tmp_path, monkeypatch):
    monkeypatch.setenv("NEURONLLM_RUNS", str(tmp_path))
    monkeypatch.setattr(cli, "_execute", lambda run: run)
    monkeypatch.setattr(cli.report, "attribution", lambda run: {"run": run.id})
    monkeypatch.setattr(cli.report, "evaluation", lambda run: {"run": run.id})
    monkeypatch.setattr("neuron_core.runs.store.RunFolder.setting", lambda run: object())
    first, *others = command_of(config, "RUN").splitlines()
    assert run_command(first) == 0
    (run,) = Store().runs()
    for line in others:
        assert run_command(line.replace("RUN", run.id)) == 0
    assert run.config() == config


def run_command(line: str) -> int:
    words = shlex.split(line)
    assert words[:3] == ["python", "-m", "neuron_core"]
    return cli.main([*words[3:], "--json"])


def test_the_demo_has_a_command_of_its_own():
    assert command_of(demo_config(), "RUN") == "python -m neuron_core demo"
    plain = demo_config(ModelSpec(PLAIN))
    assert command_of(plain, "RUN") == "python -m neuron_core demo --model embedded-plain"


def test_a_task_file_with_a_blank_in_its_name_is_quoted():
    assert " --task '/my data/mood.jsonl'" in command_of(RunConfig("/my data/mood.jsonl"), "RUN")


@pytest.mark.parametrize(
    "config",
    [
        RunConfig("sentiment", demonstration_letter="B"),
        RunConfig("sentiment", attribution=AttributionConfig(layers_per_pass=2)),
        RunConfig("sentiment", evaluation=EvaluationConfig(ratios=(0.5,))),
    ],
)
def test_settings_that_the_command_line_does_not_take_have_no_command(config):
    assert command_of(config, "RUN") is None


@pytest.mark.parametrize("config", [*CONFIGS, RunConfig("sentiment", demonstration_letter="B")])
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
