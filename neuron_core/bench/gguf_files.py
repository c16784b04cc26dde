"""GGUF files of tiny checkpoints, written as the converters write them: the library's writer, our own layouts.

Nothing here is shared with the code that reads them: a mistake of one side must not cancel one of the other.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from transformers import AutoModelForCausalLM

ARCHITECTURES = {"mistral": "llama", "gemma3_text": "gemma3"}
"families that GGUF names otherwise than transformers"
NONE: Mapping[str, Any] = {}


def write_gguf(
    path: Path,
    folder: Path,
    keys: Mapping[str, Any] = NONE,
    tensors: Mapping[str, np.ndarray] = NONE,
    quantized: gguf.GGMLQuantizationType | None = None,
) -> Path:
    """A GGUF file of the checkpoint in `folder`. keys: further ones, or None to leave one out; tensors likewise."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    config = model.config
    family = ARCHITECTURES.get(config.model_type, config.model_type)
    writer = gguf.GGUFWriter(path, family)
    found = {**sizes(config), **rope_keys(config), **tokenizer_keys(folder)}
    found = {
        name if "." in name.removeprefix("tokenizer.") and name.startswith("tokenizer") else f"{family}.{name}": v
        for name, v in found.items()
    }
    for name, value in {**found, **keys}.items():
        if value is not None:
            add_key(writer, name, value)
    weights = {**named_weights(model, family), **rope_tensors(config)}
    for name, values in {**weights, **tensors}.items():
        if values is None:
            continue
        if quantized is not None and values.ndim == 2 and values.shape[-1] % gguf.GGML_QUANT_SIZES[quantized][0] == 0:
            writer.add_tensor(name, gguf.quantize(values, quantized), raw_dtype=quantized)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def add_key(writer: gguf.GGUFWriter, name: str, value: Any) -> None:
    kinds: dict[type, Any] = {
        bool: writer.add_bool,
        int: writer.add_uint32,
        float: writer.add_float32,
        str: writer.add_string,
    }
    if isinstance(value, list):
        writer.add_array(name, value)
    else:
        kinds[type(value)](name, value)


def sizes(config: Any) -> dict[str, Any]:
    heads = config.num_attention_heads
    inner = getattr(config, "intermediate_size", None) or getattr(config, "n_inner", None)
    found = {
        "block_count": config.num_hidden_layers,
        "context_length": getattr(config, "max_position_embeddings", 2048),
        "embedding_length": config.hidden_size,
        "feed_forward_length": inner or getattr(config, "ffn_hidden_size", None) or 4 * config.hidden_size,
        "attention.head_count": heads,
    }
    groups = getattr(config, "num_key_value_heads", None)
    if config.model_type == "falcon":
        groups = config.num_kv_heads if config.new_decoder_architecture else 1
    if groups:
        found["attention.head_count_kv"] = groups
    if hasattr(config, "rms_norm_eps") and config.model_type != "stablelm":
        found["attention.layer_norm_rms_epsilon"] = float(config.rms_norm_eps)
    for name in ("layer_norm_eps", "layer_norm_epsilon"):
        if hasattr(config, name):
            found["attention.layer_norm_epsilon"] = float(getattr(config, name))
    head_size = getattr(config, "head_dim", None)
    if head_size and head_size * heads != config.hidden_size:
        found |= {"attention.key_length": head_size, "attention.value_length": head_size}
    if config.model_type in ("gemma2", "gemma3_text", "phi3") and getattr(config, "sliding_window", None):
        found["attention.sliding_window"] = config.sliding_window
    for name in ("attn_logit_softcapping", "final_logit_softcapping"):
        if getattr(config, name, None):
            found[name] = float(getattr(config, name))
    if config.model_type == "falcon":
        found["tensor_data_layout"] = "jploski"
    if config.model_type == "stablelm":
        found["use_parallel_residual"] = config.use_parallel_residual
    return found


def rope_of(config: Any) -> dict[str, Any]:
    rope = getattr(config, "rope_parameters", None) or {}
    return rope.get("full_attention", rope)


def rope_keys(config: Any) -> dict[str, Any]:
    rope = rope_of(config)
    if not rope:
        return {}
    head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    found: dict[str, Any] = {
        "rope.dimension_count": int(head_size * rope.get("partial_rotary_factor", 1.0)),
        "rope.freq_base": float(rope["rope_theta"]),
    }
    if "sliding_attention" in config.rope_parameters:
        found["rope.freq_base_swa"] = float(config.rope_parameters["sliding_attention"]["rope_theta"])
    kind = rope["rope_type"]
    if kind in ("linear", "yarn"):
        found |= {"rope.scaling.type": kind, "rope.scaling.factor": float(rope["factor"])}
    if kind in ("yarn", "longrope"):
        found["rope.scaling.original_context_length"] = rope["original_max_position_embeddings"]
    if kind == "longrope":
        original = rope["original_max_position_embeddings"]
        scale = config.max_position_embeddings / original
        found["rope.scaling.attn_factor"] = math.sqrt(1 + math.log(scale) / math.log(original))
    return found


def rope_tensors(config: Any) -> dict[str, np.ndarray]:
    """Factors by which frequencies are divided: Llama 3.1's, computed as the converter does, and LongRoPE's."""
    rope = rope_of(config)
    if rope.get("rope_type") == "longrope":
        return {
            "rope_factors_long.weight": np.array(rope["long_factor"], dtype=np.float32),
            "rope_factors_short.weight": np.array(rope["short_factor"], dtype=np.float32),
        }
    if rope.get("rope_type") != "llama3":
        return {}
    low = rope["original_max_position_embeddings"] / rope["low_freq_factor"]
    high = rope["original_max_position_embeddings"] / rope["high_freq_factor"]
    factors = []
    for j in range(0, config.head_dim, 2):
        length = 2 * math.pi * rope["rope_theta"] ** (j / config.head_dim)
        if length < high:
            factors.append(1.0)
        elif length > low:
            factors.append(rope["factor"])
        else:
            smooth = (rope["original_max_position_embeddings"] / length - rope["low_freq_factor"]) / (
                rope["high_freq_factor"] - rope["low_freq_factor"]
            )
            factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return {"rope_freqs.weight": np.array(factors, dtype=np.float32)}


def tokenizer_keys(folder: Path) -> dict[str, Any]:
    content = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = sorted(content["model"]["vocab"], key=content["model"]["vocab"].__getitem__)
    special = {token["content"] for token in content["added_tokens"]}
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": vocabulary,
        "tokenizer.ggml.token_type": [3 if token in special else 1 for token in vocabulary],
        "tokenizer.ggml.merges": [" ".join(pair) for pair in content["model"]["merges"]],
        "tokenizer.ggml.eos_token_id": 0,
    }


def named_weights(model: Any, family: str) -> dict[str, np.ndarray]:
    config = model.config
    architecture = next(key for key, name in gguf.MODEL_ARCH_NAMES.items() if name == family)
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    found = {}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        suffixes = (".weight", ".bias")
        ours = names.get_name(name, suffixes) or names.get_name(name.removeprefix("transformer."), suffixes)
        assert ours is not None, name
        found[ours] = laid_out(ours, tensor.float().numpy(), family, config)
    return found


def laid_out(name: str, values: np.ndarray, family: str, config: Any) -> np.ndarray:
    heads = config.num_attention_heads
    if family == "llama" and (".attn_q." in name or ".attn_k." in name):
        n = heads if ".attn_q." in name else config.num_key_value_heads
        pairs = values.reshape(n, 2, values.shape[0] // n // 2, *values.shape[1:])
        return np.ascontiguousarray(pairs.swapaxes(1, 2).reshape(values.shape))
    if family in ("gemma2", "gemma3") and name.endswith("norm.weight"):
        return values + 1
    if family == "gpt2" and name.startswith("blk.") and values.ndim == 2:
        return np.ascontiguousarray(values.T)
    if family == "bloom" and ".attn_qkv." in name:
        parts = values.reshape(heads, 3, -1, *values.shape[1:])
        return np.concatenate([parts[:, i].reshape(-1, *values.shape[1:]) for i in range(3)])
    if family == "falcon" and ".attn_qkv." in name and config.new_decoder_architecture:
        groups, size = config.num_kv_heads, config.hidden_size // heads
        parts = values.reshape(groups, heads // groups + 2, size, *values.shape[1:])
        split = (parts[:, :-2], parts[:, -2], parts[:, -1])
        return np.concatenate([part.reshape(-1, *values.shape[1:]) for part in split])
    return values
