"""Llama models with random weights of published shapes: speed and memory need no trained ones."""

import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from neuron_core.errors import ModelError
from neuron_core.models.loading import LoadedModel, load_model, pick_device, prepare_model
from neuron_core.models.spec import PLAIN, ModelSpec

# hidden size, neurons a layer, layers, heads: Touvron et al. 2023, and the released configs.
SHAPES = {"llama-2-7b": (4096, 11008, 32, 32), "llama-2-13b": (5120, 13824, 40, 40)}


def random_llama(shape: str, spec: ModelSpec) -> LoadedModel:
    """A model of this shape in the spec's dtype and on its device, with the embedded model's tokenizer."""
    if shape not in SHAPES:
        raise ModelError(f"unknown shape {shape!r}", accepted=", ".join(SHAPES))
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
    torch.manual_seed(0)  # noqa: TID251 - from_config draws weights from the global generator
    with torch.device(pick_device(spec)):
        model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, spec.dtype))
    return prepare_model(spec, model, tokenizer)
