"""Compares the memory that a model needs with what is free, before anything large is read. No torch."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from neuron_core.errors import ModelError
from neuron_core.models.dimensions import BYTES, Dimensions
from neuron_core.models.gpu import free_on_gpu
from neuron_core.models.presets import PRESETS
from neuron_core.models.size import bytes_of_weights, size_of
from neuron_core.models.spec import ModelSpec

ROWS, TOKENS = 104, 256
"rows and tokens of a usual pass: the rows of six layers at m = 16, and a prompt longer than those of the bundled tasks"
LEAST_ROWS = 18
"rows of the smallest pass: one layer at m = 16"
RESERVE = 256 * 2**20
"bytes for libraries, buffers and the rest of this process"
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Need:
    """The memory that a model needs for an attribution, in bytes."""

    weights: int
    working: int
    "beside the weights, in a usual pass"
    least: int
    "with the weights, in the smallest pass"

    @property
    def total(self) -> int:
        return self.weights + self.working


def row_numbers(dimensions: Dimensions) -> int:
    """How many numbers one row keeps in one layer until the backward pass: about 10 D + 5 I.

    On an H100, a pass of a model with the shape of Llama-2-7B took 1.3 GB beside the weights. This estimate gives 1.5
    GB.
    """
    return 10 * dimensions.hidden_size + 5 * dimensions.n_neurons


def working_bytes(dimensions: Dimensions, dtype: str, *, rows: int = ROWS, tokens: int = TOKENS) -> int:
    """Memory of an attribution pass beside the weights, in bytes: what the rows keep for the backward pass, and the
    keys and values of the prompt.
    """
    d, size = dimensions, BYTES[dtype]
    kept = rows * d.n_layers * row_numbers(d)
    cached = 2 * d.n_layers * d.kv_size * tokens
    return RESERVE + size * (kept + cached)


def need_of(spec: ModelSpec) -> Need | None:
    """The memory that a model needs. None if its size is not known before it is fetched."""
    found = size_of(spec)
    if found is None:
        return None
    weights = bytes_of_weights(spec, found)
    if found.dimensions is None:
        return Need(weights, 0, weights)
    least = working_bytes(found.dimensions, spec.dtype, rows=LEAST_ROWS)
    return Need(weights, working_bytes(found.dimensions, spec.dtype), weights + least)


def free_ram(freed: int = 0) -> int:
    """Bytes of memory that this process can still use: what is free in the machine, within the limit of its container.

    freed: bytes that become free because another model is released first.
    """
    free = int(psutil.virtual_memory().available)
    # The machine's numbers do not include a container's limit. Without a limit, the files are absent or say "max".
    with suppress(OSError, ValueError):
        limit = int((CGROUP / "memory.max").read_text())
        used = int((CGROUP / "memory.current").read_text())
        stat = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
        free = min(free, limit - used + int(stat.get("inactive_file", 0)))
    return max(0, free) + freed


def free_for(spec: ModelSpec, freed: int = 0) -> tuple[str, int | None]:
    """The device that `pick_device` will choose (`cpu`, `mps` or `cuda:N`) and the bytes that are free on it, without
    torch. None instead of bytes if a GPU is asked for that the driver does not report.

    freed: as for `free_ram`. What a released model frees on a GPU is not known.
    """
    if spec.device == "auto" or spec.device.startswith("cuda"):
        number = int(spec.device.partition(":")[2] or 0)
        on_gpu = free_on_gpu(number)
        if spec.device != "auto" or on_gpu is not None:
            return f"cuda:{number}", on_gpu
    # An Apple GPU shares the machine's memory.
    return ("mps" if spec.device == "mps" else "cpu"), free_ram(freed)


def what_fits(spec: ModelSpec, free: int, *, can_spread: bool = True) -> list[str]:
    """What fits instead of the spec, the most similar first: a smaller dtype, layers kept
    elsewhere, a smaller preset.
    """
    found = []
    for dtype in ("float32", "bfloat16"):
        other = need_of(replace(spec, dtype=dtype))
        if BYTES[dtype] < BYTES[spec.dtype] and other and other.least <= free:
            found.append(f"dtype {dtype} ({gigabytes(other.total)})")
    if can_spread and spec.device_map is None and not spec.is_embedded:
        found.append("device_map auto (keeps layers that do not fit elsewhere, down to the disk: slow)")
    if smaller := largest_fitting(spec.dtype, free):
        found.append(smaller)
    return found


def largest_fitting(dtype: str, free: int) -> str | None:
    """The largest preset that fits in this dtype with room for a usual pass, as a phrase. None if no preset fits."""
    fitting: Sequence[tuple[int, str]] = [
        (preset.parameters, f"{preset.id} ({gigabytes(need.total)})")
        for preset in PRESETS
        if (need := need_of(ModelSpec(preset.id, dtype=dtype))) and need.total <= free
    ]
    return max(fitting)[1] if fitting else None


def check_fits(spec: ModelSpec, free: int, where: str) -> None:
    """ModelError when the model does not fit into `free` bytes. It says what is needed, what is free and what would
    fit.
    """
    need = need_of(spec)
    if need is None or need.least <= free or spec.device_map is not None:
        return
    raise ModelError(
        f"the model needs {gigabytes(need.total)} in {spec.dtype} (weights {gigabytes(need.weights)}), "
        f"and {gigabytes(free)} are free",
        where=where,
        accepted="; ".join(what_fits(spec, free)) or "a machine with more memory",
    )


def gigabytes(n_bytes: float) -> str:
    """For instance `0.54 GB` and `27.0 GB`, of 10^9 bytes."""
    return f"{n_bytes / 1e9:.2f} GB" if n_bytes < 1e9 else f"{n_bytes / 1e9:.1f} GB"
