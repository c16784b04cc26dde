"""What a packed row may attend to: the cached tokens inside its layer's window, and itself."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from neuron_core.models.loading import LoadedModel

Mask = torch.Tensor | dict[str, torch.Tensor]


def row_mask(loaded: "LoadedModel", n_cached: int, n_rows: int) -> Mask:
    """Additive mask of `n_rows` packed rows after `n_cached` tokens, or one a kind of layer where kinds differ.

    (1, 1, R, n_cached + R) where the family's own attention reads it; (1, 1, 1, n_cached), over cached tokens only,
    where ours does. Additive floats, because a boolean mask of the first shape is silently misread by some families.
    """
    return _BY_WINDOW[loaded.architecture.window](loaded, n_cached, n_rows)


def _mask(loaded: "LoadedModel", n_cached: int, n_rows: int, window: int | None) -> torch.Tensor:
    """A row sits at position n_cached; a window of W shows it the last W positions, its own among them."""
    first = 0 if window is None else max(0, n_cached + 1 - window)
    least = torch.finfo(loaded.dtype).min
    if loaded.architecture.attention == "registry":
        mask = torch.zeros(1, 1, 1, n_cached, dtype=loaded.dtype, device=loaded.device)
        mask[..., :first] = least
        return mask
    mask = torch.full((n_rows, n_cached + n_rows), least, dtype=loaded.dtype, device=loaded.device)
    mask[:, first:n_cached] = 0
    mask[:, n_cached:].fill_diagonal_(0)
    return mask[None, None]


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
