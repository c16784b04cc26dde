"""Places the layers of a model that does not fit on its device, and reaches their weights (by accelerate).

Everything but the layers is placed on the device, then layers in order until it is full. The other layers are placed in
memory or on disk, and are copied to the device when they compute. A model is not spread over several GPUs, because rows
and scores are on one device.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM

from neuron_core.errors import ModelError
from neuron_core.models.architectures import architecture_of
from neuron_core.models.device import free_memory
from neuron_core.models.dimensions import dimensions_of_config
from neuron_core.models.memory import working_bytes
from neuron_core.models.spec import ModelSpec

SHARE = 0.9
"part of the free memory that is used; the rest is for fragments and other processes"

# At every load it prints the placement that was asked for.
logging.getLogger("accelerate.big_modeling").setLevel(logging.ERROR)

Places = dict[str, str | int]


def place_layers(spec: ModelSpec, config: Any, device: torch.device) -> Places:
    """Module path → device, `cpu` or `disk`, for every part of the model. Only the config is needed.

    ModelError when embedding, head and the work of a pass do not fit on the device.
    """
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, spec.dtype))
    path = architecture_of(config).layers
    layers = model.get_submodule(path)
    sizes = [sum(p.numel() * p.element_size() for p in layer.parameters()) for layer in layers.children()]
    inside = {id(p) for p in layers.parameters()}
    # `parameters` has a tied weight once.
    fixed = sum(p.numel() * p.element_size() for p in model.parameters() if id(p) not in inside)
    need = fixed + working_bytes(dimensions_of_config(config.to_dict()), spec.dtype)
    main: str | int = device.type if device.index is None and device.type == "cpu" else (device.index or 0)
    on_device = int(SHARE * free_memory(device)) - need
    if on_device < 0:
        raise ModelError(
            f"embedding, head and one pass need {need / 1e9:.1f} GB, and {free_memory(device) / 1e9:.1f} GB are free",
            where=f"{spec.title}, {device}",
            accepted="a smaller dtype, or a device with more memory",
        )
    in_memory = int(SHARE * free_memory(torch.device("cpu"))) if device.type == "cuda" else 0
    places: Places = dict.fromkeys(_around(model, path), main)
    for number, size in enumerate(sizes):
        if size <= on_device:
            place, on_device = main, on_device - size
        elif size <= in_memory:
            place, in_memory, on_device = "cpu", in_memory - size, 0
        else:
            place, on_device, in_memory = "disk", 0, 0
        places[f"{path}.{number}"] = place
    return places


def _around(model: nn.Module, path: str) -> Iterator[str]:
    """Paths of all modules that are neither layers nor contain them."""
    prefix = ""
    for step in path.split("."):
        at = model.get_submodule(prefix.rstrip(".")) if prefix else model
        yield from (f"{prefix}{name}" for name, _ in at.named_children() if name != step)
        prefix += f"{step}."


def is_placed(model: nn.Module) -> bool:
    """Whether accelerate moves parts of the model."""
    return any(hasattr(module, "_hf_hook") for module in model.modules())


@contextmanager
def weights_of(module: nn.Module) -> Iterator[dict[str, torch.Tensor]]:
    """The parameters and the saved buffers of a module by name, wherever they are placed; not
    those of its submodules.
    """
    from accelerate.utils import align_module_device

    with align_module_device(module):
        gone = module._non_persistent_buffers_set
        yield {
            **dict(module.named_parameters(recurse=False)),
            **{name: value for name, value in module.named_buffers(recurse=False) if name not in gone},
        }
