import json
import math
import struct

import pytest

from neuron_core.errors import ModelError
from neuron_core.models.size import EMBEDDED_PARAMETERS, n_parameters, size_of, weight_bytes
from neuron_core.models.spec import EMBEDDED, PLAIN, ModelSpec, embedded_gguf
from neuron_core.models.stored import stored_weights


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_the_headers_of_a_checkpoint_count_what_its_model_has(checkpoint, tiny_model, family):
    model = tiny_model(family).model
    wanted = sum(parameter.numel() for parameter in model.parameters())
    assert n_parameters(ModelSpec(str(checkpoint(family)))) == wanted


@pytest.mark.parametrize(
    ("dtype", "size"), [("float64", 8), ("float32", 4), ("tf32", 4), ("bfloat16", 2), ("float16", 2)]
)
def test_weights_take_the_bytes_of_their_dtype(checkpoint, dtype, size):
    spec = ModelSpec(str(checkpoint("llama")), dtype=dtype)
    assert weight_bytes(spec) == n_parameters(spec) * size


def test_the_embedded_count_is_that_of_the_pinned_file():
    assert n_parameters(ModelSpec(str(embedded_gguf()))) == EMBEDDED_PARAMETERS


@pytest.mark.parametrize("source", [EMBEDDED, PLAIN])
def test_the_embedded_models_are_known_without_reading_them(source, monkeypatch):
    monkeypatch.setattr("builtins.open", None)
    assert weight_bytes(ModelSpec(source)) == 4 * 134_515_008


def test_nothing_is_said_of_a_hub_model_and_of_a_folder_without_weights(tmp_path):
    assert weight_bytes(ModelSpec("some/model")) is None
    assert weight_bytes(ModelSpec(str(tmp_path))) is None


@pytest.mark.parametrize("value", [math.inf, math.nan, -1, 0.5, "x", [1, 2], {"a": 1}])
@pytest.mark.parametrize("name", ["num_key_value_heads", "head_dim", "num_hidden_layers", "hidden_size", "vocab_size"])
def test_a_config_whose_sizes_are_no_numbers_is_refused_by_name(checkpoint, tmp_path, name, value):
    folder = tmp_path / "model"
    folder.mkdir()
    config = json.loads((checkpoint("llama") / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, name: value}))
    with pytest.raises(ModelError, match=r"the config (says|lacks)"):
        size_of(ModelSpec(str(folder)))


@pytest.mark.parametrize("shape", [[math.inf], [math.nan], [None], "x", 5, [[1]]])
def test_a_safetensors_header_with_sizes_that_are_no_numbers_is_damaged(tmp_path, shape):
    header = json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4]}}).encode()
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 4)
    with pytest.raises(ModelError, match="header of the weights file is damaged"):
        stored_weights(tmp_path / "model.safetensors")
