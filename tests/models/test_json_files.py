"""JSON files that come with a model or for one: whatever stands in them, there is one plain error, and soon."""

import json
import math
import time

import pytest
import torch
from safetensors.torch import save_file

from neuron_core.cni import sets
from neuron_core.errors import ConfigError, ModelError
from neuron_core.models.json_files import MOST_JSON
from neuron_core.models.lora import read_lora
from neuron_core.models.user_families import register_file

DEEP = {"list": "[" * 100_000, "object": '{"a":' * 100_000}
MODULE = "base_model.model.model.layers.0.mlp.down_proj"
CONFIG = {"peft_type": "LORA", "r": 2, "lora_alpha": 4}
SET = {
    "name": "n", "model_title": "m", "model_fingerprint": "f", "n_layers": 2, "n_neurons": 4, "task": "t",
    "method": "ace", "config": {}, "neurons": [{"layer": 0, "index": 1, "score": 1.5, "role": "good"}],
}  # fmt: skip


def adapter(folder, *, a=None, b=None, more=None, **config):
    factors = {
        f"{MODULE}.lora_A.weight": torch.ones(2, 3) if a is None else a,
        f"{MODULE}.lora_B.weight": torch.ones(5, 2) if b is None else b,
    }
    save_file(factors | (more or {}), folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({**CONFIG, **config}))
    return folder


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_nesting_without_end(tmp_path, text):
    adapter(tmp_path)
    (tmp_path / "adapter_config.json").write_text(text)
    with pytest.raises(ModelError, match="the adapter can't be read: it is nested too deep"):
        read_lora(tmp_path)
    (tmp_path / "family.json").write_text(text)
    with pytest.raises(ModelError, match="the architecture file can't be read: it is nested too deep"):
        register_file(str(tmp_path / "family.json"))


def test_a_file_of_any_size_is_not_read(tmp_path):
    with (tmp_path / "family.json").open("wb") as file:
        file.truncate(MOST_JSON + 1)
    with pytest.raises(ModelError, match="more than 67108864"):
        register_file(str(tmp_path / "family.json"))


def test_a_family_with_two_names_is_not_taken_by_the_last_one(tmp_path):
    (tmp_path / "family.json").write_text('{"name": "a", "name": "b", "layers": "l", "down_projection": "d"}')
    with pytest.raises(ModelError, match="has the key 'name' twice"):
        register_file(str(tmp_path / "family.json"))


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"lora_alpha": math.nan}, "lacks r or lora_alpha"),
        ({"lora_alpha": math.inf}, "lacks r or lora_alpha"),
        ({"lora_alpha": 10**400}, "lacks r or lora_alpha"),
        ({"lora_alpha": True}, "lacks r or lora_alpha"),
        ({"r": True}, "lacks r or lora_alpha"),
        ({"r": 0}, "lacks r or lora_alpha"),
        ({"alpha_pattern": {"down_proj": math.nan}}, "alpha_pattern can't be read"),
        ({"rank_pattern": {"down_proj": 2.0}}, "rank_pattern can't be read"),
        ({"rank_pattern": {"x" * 1001: 2}}, "rank_pattern can't be read"),
    ],
    ids=str,
)
def test_numbers_of_an_adapter_with_which_nothing_can_be_computed(tmp_path, config, says):
    with pytest.raises(ModelError, match=says):
        read_lora(adapter(tmp_path, **config))


def test_a_pattern_that_would_be_matched_for_years(tmp_path):
    began = time.monotonic()
    with pytest.raises(ModelError, match=r"the adapter's pattern .* takes longer than 2 s"):
        read_lora(adapter(tmp_path, alpha_pattern={r"(?:[a-z0-9._]|[a-z0-9._]{2}|[a-z0-9._]{3})+[A-Z]": 3}))
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("dtype", [torch.int32, torch.bool, torch.complex64, torch.float8_e4m3fn], ids=str)
def test_factors_that_are_no_plain_floats(tmp_path, dtype):
    with pytest.raises(ModelError, match="the adapter's factor is stored as"):
        read_lora(adapter(tmp_path, a=torch.zeros(2, 3).to(dtype)))


def test_factors_that_are_not_finite_or_stand_twice(tmp_path):
    with pytest.raises(ModelError, match="the adapter has values that are not finite"):
        read_lora(adapter(tmp_path, b=torch.full((5, 2), math.nan)))
    for name in ("lora_A.default.weight", "lora_embedding_B"):
        with pytest.raises(ModelError, match="the adapter has two factors of one kind"):
            read_lora(adapter(tmp_path, more={f"{MODULE}.{name}": torch.zeros(2, 3)}))


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("layer", True),
        ("layer", "0"),
        ("layer", 0.0),
        ("score", "1.5"),
        ("score", True),
        ("score", 1e300),
        ("score", 1e-300),
    ],
    ids=str,
)
def test_a_neuron_whose_number_is_another_kind_of_value(part, value):
    assert sets.from_json(json.dumps(SET)).neurons[0].score == 1.5
    wrong = {**SET, "neurons": [{**SET["neurons"][0], part: value}]}
    with pytest.raises(ConfigError):
        sets.from_json(json.dumps(wrong))


def test_a_neuron_set_with_two_scores_of_a_neuron():
    text = json.dumps(SET).replace('"score": 1.5', '"score": 1.5, "score": 3.5')
    for given in (text, text.encode()):
        with pytest.raises(ConfigError, match="the neuron set has the key 'score' twice"):
            sets.from_json(given)
