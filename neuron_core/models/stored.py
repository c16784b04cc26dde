"""Dtypes and shapes of the weights in safetensors files, from their headers. No torch."""

import json
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path

from neuron_core.errors import ModelError

MOST_HEADER = 100_000_000
"largest header of a safetensors file, in bytes; the library that loads the file has the same limit"
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
"endings of entries of old checkpoints that are no weights: masks and tables that a model computes itself"
QUANTISED = ("quantization_config", "compression_config", "quantization")
"fields of a config.json that say how the weights are quantised"


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
    """The weights of a safetensors file, by name. ModelError when its header is damaged or too large.

    The file begins with the length of its header, which is JSON with the dtype and shape of each weight.
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
    # Errors of struct and json for arbitrary bytes.
    except (
        struct.error,
        ValueError,
        ArithmeticError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        MemoryError,
    ):
        raise ModelError(
            "the model can't be loaded: the header of the weights file is damaged",
            where=str(path),
            accepted="the whole file, fetched or copied anew",
        ) from None
