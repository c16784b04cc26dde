"""Asks NVIDIA's driver about the GPUs. Makes no CUDA context, so a page may ask at each rerun. No torch."""

import ctypes
import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIBRARY = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"


class _Memory(ctypes.Structure):
    """nvmlMemory_t, in bytes."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def free_on_gpu(number: int = 0) -> int | None:
    """Bytes free on the GPU that torch calls cuda:`number`. None if torch has no such GPU or the driver can't be asked.

    AMD's GPUs, which torch calls cuda too, are not seen.
    """
    if not torch_is_for_cuda():
        return None
    with _driver() as driver:
        free = [] if driver is None else list(_free(driver))
    seen = [free[place] for place in visible(len(free))]
    return seen[number] if number < len(seen) else None


def torch_is_for_cuda() -> bool:
    """Whether the installed torch was built for CUDA. Does not import it."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return False
    said = Path(found.origin).with_name("version.py")
    return said.is_file() and re.search(r"^cuda\b.*=\s*['\"]", said.read_text(encoding="utf-8"), re.M) is not None


def visible(n_gpus: int) -> list[int]:
    """The driver's numbers of the GPUs that programs see, in torch's order. CUDA_VISIBLE_DEVICES selects them.

    UUIDs are not looked up: for a list of n UUIDs, the first n GPUs are returned.
    """
    said = os.environ.get("CUDA_VISIBLE_DEVICES")
    if said is None:
        return list(range(n_gpus))
    names, found = [name.strip() for name in said.split(",")], []
    for place, name in enumerate(names):
        number = int(name) if name.isdecimal() else place if name.startswith(("GPU-", "MIG-")) else n_gpus
        # As in CUDA, the entries after an invalid one are ignored.
        if number >= n_gpus:
            break
        found.append(number)
    return found


@contextmanager
def _driver() -> Iterator[ctypes.CDLL | None]:
    """The driver's library. None if it is not installed or does not start."""
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        yield None
        return
    if library.nvmlInit_v2() != 0:
        yield None
        return
    try:
        yield library
    finally:
        library.nvmlShutdown()


def _free(driver: ctypes.CDLL) -> Iterator[int]:
    """Bytes free on each GPU. 0 for one that does not answer."""
    count = ctypes.c_uint()
    driver.nvmlDeviceGetCount_v2(ctypes.byref(count))
    for number in range(count.value):
        device, memory = ctypes.c_void_p(), _Memory()
        driver.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(number), ctypes.byref(device))
        driver.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory))
        yield int(memory.free)
