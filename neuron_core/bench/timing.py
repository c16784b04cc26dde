"""Seconds and memory of what runs on a device."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def timed(device: torch.device, into: list[float]) -> Iterator[None]:
    """Appends the seconds inside, with all work of the device before and after waited for."""
    _wait_for(device)
    began = time.perf_counter()
    yield
    _wait_for(device)
    into.append(time.perf_counter() - began)


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def peak_memory_gib(device: torch.device) -> float:
    """Largest memory so far: of the CUDA device, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 2**30
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**30 if sys.platform == "darwin" else peak / 2**20
