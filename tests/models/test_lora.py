"""LoRA adapters: merged weights against a forward with the low-rank parts beside them, and what is refused."""

import json
import shutil

import pytest
import torch
from safetensors.torch import save_file

from neuron_core.bench.families import configs_of
from neuron_core.bench.small_models import small_checkpoint
from neuron_core.errors import ModelError
from neuron_core.models.loading import load_model
from neuron_core.models.spec import ModelSpec
from tests.builders import tokens
from tests.models.lora_files import ALPHA, CONFIG, RANK, TARGETS, write_adapter


def beside(loaded, found, scale):
    """Logits with each low-rank part computed beside its module, the weights untouched."""
    handles = []
    for path in {name.split("base_model.model.")[1].split(".lora_")[0] for name in found}:
        a, b = (found[f"base_model.model.{path}.lora_{side}.weight"] for side in "AB")
        add = lambda _, args, out, a=a, b=b: out + scale(a.shape[0]) * (args[0] @ a.T @ b.T)  # noqa: E731
        handles.append(loaded.model.get_submodule(path).register_forward_hook(add))
    try:
        return logits(loaded)
    finally:
        for handle in handles:
            handle.remove()


def logits(loaded):
    with torch.no_grad():
        return loaded.model(torch.tensor([tokens(loaded).token_ids])).logits[0]


@pytest.mark.parametrize("family", TARGETS)
@pytest.mark.parametrize(
    ("config", "scale"),
    [
        ({}, lambda rank: ALPHA / rank),
        ({"use_rslora": True}, lambda rank: ALPHA / rank**0.5),
        ({"rank_pattern": {"c_proj": 2, "down_proj": 2}}, lambda rank: ALPHA / rank),
        ({"alpha_pattern": {r"(c_|q_|down_)?\w+": 5}}, lambda rank: 5 / rank),
    ],
)
def test_a_merged_adapter_is_the_low_rank_part_beside_the_weights(
    tmp_path, checkpoint, tiny_model, family, config, scale
):
    plain = tiny_model(family)
    folder, found = write_adapter(tmp_path / "lora", plain.model, TARGETS[family], **config)
    merged = load_model(ModelSpec(str(checkpoint(family)), device="cpu", adapter=str(folder)))
    expected = beside(plain, found, scale)
    assert (logits(merged) - expected).abs().max() < 1e-5 * expected.abs().max()
    assert (logits(plain) - expected).abs().max() > 1e-2
    assert merged.spec.title == f"{family} + lora"
    assert merged.fingerprint != plain.fingerprint


@pytest.mark.parametrize("target", ["lm_head", "model.embed_tokens"])
def test_of_tied_weights_only_the_adapted_one_changes(tmp_path, target):
    small_checkpoint(tmp_path / "base", configs_of(None)["Llama 3.2"])
    plain = load_model(ModelSpec(str(tmp_path / "base"), device="cpu"))
    table = plain.model.get_input_embeddings().weight
    assert table is plain.model.get_output_embeddings().weight
    n, d = table.shape
    kind, a, b = ("embedding_", (RANK, n), (d, RANK)) if "embed" in target else ("", (RANK, d), (n, RANK))
    name, ending = f"base_model.model.{target}.lora_{kind}", "" if kind else ".weight"
    factors = {f"{name}A{ending}": torch.randn(a) * 0.2, f"{name}B{ending}": torch.randn(b) * 0.2}
    folder, _ = write_adapter(tmp_path / "lora", plain.model, (), factors)
    merged = load_model(ModelSpec(str(tmp_path / "base"), device="cpu", adapter=str(folder)))
    change = ALPHA / RANK * (factors[f"{name}B{ending}"] @ factors[f"{name}A{ending}"])
    embedding, head = merged.model.get_input_embeddings().weight, merged.model.get_output_embeddings().weight
    changed, kept = (embedding, head) if kind else (head, embedding)
    assert torch.equal(kept, table)
    assert torch.allclose(changed, table + (change.T if kind else change), atol=1e-6)


def test_an_adapter_of_a_whole_multimodal_model_goes_into_its_text_part(tmp_path):
    small_checkpoint(tmp_path / "base", configs_of(None)["LLaVA 1.5, wrapper"])
    plain = load_model(ModelSpec(str(tmp_path / "base"), device="cpu"))
    target = "model.layers.1.mlp.down_proj"
    folder, found = write_adapter(tmp_path / "lora", plain.model, (target,))
    named = {name.replace("model.model.", "model.model.language_model."): value for name, value in found.items()}
    save_file(named, folder / "adapter_model.safetensors")
    merged = load_model(ModelSpec(str(tmp_path / "base"), device="cpu", adapter=str(folder)))
    expected = beside(plain, found, lambda rank: ALPHA / rank)
    assert (logits(merged) - expected).abs().max() < 1e-5 * expected.abs().max()


def test_an_adapter_beside_the_weights_is_neither_used_nor_left_out_unasked(tmp_path, checkpoint, tiny_model):
    plain, folder = tiny_model("llama"), tmp_path / "model"
    shutil.copytree(checkpoint("llama"), folder)
    _, found = write_adapter(folder, plain.model, TARGETS["llama"])
    with pytest.raises(ModelError, match=r"an adapter lies beside the weights.*--adapter .*model to merge it.*none"):
        load_model(ModelSpec(str(folder), device="cpu"))
    left = load_model(ModelSpec(str(folder), device="cpu", adapter="none"))
    assert left.spec.title == "model"
    assert torch.equal(logits(left), logits(plain))
    merged = load_model(ModelSpec(str(folder), device="cpu", adapter=str(folder)))
    expected = beside(plain, found, lambda rank: ALPHA / rank)
    assert (logits(merged) - expected).abs().max() < 1e-5 * expected.abs().max()


def test_an_adapter_alone_names_its_base(tmp_path, tiny_model):
    folder, _ = write_adapter(tmp_path / "lora", tiny_model("llama").model, TARGETS["llama"])
    with pytest.raises(ModelError, match=r"an adapter of some/base alone.*--model some/base --adapter .*lora"):
        load_model(ModelSpec(str(folder), device="cpu"))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"use_dora": True}, "DoRA"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"bias": "all"}, "biases"),
        ({"init_lora_weights": "pissa"}, "began as pissa"),
        ({"peft_type": "IA3"}, "of the kind IA3"),
        ({"r": 5}, "rank is 5"),
        ({"use_rslora": "false"}, "use_rslora is 'false'"),
        ({"alpha_pattern": {"q_proj": "8"}}, "alpha_pattern can't be read"),
        ({"rank_pattern": {"(": 3}}, "rank_pattern can't be read"),
        ({"rank_pattern": ["q_proj"]}, "rank_pattern can't be read"),
    ],
)
def test_what_is_more_than_a_low_rank_part_is_refused_by_name(tmp_path, checkpoint, tiny_model, config, message):
    folder, _ = write_adapter(tmp_path / "lora", tiny_model("llama").model, TARGETS["llama"])
    (folder / "adapter_config.json").write_text(json.dumps({**CONFIG, **config}))
    with pytest.raises(ModelError, match=message):
        load_model(ModelSpec(str(checkpoint("llama")), device="cpu", adapter=str(folder)))


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"base_model.model.model.layers.9.mlp.down_proj": (32, 48)}, "the model lacks: model.layers.9.mlp.down_proj"),
        ({"base_model.model.model.layers.1.mlp.down_proj": (32, 40)}, r"is \(32, 40\), the weight \(32, 48\)"),
    ],
)
def test_an_adapter_of_another_model_is_refused_before_anything_changes(tmp_path, checkpoint, tensors, message):
    ((name, (out, inner)),) = tensors.items()
    folder = tmp_path / "lora"
    folder.mkdir()
    factors = {f"{name}.lora_A.weight": torch.ones(RANK, inner), f"{name}.lora_B.weight": torch.ones(out, RANK)}
    save_file(factors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps(CONFIG))
    with pytest.raises(ModelError, match=message):
        load_model(ModelSpec(str(checkpoint("llama")), device="cpu", adapter=str(folder)))


@pytest.mark.parametrize(
    ("name", "message"),
    [("base_model.model.lm_head.weight", "no factor"), ("base_model.model.x.lora_A.weight", "without the other")],
)
def test_other_weights_and_half_a_factor_are_refused(tmp_path, checkpoint, name, message):
    save_file({name: torch.ones(RANK, 4)}, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text(json.dumps(CONFIG))
    with pytest.raises(ModelError, match=message):
        load_model(ModelSpec(str(checkpoint("llama")), device="cpu", adapter=str(tmp_path)))


def test_a_folder_without_a_config_is_no_adapter(tmp_path, checkpoint):
    with pytest.raises(ModelError, match=r"the adapter has no config.*a folder with adapter_config\.json"):
        load_model(ModelSpec(str(checkpoint("llama")), device="cpu", adapter=str(tmp_path)))


def test_an_adapter_of_pickled_weights_is_refused(tmp_path, checkpoint):
    (tmp_path / "adapter_config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "adapter_model.bin").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"adapter_model\.safetensors"):
        load_model(ModelSpec(str(checkpoint("llama")), device="cpu", adapter=str(tmp_path)))
