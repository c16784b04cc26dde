"""How large a model's weights are, read from the headers of its files. No torch: pages ask before a load."""

import json
import math
import struct
from collections.abc import Callable
from pathlib import Path

from neuron_core.errors import ModelError
from neuron_core.models.spec import ModelSpec

EMBEDDED_PARAMETERS = 134_515_008
"of the pinned file; its header takes seconds to read"
BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}


def n_parameters(spec: ModelSpec) -> int | None:
    """Parameters stored in the model's files; None for a hub id and for a folder without safetensors.

    Raises ModelError when a file's header is damaged.
    """
    if spec.is_embedded:
        return EMBEDDED_PARAMETERS
    path = Path(spec.source).expanduser()
    if path.suffix == ".gguf" and path.is_file():
        return _n_elements(path, _gguf_elements)
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else []
    return sum(_n_elements(file, _safetensors_elements) for file in files) if files else None


def weight_bytes(spec: ModelSpec) -> int | None:
    """Memory of the weights in the spec's dtype; None where `n_parameters` is."""
    count = n_parameters(spec)
    return None if count is None else count * BYTES[spec.dtype]


def _n_elements(path: Path, count: Callable[[Path], int]) -> int:
    try:
        return count(path)
    # Whatever struct, json and gguf make of arbitrary bytes.
    except (
        struct.error,
        ValueError,
        IndexError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        MemoryError,
    ):
        raise ModelError("the header of the weights file is damaged", where=str(path)) from None


def _gguf_elements(path: Path) -> int:
    from gguf import GGUFReader

    return sum(int(tensor.n_elements) for tensor in GGUFReader(path).tensors)


def _safetensors_elements(path: Path) -> int:
    """A safetensors file opens with the length of its JSON header, then the header: a shape a tensor."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
