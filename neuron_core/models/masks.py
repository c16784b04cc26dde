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
    return by_kind_of_layer(loaded, lambda window: _mask(loaded, n_cached, n_rows, window))


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


def by_kind_of_layer(loaded: LoadedModel, mask: Callable[[int | None], torch.Tensor]) -> Mask:
    """The mask of a family, from the function that makes one for a window; None is no window.

    Raises KeyError for `local`: those families take rows as a batch, under the model's own mask.
    """
    return _BY_WINDOW[loaded.architecture.window](mask, getattr(loaded.model.config, "sliding_window", None))


_BY_WINDOW: dict[str, Callable[[Callable[[int | None], torch.Tensor], int | None], Mask]] = {
    "none": lambda mask, _: mask(None),
    "sliding": lambda mask, window: mask(window),
    # Both names always: a model takes the one that its config gives for a layer.
    "layered": lambda mask, window: {"full_attention": mask(None), "sliding_attention": mask(window)},
}
