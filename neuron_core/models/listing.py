"""The tables of architectures and presets, as a dict for JSON and as text for a terminal. No torch."""

from dataclasses import asdict
from typing import Any

from neuron_core.models.architectures import Architecture, architectures
from neuron_core.models.presets import PRESETS, Preset

MEMORY = ("float32", "bfloat16", "float16")


def listing() -> dict[str, Any]:
    """Every supported architecture (name, row mode, window, head, post-norm) and every preset with its sizes."""
    return {
        "architectures": [_line(architecture) for architecture in architectures()],
        "presets": [_preset(preset) for preset in PRESETS],
    }


def _line(architecture: Architecture) -> dict[str, Any]:
    also = f", batch with {architecture.batch_if}" if architecture.batch_if else ""
    return {
        "name": architecture.name,
        "row_mode": architecture.rows + also,
        "window": architecture.window,
        "head": architecture.head,
        "post_norm": architecture.post_norm,
    }


def _preset(preset: Preset) -> dict[str, Any]:
    sizes = asdict(preset.dimensions)
    return {
        "name": preset.title,
        "id": preset.id,
        "for": preset.group,
        "architecture": sizes["architecture"],
        "parameters": preset.parameters,
        "layers": sizes["n_layers"],
        "neurons_a_layer": sizes["n_neurons"],
        "neurons": preset.dimensions.n_total,
        "hidden_size": sizes["hidden_size"],
        "vocabulary": sizes["vocabulary"],
        "context": sizes["context"],
        "memory_bytes": {dtype: preset.weight_bytes(dtype) for dtype in MEMORY},
        "licence": preset.licence,
        "licence_page": preset.page,
        "gated": preset.gated,
        "note": preset.note,
    }


def listing_text(result: dict[str, Any]) -> str:
    """The two tables as text. Memory is that of the weights, in GB of 10^9 bytes."""
    families = [{**line, "post_norm": "yes" if line["post_norm"] else "no"} for line in result["architectures"]]
    presets = [
        {
            "name": line["name"],
            "id": line["id"],
            "for": line["for"],
            "parameters": f"{line['parameters'] / 1e9:.2f} B",
            "neurons": f"{line['layers']} x {line['neurons_a_layer']}",
            "float32": f"{line['memory_bytes']['float32'] / 1e9:.1f} GB",
            "bfloat16": f"{line['memory_bytes']['bfloat16'] / 1e9:.1f} GB",
            "licence": line["licence"] + (" (gated)" if line["gated"] else ""),
        }
        for line in result["presets"]
    ]
    return "\n\n".join(
        [
            _table(families),
            _table(presets),
            "gated: accept it on its page, then set HF_TOKEN. The licence page of a model is https://huggingface.co/ID.",
        ]
    )


def _table(lines: list[dict[str, str]]) -> str:
    """Columns under their names, as wide as their longest entry."""
    lines = [{name: name.replace("_", " ") for name in lines[0]}, *lines]
    widths = {name: max(len(line[name]) for line in lines) for name in lines[0]}
    return "\n".join("  ".join(f"{value:<{widths[name]}}" for name, value in line.items()).rstrip() for line in lines)
