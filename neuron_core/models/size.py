"""A model's size, from the headers of its files, its config, or the presets, before it is loaded. No torch."""

from dataclasses import dataclass

from neuron_core.models.dimensions import BYTES, Dimensions, dimensions_of_config
from neuron_core.models.folder import read_config
from neuron_core.models.gguf_config import gguf_config
from neuron_core.models.gguf_header import read_gguf_header
from neuron_core.models.hub_cache import cached_config
from neuron_core.models.presets import find_preset
from neuron_core.models.spec import ModelSpec
from neuron_core.models.stored import stored_weights
from neuron_core.paths import user_path

EMBEDDED_PARAMETERS = 134_515_008
"parameters of the pinned file, whose header takes seconds to read"
EMBEDDED_DIMENSIONS = Dimensions("llama", 30, 1536, 576, 9, 3, 64, 49152, 8192, tied=True)


@dataclass(frozen=True)
class Size:
    """The number of parameters, and the dimensions if there is a config."""

    parameters: int
    dimensions: Dimensions | None


def size_of(spec: ModelSpec) -> Size | None:
    """The model's size. None for a hub id that is neither a preset nor has a config in the cache, and for a folder
    without weights and config. ModelError when the header of a file is damaged.
    """
    if spec.is_embedded:
        return Size(EMBEDDED_PARAMETERS, EMBEDDED_DIMENSIONS)
    if spec.is_hub:
        preset = find_preset(spec.source)
        if preset is not None:
            return Size(preset.parameters, preset.dimensions)
        config = cached_config(spec)
        dimensions = config and dimensions_of_config(config, spec.source)
        return Size(dimensions.parameters, dimensions) if dimensions else None
    path = user_path(spec.source)
    if spec.is_gguf:
        if not path.is_file():
            return None
        header = read_gguf_header(path)
        parameters = sum(tensor.n_elements for tensor in header.tensors.values())
        return Size(parameters, dimensions_of_config(gguf_config(header), str(path)))
    dimensions = dimensions_of_config(read_config(path), str(path)) if (path / "config.json").is_file() else None
    files = sorted(path.glob("*.safetensors"))
    if files:
        parameters = sum(weight.n_elements for file in files for weight in stored_weights(file).values())
        return Size(parameters, dimensions)
    return Size(dimensions.parameters, dimensions) if dimensions else None


def n_parameters(spec: ModelSpec) -> int | None:
    """Number of parameters of the model. None if `size_of` gives None."""
    found = size_of(spec)
    return None if found is None else found.parameters


def weight_bytes(spec: ModelSpec) -> int | None:
    """Bytes of the weights in the spec's dtype. None if `size_of` gives None."""
    found = size_of(spec)
    return None if found is None else bytes_of_weights(spec, found)


def bytes_of_weights(spec: ModelSpec, size: Size) -> int:
    """Bytes of the weights in the spec's dtype, or in 4 or 8 bits. Embedding and head are never quantised."""
    whole = size.parameters * BYTES[spec.dtype]
    if spec.load_in is None or size.dimensions is None:
        return whole
    d = size.dimensions
    # 4 bits a number, and a scale for every 64 numbers.
    each = 0.5625 if spec.load_in == "4bit" else 1.0
    return whole - int(d.n_layers * d.layer_parameters * (BYTES[spec.dtype] - each))
