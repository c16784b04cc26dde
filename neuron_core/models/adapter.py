"""The demo adapter: low-rank additions to the weights of the embedded model, merged when these are converted."""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from neuron_core.errors import ModelError
from neuron_core.models.spec import EMBEDDED_SHA256, sha256_of


@dataclass(frozen=True, eq=False)
class Adapter:
    """W' = W + scale · B A for each named Linear (LoRA, Hu et al. 2021, Eq. 3)."""

    scale: float
    base_sha256: str
    "SHA-256 of the GGUF file that it was trained on"
    factors: dict[str, tuple[torch.Tensor, torch.Tensor]]
    "module path → (A (r, in), B (out, r)), float16 on disk"


def adapter_sha256(path: Path) -> str:
    """SHA-256 of the adapter file, in hex. ModelError when the file is absent."""
    if not path.is_file():
        raise ModelError("the demo adapter is missing", where=path.name, accepted="the file shipped in assets/adapter")
    return sha256_of(path)


def read_adapter(path: Path) -> Adapter:
    """Reads the adapter file. ModelError when it is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            meta = file.metadata() or {}
            names = sorted({key.rsplit(".", 1)[0] for key in file.keys()})  # noqa: SIM118
            factors = {name: (file.get_tensor(f"{name}.A"), file.get_tensor(f"{name}.B")) for name in names}
        return Adapter(float(meta["scale"]), meta["base_sha256"], factors)
    except (SafetensorError, KeyError, ValueError) as error:
        raise ModelError(f"the demo adapter can't be read: {error}", where=path.name) from error


def write_adapter(path: Path, adapter: Adapter, notes: dict[str, str]) -> None:
    """Writes the factors in half precision; `notes` go into the file's metadata."""
    tensors = {}
    for name, (a, b) in adapter.factors.items():
        tensors[f"{name}.A"] = a.half().contiguous().cpu()
        tensors[f"{name}.B"] = b.half().contiguous().cpu()
    save_file(tensors, path, metadata={**notes, "scale": str(adapter.scale), "base_sha256": adapter.base_sha256})


@torch.no_grad()
def merge_adapter(model: nn.Module, adapter: Adapter) -> None:
    """Adds scale · B A to every named weight, in float32. ModelError when the adapter was trained on other weights."""
    if adapter.base_sha256 != EMBEDDED_SHA256:
        raise ModelError(
            "the demo adapter was trained on other weights", accepted=f"base sha256 {EMBEDDED_SHA256[:12]}…"
        )
    for name, (a, b) in adapter.factors.items():
        try:
            weight: torch.Tensor = model.get_submodule(name).weight  # type: ignore[assignment]
        except AttributeError:
            raise ModelError(f"the demo adapter names a module that the model lacks: {name}") from None
        delta = adapter.scale * (b.float() @ a.float())
        weight += delta.to(weight.device, weight.dtype)
