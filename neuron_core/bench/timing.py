"""Measures seconds and memory of work on a device."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

Say = Callable[[str], None]
"takes the name of the stage that begins"


@contextmanager
def timed(device: torch.device, into: list[float], clock: Callable[[], float] = time.perf_counter) -> Iterator[None]:
    """Appends the seconds that the block takes to `into`. Waits for the device before and after."""
    _wait_for(device)
    began = clock()
    yield
    _wait_for(device)
    into.append(clock() - began)


def work_clock(device: torch.device) -> Callable[[], float]:
    """The clock for comparing work on a shared machine: processor seconds of all threads on a CPU, and the usual clock
    elsewhere, where the processor only waits.
    """
    return time.process_time if device.type == "cpu" else time.perf_counter


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def peak_memory_gib(device: torch.device) -> float:
    """Largest memory use so far in GiB: of the CUDA device, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 2**30
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**30 if sys.platform == "darwin" else peak / 2**20


def timed_layers(n_layers: int, n: int) -> list[int]:
    """The middle layer of each of n equal parts of the model. Their mean cost is close to the mean of all layers."""
    return sorted({(2 * i + 1) * n_layers // (2 * n) for i in range(n)})
