"""What a checkpoint's files say about their weights, from the headers alone. No torch but for pickled weights."""

import json
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from neuron_core.errors import ModelError

MOST_HEADER = 100_000_000
"bytes of a safetensors header; the library that loads the file has the same bound"
FLOATS = ("F64", "F32", "F16", "BF16")
COMPUTED = (
    "rotary_emb.inv_freq",
    "rotary_emb.cos_cached",
    "rotary_emb.sin_cached",
    ".attn.bias",
    ".attn.masked_bias",
    ".attention.bias",
    ".attention.masked_bias",
    "position_ids",
)
"endings of what old checkpoints hold beside their weights: masks and tables that a model computes itself"
QUANTISED = ("quantization_config", "compression_config", "quantization")
"where a config.json says how its weights are quantised"


@dataclass(frozen=True)
class StoredWeight:
    """One weight in a safetensors file."""

    dtype: str
    "F32, BF16, I8, …"
    shape: tuple[int, ...]

    @property
    def n_elements(self) -> int:
        return prod(self.shape)


def stored_weights(path: Path) -> dict[str, StoredWeight]:
    """The weights of a safetensors file, by name. ModelError when its header is damaged or beyond its bound.

    The file opens with the length of its JSON header, then the header: dtype and shape of each weight.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(path.stat().st_size, MOST_HEADER):
                raise ValueError(f"a header of {length} bytes")
            header = json.loads(file.read(length))
        return {
            name: StoredWeight(str(entry["dtype"]), tuple(int(size) for size in entry["shape"]))
            for name, entry in header.items()
            if name != "__metadata__"
        }
    # Whatever struct and json make of arbitrary bytes.
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError, MemoryError):
        raise ModelError(
            "the model can't be loaded: the header of the weights file is damaged",
            where=str(path),
            accepted="the whole file, fetched or copied anew",
        ) from None


def check_dtypes(files: list[Path], config: dict[str, Any]) -> None:
    """ModelError for weights stored as integers or 8-bit floats where the config does not say how they were made: they
    would be read as if they were the numbers themselves."""
    if any(config.get(name) for name in QUANTISED):
        return
    for file in files:
        dtypes = _pickled(file) if file.suffix == ".bin" else {n: w.dtype for n, w in stored_weights(file).items()}
        for name, dtype in dtypes.items():
            if dtype not in FLOATS and not name.endswith(COMPUTED):
                raise ModelError(
                    f"the weight {name} is stored as {dtype}, and config.json says nothing of quantisation",
                    where=str(file),
                    accepted=f"weights as {', '.join(FLOATS)}, or the config.json that came with these",
                )


def _pickled(path: Path) -> dict[str, str]:
    """Dtype of each weight of a pytorch_model.bin, in the words of safetensors where it is a float; no weight is read.

    What can't be opened this way is left to the load, which says why.
    """
    import torch
    from transformers.modeling_utils import load_state_dict

    words = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
    try:
        found = load_state_dict(path, map_location="meta", weights_only=True)
    except Exception:
        return {}
    tensors = {name: tensor for name, tensor in found.items() if isinstance(tensor, torch.Tensor)}
    return {name: words.get(t.dtype, str(t.dtype).removeprefix("torch.")) for name, t in tensors.items()}
