"""Whether every layer adds its neurons as they are: one factor in one layer is enough to say no."""

import pytest
import torch

from neuron_core.models.residual import adds_neurons
from tests.builders import LAYERS


@pytest.mark.parametrize("layer", range(LAYERS))
@pytest.mark.parametrize("factor", [0.95, 1.004, 0.22])
def test_a_factor_in_any_one_layer_is_found(tiny_model, monkeypatch, layer, factor):
    loaded = tiny_model("llama")
    mlp = loaded.layers[layer].mlp
    own = mlp.forward
    monkeypatch.setattr(mlp, "forward", lambda x: own(x) * factor)
    assert not adds_neurons(loaded)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("family", ["llama", "gpt2", "opt", "bloom", "gpt_neox", "phi"])
def test_a_layer_that_adds_them_as_they_are_is_known_in_every_dtype(tiny_model, family, dtype):
    assert adds_neurons(tiny_model(family, dtype))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_factor_that_half_precision_can_tell_is_found_there_too(tiny_model, monkeypatch, dtype):
    loaded = tiny_model("llama", dtype)
    mlp = loaded.layers[1].mlp
    own = mlp.forward
    monkeypatch.setattr(mlp, "forward", lambda x: own(x) * 0.9)
    assert not adds_neurons(loaded)


@pytest.mark.parametrize("size", [1e-4, 1e4])
def test_neurons_that_write_little_or_much_beside_the_residual_stream_hide_nothing(tiny_model, monkeypatch, size):
    loaded = tiny_model("llama")
    mlp = loaded.layers[2].mlp
    weight = mlp.down_proj.weight
    own = mlp.forward
    before = weight.detach().clone()
    with torch.no_grad():
        weight *= size
    try:
        assert adds_neurons(loaded)
        monkeypatch.setattr(mlp, "forward", lambda x: own(x) * 0.95)
        assert not adds_neurons(loaded)
    finally:
        # All tests share the model: dividing by the size again would round.
        with torch.no_grad():
            weight.copy_(before)
