"""Places the layers of a model that does not fit on its device, and reaches their weights (by accelerate).

Everything but the layers is placed on the device, then layers in order until it is full. The next layers are placed on
the other GPUs that the process sees, unless the spec names one GPU: they compute there, and what enters them is copied
from GPU to GPU. The last layers are placed in memory or on disk, and are copied to the device when they compute. Rows
and scores are on the first device.
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

    The work of a pass is left free on every device. ModelError when it does not fit on the first together with
    embedding and head.
    """
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, spec.weight_dtype))
    path = architecture_of(config).layers
    layers = model.get_submodule(path)
    sizes = [sum(p.numel() * p.element_size() for p in layer.parameters()) for layer in layers.children()]
    inside = {id(p) for p in layers.parameters()}
    # `parameters` has a tied weight once.
    fixed = sum(p.numel() * p.element_size() for p in model.parameters() if id(p) not in inside)
    work = working_bytes(dimensions_of_config(config.to_dict()), spec.dtype)
    need = fixed + work
    main: str | int = device.type if device.index is None and device.type == "cpu" else (device.index or 0)
    room = {main: int(SHARE * free_memory(device)) - need}
    if room[main] < 0:
        raise ModelError(
            f"embedding, head and one pass need {need / 1e9:.1f} GB, and {free_memory(device) / 1e9:.1f} GB are free",
            where=f"{spec.title}, {device}",
            accepted="a smaller dtype, or a device with more memory",
        )
    room |= {other: int(SHARE * free_memory(torch.device("cuda", other))) - work for other in _other_gpus(device)}
    if device.type == "cuda":
        room["cpu"] = int(SHARE * free_memory(torch.device("cpu")))
    places: Places = dict.fromkeys(_around(model, path), main)
    for number, size in enumerate(sizes):
        # Layers stay in order, so a place that was too small for one gets none of the later ones.
        while room and next(iter(room.values())) < size:
            room.pop(next(iter(room)))
        place = next(iter(room), "disk")
        if room:
            room[place] -= size
        places[f"{path}.{number}"] = place
    return places


def _other_gpus(device: torch.device) -> range:
    """Numbers of the GPUs that may hold layers beside the first. None if the spec names one GPU, or none."""
    return range(1, torch.cuda.device_count() if device.type == "cuda" and device.index is None else 1)


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
