"""The device that a spec asks for, and the memory that is free on it."""

import os

import torch

from neuron_core.errors import ModelError
from neuron_core.models.memory import free_ram
from neuron_core.models.spec import INSTEAD_OF_TF32, TF32, ModelSpec

OVERRIDE = "NVIDIA_TF32_OVERRIDE"
"a variable of the environment; cuBLAS computes nothing in TF32 where it is 0"

OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"parts of torch's messages on CUDA, on a CPU and on an Apple GPU; only the first has an error class of its own"


def pick_device(spec: ModelSpec) -> torch.device:
    """The device of a spec. `auto` stands for CUDA if there is one, else for the CPU.

    ModelError when this machine has no such device, for a dtype other than float32 on MPS, and for tf32 where it would
    have no effect.
    """
    device = _device(spec)
    if spec.dtype == TF32:
        _check_tf32(spec, device)
    return device


def _device(spec: ModelSpec) -> torch.device:
    if spec.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if spec.device.startswith("cuda"):
        return _cuda(spec.device)
    if spec.device == "mps":
        if not torch.backends.mps.is_available():
            raise ModelError("no MPS device is available", where="device", accepted="auto, cpu")
        if spec.dtype != "float32":
            raise ModelError(f"{spec.dtype} is not supported on mps", where="dtype", accepted="float32")
    return torch.device(spec.device)


def _cuda(name: str) -> torch.device:
    if not torch.cuda.is_available():
        raise ModelError("no CUDA device is available", where="device", accepted="auto, cpu")
    device, there = torch.device(name), torch.cuda.device_count()
    if device.index is not None and device.index >= there:
        raise ModelError(
            f"there is no device {name}",
            where="device",
            accepted=", ".join(("auto", "cpu", *(f"cuda:{i}" for i in range(there)))),
        )
    return device


def _check_tf32(spec: ModelSpec, device: torch.device) -> None:
    """ModelError where products would not be rounded to TF32, so that a run never claims what it did not do."""
    spec.check_kind(device.type)
    if torch.version.hip is not None:
        raise ModelError(f"the dtype {TF32} was not tried on AMD GPUs", where="dtype", accepted=INSTEAD_OF_TF32)
    if os.environ.get(OVERRIDE) == "0":
        raise ModelError(f"{OVERRIDE}=0 switches {TF32} off", where="dtype", accepted=f"float32, or no {OVERRIDE}")
    spread = spec.device_map and device.index is None
    for number in range(torch.cuda.device_count()) if spread else (device.index or 0,):
        major, minor = torch.cuda.get_device_capability(number)
        if major < 8:
            name = torch.cuda.get_device_name(number)
            raise ModelError(
                f"the dtype {TF32} has no effect on cuda:{number}, a {name} of compute capability {major}.{minor}",
                where="dtype",
                accepted=INSTEAD_OF_TF32,
            )


def free_memory(device: torch.device) -> int:
    """Bytes that are free for new tensors on this device."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + unused
    # An Apple GPU shares the machine's memory.
    return free_ram()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice, on whatever device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(part in str(error) for part in OUT_OF_MEMORY)
