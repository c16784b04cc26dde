"""The demo adapter: written, read back, merged once; made for other weights it is refused."""

import copy

import pytest
import torch
from safetensors.torch import save_file

from neuron_core.errors import ModelError
from neuron_core.models import embedded
from neuron_core.models.adapter import Adapter, adapter_sha256, merge_adapter, read_adapter, write_adapter
from neuron_core.models.loading import load_model
from neuron_core.models.spec import EMBEDDED_SHA256, ModelSpec
from tests.builders import HIDDEN, NEURONS

NAME = "model.layers.1.mlp.down_proj"


@pytest.fixture
def adapter():
    generator = torch.Generator().manual_seed(3)
    factors = (
        torch.randn(2, NEURONS, generator=generator).half(),
        torch.randn(HIDDEN, 2, generator=generator).half(),
    )
    return Adapter(0.5, EMBEDDED_SHA256, {NAME: factors})


def test_an_adapter_is_read_back_as_it_was_written(tmp_path, adapter):
    write_adapter(tmp_path / "a.safetensors", adapter, {"note": "a test"})
    found = read_adapter(tmp_path / "a.safetensors")
    assert (found.scale, found.base_sha256, list(found.factors)) == (0.5, EMBEDDED_SHA256, [NAME])
    assert all(torch.equal(a, b) for a, b in zip(found.factors[NAME], adapter.factors[NAME], strict=True))


def test_merging_adds_the_scaled_product_to_that_weight_and_to_no_other(tiny_model, adapter):
    model = copy.deepcopy(tiny_model("llama").model)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    merge_adapter(model, adapter)
    a, b = (factor.float() for factor in adapter.factors[NAME])
    for name, weight in model.state_dict().items():
        expected = before[name] + 0.5 * b @ a if name == f"{NAME}.weight" else before[name]
        assert torch.allclose(weight, expected, atol=1e-6), name
    assert not torch.equal(model.state_dict()[f"{NAME}.weight"], before[f"{NAME}.weight"])


def test_an_adapter_for_other_weights_is_refused(tiny_model, adapter):
    other = Adapter(adapter.scale, "0" * 64, adapter.factors)
    with pytest.raises(ModelError, match=f"trained on other weights.*{EMBEDDED_SHA256[:12]}"):
        merge_adapter(copy.deepcopy(tiny_model("llama").model), other)


def test_an_adapter_for_a_module_that_is_not_there_is_refused(tiny_model, adapter):
    elsewhere = Adapter(1.0, EMBEDDED_SHA256, {"model.layers.99.mlp.down_proj": adapter.factors[NAME]})
    with pytest.raises(ModelError, match=r"lacks: model\.layers\.99"):
        merge_adapter(copy.deepcopy(tiny_model("llama").model), elsewhere)


def test_an_absent_adapter_says_where_it_belongs(tmp_path, monkeypatch):
    with pytest.raises(ModelError, match=r"adapter is missing.*absent\.safetensors.*assets/adapter"):
        adapter_sha256(tmp_path / "absent.safetensors")
    monkeypatch.setattr(embedded, "ADAPTER_FILE", tmp_path / "absent.safetensors")
    with pytest.raises(ModelError, match="adapter is missing"):
        load_model(ModelSpec(device="cpu"))


def test_a_damaged_adapter_is_a_model_error(tmp_path, adapter):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"not one")
    with pytest.raises(ModelError, match="can't be read"):
        read_adapter(path)
    save_file({f"{NAME}.A": torch.ones(1, 1)}, path, metadata={"scale": "1", "base_sha256": "x"})
    with pytest.raises(ModelError, match="can't be read"):
        read_adapter(path)
    write_adapter(path, adapter, {})
    save_file({f"{NAME}.A": torch.ones(1), f"{NAME}.B": torch.ones(1)}, path)
    with pytest.raises(ModelError, match="can't be read: 'scale'"):
        read_adapter(path)
