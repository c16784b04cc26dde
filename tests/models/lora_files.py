"""Adapters as PEFT writes them, with drawn factors."""

import json

import torch
from safetensors.torch import save_file

RANK, ALPHA = 3, 8
CONFIG = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "base_model_name_or_path": "some/base", "bias": "none"}
TARGETS = {
    "llama": ("model.layers.1.mlp.down_proj", "model.layers.2.self_attn.q_proj", "lm_head"),
    "gpt2": ("transformer.h.1.mlp.c_proj", "transformer.h.2.attn.c_proj", "transformer.h.0.attn.c_attn"),
}


def write_adapter(folder, model, targets, tensors=None, prefix="base_model.model.", **config):
    """A folder as PEFT writes it, its factors drawn."""
    folder.mkdir(exist_ok=True)
    found = {}
    generator = torch.Generator().manual_seed(3)
    for path in targets:
        shape = model.get_submodule(path).weight.shape
        out, inner = shape if hasattr(model.get_submodule(path), "in_features") else reversed(shape)
        rank = config.get("rank_pattern", {}).get(path.split(".")[-1], config.get("r", RANK))
        found[f"{prefix}{path}.lora_A.weight"] = torch.randn(rank, inner, generator=generator) * 0.2
        found[f"{prefix}{path}.lora_B.weight"] = torch.randn(out, rank, generator=generator) * 0.2
    save_file(found | (tensors or {}), folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({**CONFIG, **config}))
    return folder, found
