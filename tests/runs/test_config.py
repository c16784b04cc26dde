"""Settings out of range are named at once, and a config survives JSON."""

import json
import math
from dataclasses import replace

import pytest

from neuron_core.errors import ConfigError, ModelError
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.config import PromptConfig
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig, config_from_json, config_to_json

FULL = RunConfig(
    task="/data/mood.jsonl",
    model=ModelSpec("some/model", "main", "bfloat16", "cuda:1"),
    seed=7,
    prompt=PromptConfig(rule="Say the letter.", letter="B", template="chat"),
    attribution=AttributionConfig(("ace",), 8, "midpoint", 3, 100, 20, 2),
    evaluation=EvaluationConfig(30, (10, 25), (0.0, 0.3, 1.0), 2, "last", rows_per_pass=9),
)


@pytest.mark.parametrize("config", [FULL, RunConfig("ner"), RunConfig("ner", evaluation=EvaluationConfig())])
def test_a_config_comes_back_from_json_as_it_was(config):
    assert config_from_json(config_to_json(config)) == config
    assert config_from_json(config_to_json(config).encode()) == config


def test_what_a_config_leaves_out_takes_the_usual_value():
    assert config_from_json('{"task": "ner"}') == RunConfig("ner")
    assert RunConfig("ner").attribution == AttributionConfig(("ace",), 16, "right", 5, None, None)
    assert EvaluationConfig().ratios == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    assert EvaluationConfig().ks == (10, 25, 50, 100, 150, 200, 250, 500)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"methods": ("integrated",)},
            "unknown method 'integrated'. Accepted: ace, tn, qrnca, tn+, qrnca+, kn, content, act",
        ),
        ({"methods": ("random",)}, "unknown method 'random'. Accepted: ace"),
        ({"methods": ("kn", "kn")}, "methods kn, kn. Accepted: each once"),
        ({"keep_bytes": -1}, "keep_bytes is -1"),
        ({"rule": "left"}, "unknown rule 'left'. Accepted: right, midpoint, gauss-legendre"),
        ({"steps": 0}, "steps is 0. Accepted: 1 to 4,096"),
        ({"steps": 10**9}, "steps is 1000000000. Accepted: 1 to 4,096"),
        ({"examples": 10**9}, "examples is 1000000000. Accepted: 1 to 1,000,000"),
        ({"z": 10**30}, "z is 1000"),
        ({"k": 10**9}, "k is 1000000000. Accepted: 1 to 100,000,000"),
        ({"examples": 0}, "examples is 0"),
        ({"z": 0}, "z is 0"),
        ({"k": -3}, "k is -3"),
        ({"layers_per_pass": 0}, "layers_per_pass is 0"),
    ],
)
def test_a_wrong_setting_of_the_attribution_is_named(settings, said):
    with pytest.raises(ConfigError) as caught:
        AttributionConfig(**settings)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"examples": 1}, "examples is 1. Accepted: 2 to 1,000,000"),
        ({"examples": 10**9}, "examples is 1000000000. Accepted: 2 to 1,000,000"),
        ({"random_seeds": 10**9}, "random_seeds is 1000000000. Accepted: 0 to 1,000"),
        ({"ks": (10, 10**9)}, "a budget is 1000000000. Accepted: 1 to 100,000,000"),
        ({"ks": tuple(range(1, 2000))}, "the number of budgets is 1999. Accepted: 1 to 1,000"),
        ({"random_seeds": -1}, "random_seeds is -1"),
        ({"rows_per_pass": 0}, "rows_per_pass is 0"),
        ({"position": "first"}, "unknown position 'first'. Accepted: last, all"),
        ({"sample": "easy"}, "unknown sample 'easy'. Accepted: natural, balanced, comprehended"),
        ({"methods": ("best",)}, "unknown method 'best'"),
        ({"comprehended_by": ModelSpec()}, "a natural sample is not chosen by a model"),
        ({"ks": ()}, "budgets []. Accepted: different whole numbers from 1"),
        ({"ks": (0, 10)}, "budgets [0, 10]"),
        ({"ks": (10, 10)}, "budgets [10, 10]"),
        ({"ratios": ()}, "ratios []. Accepted: different tenths from 0 to 1"),
        ({"ratios": (0.25,)}, "ratios [0.25]"),
        ({"ratios": (1.1,)}, "ratios [1.1]"),
        ({"ratios": (-0.1,)}, "ratios [-0.1]"),
        ({"ratios": (0.5, 0.5)}, "ratios [0.5, 0.5]"),
        ({"ratios": (math.nan,)}, "ratios [nan]"),
        ({"ratios": (math.inf,)}, "ratios [inf]"),
    ],
)
def test_a_wrong_setting_of_the_evaluation_is_named(settings, said):
    with pytest.raises(ConfigError) as caught:
        EvaluationConfig(**settings)
    assert said in str(caught.value)


def test_a_negative_seed_is_refused_before_a_run_can_fail_at_its_end():
    with pytest.raises(ConfigError, match=r"seed is -1.*0 or more"):
        RunConfig("ner", seed=-1)
    with pytest.raises(ConfigError, match="seed is -1"):
        replace(FULL, seed=-1)


@pytest.mark.parametrize("letter", [None, "B"])
def test_a_config_of_before_the_prompt_had_settings_opens_with_its_demonstration_letter(letter):
    old = json.loads(config_to_json(FULL)) | {"demonstration_letter": letter}
    del old["prompt"]
    assert config_from_json(json.dumps(old)) == replace(FULL, prompt=PromptConfig(letter=letter))


def changed(**changes):
    return json.dumps({**json.loads(config_to_json(FULL)), **changes})


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "Invalid JSON"),
        ("[]", "run config is wrong"),
        ("{}", "Where: task"),
        (changed(seed="many"), "Where: seed"),
        (changed(attribution={"steps": "x"}), "Where: attribution.steps"),
        (changed(prompt={"role": 3}), "Where: prompt.role"),
        (changed(evaluation={"ks": [10, "x"]}), "Where: evaluation.ks.1"),
    ],
)
def test_a_damaged_config_names_the_field(text, where):
    with pytest.raises(ConfigError, match="the run config is wrong") as caught:
        config_from_json(text)
    assert where in str(caught.value)


def test_settings_read_from_json_are_checked_like_those_that_are_typed():
    with pytest.raises(ConfigError, match="steps is 0"):
        config_from_json(changed(attribution={"steps": 0}))
    with pytest.raises(ConfigError, match=r"ratios \[nan\]"):
        config_from_json(changed(evaluation={"ratios": [math.nan]}))
    with pytest.raises(ModelError, match="unknown dtype"):
        config_from_json(changed(model={"dtype": "int4"}))
