"""What a model needs beside what this machine has, before anything large is read. No torch."""

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
"of a usual pass: six layers' rows at m = 16, and a prompt longer than those of the bundled tasks"
LEAST_ROWS = 18
"one layer's rows at m = 16: the smallest pass"
RESERVE = 256 * 2**20
"of libraries, buffers and the rest of this process"
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Need:
    """Memory of a model at work, in bytes."""

    weights: int
    working: int
    "in a usual pass"
    least: int
    "weights and the smallest pass"

    @property
    def total(self) -> int:
        return self.weights + self.working


def row_numbers(dimensions: Dimensions) -> int:
    """Numbers that one row keeps in one layer until its backward pass: about 10 D + 5 I.

    On an H100 a pass of a Llama-2-7B shape took 1.3 GB beside its weights; this gives 1.5 GB."""
    return 10 * dimensions.hidden_size + 5 * dimensions.n_neurons


def working_bytes(dimensions: Dimensions, dtype: str, *, rows: int = ROWS, tokens: int = TOKENS) -> int:
    """Memory of an attribution pass beside the weights: what `rows` keep for their backward pass, and the prompt's
    keys and values."""
    d, size = dimensions, BYTES[dtype]
    kept = rows * d.n_layers * row_numbers(d)
    cached = 2 * d.n_layers * d.kv_size * tokens
    return RESERVE + size * (kept + cached)


def need_of(spec: ModelSpec) -> Need | None:
    """What a model will need; None for one whose size is not known before it is fetched."""
    found = size_of(spec)
    if found is None:
        return None
    weights = bytes_of_weights(spec, found)
    if found.dimensions is None:
        return Need(weights, 0, weights)
    least = working_bytes(found.dimensions, spec.dtype, rows=LEAST_ROWS)
    return Need(weights, working_bytes(found.dimensions, spec.dtype), weights + least)


def free_ram(freed: int = 0) -> int:
    """Bytes of memory that this process can still take: what the machine has free, within its container's limit.

    freed: what a model that leaves first gives back.
    """
    free = int(psutil.virtual_memory().available)
    # A container's limit is not in the machine's own numbers; without one, the files are absent or say "max".
    with suppress(OSError, ValueError):
        limit = int((CGROUP / "memory.max").read_text())
        used = int((CGROUP / "memory.current").read_text())
        stat = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
        free = min(free, limit - used + int(stat.get("inactive_file", 0)))
    return max(0, free) + freed


def free_for(spec: ModelSpec, freed: int = 0) -> tuple[str, int | None]:
    """The device that the spec will get, `cpu`, `mps` or `cuda:N`, and the bytes that are free on it.

    As `pick_device`, without torch. None: a GPU is asked for and nothing here tells of it. freed: as in `free_ram`;
    what a model gives back on a GPU is not known.
    """
    if spec.device == "auto" or spec.device.startswith("cuda"):
        number = int(spec.device.partition(":")[2] or 0)
        on_gpu = free_on_gpu(number)
        if spec.device != "auto" or on_gpu is not None:
            return f"cuda:{number}", on_gpu
    # An Apple GPU works in the machine's memory.
    return ("mps" if spec.device == "mps" else "cpu"), free_ram(freed)


def what_fits(spec: ModelSpec, free: int, *, can_spread: bool = True) -> list[str]:
    """What to choose instead, most like it first: a smaller dtype, layers kept elsewhere, a smaller preset."""
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
    """The largest preset that fits in this dtype with room for a usual pass, as a phrase."""
    fitting: Sequence[tuple[int, str]] = [
        (preset.parameters, f"{preset.id} ({gigabytes(need.total)})")
        for preset in PRESETS
        if (need := need_of(ModelSpec(preset.id, dtype=dtype))) and need.total <= free
    ]
    return max(fitting)[1] if fitting else None


def check_fits(spec: ModelSpec, free: int, where: str) -> None:
    """ModelError when the model can't fit into `free` bytes: what it needs, what there is, what would fit."""
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
    """`0.54 GB`, `27.0 GB`; of 10^9 bytes."""
    return f"{n_bytes / 1e9:.2f} GB" if n_bytes < 1e9 else f"{n_bytes / 1e9:.1f} GB"
