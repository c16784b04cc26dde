"""Reads the weights of a GGUF file under the names and in the layout of transformers. Every tensor is accounted for."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGMLQuantizationType, dequantize
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.modeling_gguf_pytorch_utils import TENSOR_PROCESSORS, TensorProcessor, get_gguf_hf_weights_map

from neuron_core.errors import ModelError, NeuronCoreError
from neuron_core.models.gguf_config import gguf_config
from neuron_core.models.gguf_header import GgufHeader, GgufTensor
from neuron_core.models.gguf_rope import ROPE_TENSORS
from neuron_core.models.stored import COMPUTED
from neuron_core.models.weights import some_of


def config_of_gguf(header: GgufHeader) -> Any:
    """The transformers config. ModelError as `gguf_config` raises it, and for values that transformers refuses."""
    try:
        return AutoConfig.for_model(**gguf_config(header))
    except NeuronCoreError:
        raise
    # A config class checks its fields and raises errors of its own.
    except Exception as error:
        said = " ".join(str(error).split())
        raise ModelError(
            f"the model can't be loaded: the keys of the file make no config: {said}", where=str(header.path)
        ) from None


def weight_names(header: GgufHeader, config: Any) -> dict[str, str]:
    """Name in the file → name in transformers, for each tensor that belongs to the model.

    ModelError for a tensor of a layer that the model does not have, for a weight that the file lacks, and for a weight
    of another size.
    """
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    wanted = set(shapes)
    found = get_gguf_hf_weights_map(model, _processor(header, config), model_type=header.family)
    if header.family == "gpt2":
        found["output.weight"] = "lm_head.weight"
    names = {tensor: found[tensor] for tensor in header.tensors if tensor in found}
    if unknown := sorted(set(header.tensors) - set(names) - set(ROPE_TENSORS)):
        inside = [name for name in unknown if name.startswith("blk.")]
        if inside:
            raise ModelError(
                f"the model can't be loaded: its layers have no place for {some_of(inside)}",
                where=str(header.path),
                accepted=f"the weights of a {config.model_type}, or the same model as a checkpoint folder",
            )
    tied = {"lm_head.weight"} if config.tie_word_embeddings else set()
    missing = sorted(wanted - set(names.values()) - tied)
    if missing := [name for name in missing if not name.endswith(COMPUTED)]:
        raise ModelError(f"the checkpoint lacks {len(missing)} weights, {missing[0]} first", where=str(header.path))
    for tensor, name in names.items():
        stored = header.tensors[tensor].shape
        # GPT-2's are transposed.
        if shapes[name] not in (stored, stored[::-1]):
            raise ModelError(
                f"the weight {tensor} has the shape {stored}, the keys of the file make it {shapes[name]}",
                where=str(header.path),
                accepted="a whole file, fetched or copied anew",
            )
    return names


def unused_tensors(header: GgufHeader, config: Any, names: dict[str, str]) -> tuple[str, ...]:
    """Notes about tensors outside the layers that nothing uses."""
    in_config = ROPE_TENSORS if getattr(config, "rope_parameters", None) else ()
    others = sorted(set(header.tensors) - set(names) - set(in_config))
    return (f"tensors of the GGUF file that nothing uses: {some_of(others)}",) if others else ()


def read_weights(header: GgufHeader, config: Any, names: dict[str, str], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """All weights by their names in transformers, dequantised in float32 and then cast to `dtype`. ModelError for a
    type that can't be dequantised.
    """
    return {name: tensor.to(dtype) for name, tensor in _converted(header, config, names)}


def _converted(header: GgufHeader, config: Any, names: dict[str, str]) -> Iterator[tuple[str, torch.Tensor]]:
    processor = _processor(header, config)
    content = np.memmap(header.path, mode="r", dtype=np.uint8)
    for tensor, name in names.items():
        values = _dequantised(header.path, tensor, header.tensors[tensor], content)
        kept: dict[str, Any] = {"tensors": {}}
        if header.family == "falcon" and ".attn_qkv." in tensor:
            values = _grouped_heads(values, config)
        # The processor of gpt2 would drop the head.
        elif tensor != "output.weight":
            values = processor.process(values, tensor, tensor_key_mapping=names, parsed_parameters=kept).weights
        yield name, torch.from_numpy(np.array(values, dtype=np.float32))


def _dequantised(path: Path, name: str, tensor: GgufTensor, content: np.ndarray) -> np.ndarray:
    raw = content[tensor.start : tensor.start + tensor.n_bytes]
    kind = GGMLQuantizationType[tensor.type_name]
    try:
        return np.asarray(dequantize(raw, kind), dtype=np.float32).reshape(tensor.shape)
    except NotImplementedError:
        raise ModelError(
            f"the model can't be loaded: {name} has the type {kind.name}, which can't be dequantised",
            where=str(path),
            accepted="a file with F32, F16, BF16, Q4_0 to Q8_0, K or I quants",
        ) from None


def _processor(header: GgufHeader, config: Any) -> TensorProcessor:
    """Undoes what the family's converter to GGUF did: permuted heads, norms stored as weight + 1, transposes."""
    make: Callable[..., TensorProcessor] = TENSOR_PROCESSORS.get(header.family, TensorProcessor)
    sizes = {"num_attention_heads": config.num_attention_heads, "n_head": config.num_attention_heads}
    sizes["hidden_size"] = config.hidden_size
    sizes["num_key_value_heads"] = getattr(config, "num_key_value_heads", config.num_attention_heads)
    return make(config=sizes)


def _grouped_heads(values: np.ndarray, config: Any) -> np.ndarray:
    """Puts queries, keys and values into the order of Falcon: for each key head its queries, its key and its value. In
    the file, all queries come first, then all keys, then all values.
    """
    if not config.new_decoder_architecture:
        return values
    groups, size = config.num_kv_heads, config.head_dim
    each = config.num_attention_heads // groups
    query, key, value = np.split(values, [groups * each * size, (groups * each + groups) * size])
    parts = [query.reshape(groups, each * size, *values.shape[1:])]
    parts += [part.reshape(groups, size, *values.shape[1:]) for part in (key, value)]
    return np.concatenate(parts, axis=1).reshape(values.shape)
