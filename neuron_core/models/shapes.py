"""Llama models of published shapes with random weights, for measurements of speed and memory."""

from dataclasses import replace

import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from neuron_core.errors import ModelError
from neuron_core.models.device import free_memory, pick_device
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.loading import load_model
from neuron_core.models.prepare import prepare_model
from neuron_core.models.spec import PLAIN, ModelSpec

# hidden size, neurons a layer, layers, heads: Touvron et al. 2023, and the released configs.
SHAPES = {
    "smollm2-360m": (960, 2560, 32, 15),
    "llama-2-7b": (4096, 11008, 32, 32),
    "llama-2-13b": (5120, 13824, 40, 40),
}


def random_llama(shape: str, spec: ModelSpec) -> LoadedModel:
    """A model of this shape in the spec's dtype and on its device, with the embedded model's tokenizer.

    The weights are the same in every process on the same kind of device. ModelError for an unknown shape, and when the
    weights are larger than the free memory.
    """
    if shape not in SHAPES:
        raise ModelError(f"unknown shape {shape!r}", accepted=", ".join(SHAPES))
    device, dtype = pick_device(spec), getattr(torch, spec.weight_dtype)
    tokenizer = load_model(ModelSpec(PLAIN, device="cpu")).tokenizer
    hidden, neurons, layers, heads = SHAPES[shape]
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=neurons,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=4096,
    )
    with torch.device("meta"):
        needed = AutoModelForCausalLM.from_config(config, dtype=dtype).num_parameters() * dtype.itemsize
    free = free_memory(device)
    if needed > free:
        raise ModelError(
            f"{shape} in {spec.dtype} takes {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free",
            where=str(device),
            accepted="a smaller dtype, or a device with more memory",
        )
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), torch.device(device):
        torch.manual_seed(0)  # noqa: TID251 - from_config draws weights from the global generator
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    return prepare_model(replace(spec, source=f"{shape} shape, random weights"), model, tokenizer)
