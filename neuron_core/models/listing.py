"""The table of architectures as one JSON-able dict and as text for a terminal. No torch."""

from typing import Any

from neuron_core.models.architectures import Architecture, architectures


def listing() -> dict[str, Any]:
    """Every supported architecture: name, row mode, window, head, post-norm."""
    return {"architectures": [_line(architecture) for architecture in architectures()]}


def _line(architecture: Architecture) -> dict[str, Any]:
    also = f", batch with {architecture.batch_if}" if architecture.batch_if else ""
    return {
        "name": architecture.name,
        "row_mode": architecture.rows + also,
        "window": architecture.window,
        "head": architecture.head,
        "post_norm": architecture.post_norm,
    }


def listing_text(result: dict[str, Any]) -> str:
    lines = [{**line, "post_norm": "yes" if line["post_norm"] else "no"} for line in result["architectures"]]
    lines.insert(0, {name: name.replace("_", " ") for name in lines[0]})
    return "\n".join(
        "  ".join(f"{value:<{_width(lines, name)}}" for name, value in line.items()).rstrip() for line in lines
    )


def _width(lines: list[dict[str, str]], name: str) -> int:
    return max(len(line[name]) for line in lines)
