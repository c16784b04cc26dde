import pytest

from neuron_core.models.size import EMBEDDED_PARAMETERS, n_parameters, weight_bytes
from neuron_core.models.spec import EMBEDDED, PLAIN, ModelSpec, embedded_gguf


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_the_headers_of_a_checkpoint_count_what_its_model_has(checkpoint, tiny_model, family):
    model = tiny_model(family).model
    wanted = sum(parameter.numel() for parameter in model.parameters())
    assert n_parameters(ModelSpec(str(checkpoint(family)))) == wanted


@pytest.mark.parametrize(("dtype", "size"), [("float64", 8), ("float32", 4), ("bfloat16", 2), ("float16", 2)])
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
