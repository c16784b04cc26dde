"""The supported architectures as data: where layers and down projections are, what a row may attend to."""

from dataclasses import dataclass
from typing import Literal

from neuron_core.errors import ModelError


@dataclass(frozen=True)
class Architecture:
    """One line of the table, found by `config.model_type`.

    layers, down_projection: attribute paths from the causal model and from one layer.
    rows: `packed` puts single-token rows into one pseudo-sequence with a 4-D mask and equal positions.
    write_axis: where a neuron's write vector lies in the down projection's weight: `column` (Linear) or
    `row` (Conv1D).
    head: how letter logits follow from the last hidden state; `linear` is weight rows plus bias, if any.
    window: sliding-window or local attention; `none` attends to the whole prompt.
    post_norm: a norm follows the down projection, so the completeness gap can't close (METHOD, section 7).
    """

    name: str
    layers: str
    down_projection: str
    rows: Literal["packed", "batch"] = "packed"
    write_axis: Literal["column", "row"] = "column"
    head: Literal["linear"] = "linear"
    window: Literal["none"] = "none"
    post_norm: bool = False


_TABLE: dict[str, Architecture] = {}


def register_architecture(architecture: Architecture) -> None:
    """Adds or replaces a line of the table."""
    _TABLE[architecture.name] = architecture


def architectures() -> tuple[Architecture, ...]:
    """All lines of the table, in order of registration."""
    return tuple(_TABLE.values())


def get_architecture(model_type: str) -> Architecture:
    """The line for a `config.model_type`; ModelError lists the known ones."""
    if model_type not in _TABLE:
        raise ModelError(f"the architecture {model_type!r} is not supported", accepted=", ".join(_TABLE))
    return _TABLE[model_type]


register_architecture(Architecture("llama", layers="model.layers", down_projection="mlp.down_proj"))
register_architecture(Architecture("gpt2", layers="transformer.h", down_projection="mlp.c_proj", write_axis="row"))
