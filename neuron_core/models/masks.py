"""What a packed row may attend to: the cached tokens inside its layer's window, and itself."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from neuron_core.models.loading import LoadedModel

Mask = torch.Tensor | dict[str, torch.Tensor]


def row_mask(loaded: "LoadedModel", n_cached: int, n_rows: int) -> Mask:
    """Additive mask (1, 1, R, n_cached + R) of `n_rows` packed rows, or one a kind of layer where kinds differ.

    Additive floats, because a boolean mask of this shape is silently misread under eager attention.
    """
    return _BY_WINDOW[loaded.architecture.window](loaded, n_cached, n_rows)


def _mask(loaded: "LoadedModel", n_cached: int, n_rows: int, window: int | None) -> torch.Tensor:
    """A row sits at position n_cached; a window of W shows it the last W positions, its own among them."""
    mask = torch.full((n_rows, n_cached + n_rows), torch.finfo(loaded.dtype).min, dtype=loaded.dtype)
    first = 0 if window is None else max(0, n_cached + 1 - window)
    mask[:, first:n_cached] = 0
    mask[:, n_cached:].fill_diagonal_(0)
    return mask.to(loaded.device)[None, None]


def _full(loaded: "LoadedModel", n_cached: int, n_rows: int) -> Mask:
    return _mask(loaded, n_cached, n_rows, None)


def _sliding(loaded: "LoadedModel", n_cached: int, n_rows: int) -> Mask:
    return _mask(loaded, n_cached, n_rows, loaded.model.config.sliding_window)


def _layered(loaded: "LoadedModel", n_cached: int, n_rows: int) -> Mask:
    # Both names always: a model takes the one that its config gives for a layer.
    return {
        "full_attention": _mask(loaded, n_cached, n_rows, None),
        "sliding_attention": _mask(loaded, n_cached, n_rows, loaded.model.config.sliding_window),
    }


# No line for `local`: those families take rows as a batch, under the model's own mask.
_BY_WINDOW: dict[str, Callable[["LoadedModel", int, int], Mask]] = {
    "none": _full,
    "sliding": _sliding,
    "layered": _layered,
}
