"""What a packed row may attend to: the cached tokens inside its layer's window, and itself."""

from collections.abc import Callable, Sequence

import torch

from neuron_core.models.loaded import LoadedModel

Mask = torch.Tensor | dict[str, torch.Tensor]


def row_mask(loaded: LoadedModel, n_cached: Sequence[int], n_rows: int) -> Mask:
    """Additive mask of `n_rows` packed rows of each prompt, after that prompt's `n_cached` tokens; one a kind of layer
    where kinds differ.

    For Q prompts of up to P cached tokens: (Q, 1, R, P + R) where the family's own attention reads it; (Q, 1, 1, P),
    over cached tokens only, where ours does. Additive floats, because a boolean mask of the first shape is silently
    misread by some families.
    """
    return _BY_WINDOW[loaded.architecture.window](loaded, n_cached, n_rows)


def _mask(loaded: LoadedModel, n_cached: Sequence[int], n_rows: int, window: int | None) -> torch.Tensor:
    """A prompt's rows sit at position n_cached; a window of W shows them the last W positions, their own among them."""
    least, longest = torch.finfo(loaded.dtype).min, max(n_cached)
    mask = torch.full((len(n_cached), 1, 1, longest), least, dtype=loaded.dtype, device=loaded.device)
    for prompt, end in enumerate(n_cached):
        mask[prompt, ..., 0 if window is None else max(0, end + 1 - window) : end] = 0
    if loaded.architecture.attention == "own":
        own = mask.new_full((n_rows, n_rows), least).fill_diagonal_(0)
        mask = torch.cat([mask.expand(-1, -1, n_rows, -1), own.expand(len(n_cached), 1, -1, -1)], dim=-1)
    return mask


def _full(loaded: LoadedModel, n_cached: Sequence[int], n_rows: int) -> Mask:
    return _mask(loaded, n_cached, n_rows, None)


def _sliding(loaded: LoadedModel, n_cached: Sequence[int], n_rows: int) -> Mask:
    return _mask(loaded, n_cached, n_rows, loaded.model.config.sliding_window)


def _layered(loaded: LoadedModel, n_cached: Sequence[int], n_rows: int) -> Mask:
    # Both names always: a model takes the one that its config gives for a layer.
    return {
        "full_attention": _mask(loaded, n_cached, n_rows, None),
        "sliding_attention": _mask(loaded, n_cached, n_rows, loaded.model.config.sliding_window),
    }


# No line for `local`: those families take rows as a batch, under the model's own mask.
_BY_WINDOW: dict[str, Callable[[LoadedModel, Sequence[int], int], Mask]] = {
    "none": _full,
    "sliding": _sliding,
    "layered": _layered,
}
