"""The masks of packed rows. A row attends to the cached tokens in its layer's window, and to itself."""

from collections.abc import Callable, Sequence

import torch

from neuron_core.models.loaded import LoadedModel

Mask = torch.Tensor | dict[str, torch.Tensor]


def row_mask(loaded: LoadedModel, n_cached: Sequence[int], n_rows: int) -> Mask:
    """The additive mask of R packed rows of each prompt, after the prompt's cached tokens. A dict of masks for families
    whose layers have different windows.

    n_cached: number of cached tokens of each of Q prompts, at most P. Shape (Q, 1, R, P + R) for families with their
    own attention, and (Q, 1, 1, P), over the cached tokens only, for `row_attention`. The mask is of floats, because
    some families silently misread a boolean mask of the first shape.
    """
    return by_kind_of_layer(loaded, lambda window: _mask(loaded, n_cached, n_rows, window))


def _mask(loaded: LoadedModel, n_cached: Sequence[int], n_rows: int, window: int | None) -> torch.Tensor:
    """The rows of a prompt stand at position n_cached. With a window of W they see the last W positions, with their
    own.
    """
    least, longest = torch.finfo(loaded.dtype).min, max(n_cached)
    mask = torch.full((len(n_cached), 1, 1, longest), least, dtype=loaded.dtype, device=loaded.device)
    for prompt, end in enumerate(n_cached):
        mask[prompt, ..., 0 if window is None else max(0, end + 1 - window) : end] = 0
    if loaded.architecture.attention == "own":
        own = mask.new_full((n_rows, n_rows), least).fill_diagonal_(0)
        mask = torch.cat([mask.expand(-1, -1, n_rows, -1), own.expand(len(n_cached), 1, -1, -1)], dim=-1)
    return mask


def by_kind_of_layer(loaded: LoadedModel, mask: Callable[[int | None], torch.Tensor]) -> Mask:
    """The masks of a family. mask: makes the mask for a window; None stands for no window.

    KeyError for `local`, because the rows of those families are a batch and have the model's own mask.
    """
    return _BY_WINDOW[loaded.architecture.window](mask, getattr(loaded.model.config, "sliding_window", None))


_BY_WINDOW: dict[str, Callable[[Callable[[int | None], torch.Tensor], int | None], Mask]] = {
    "none": lambda mask, _: mask(None),
    "sliding": lambda mask, window: mask(window),
    # For each layer, the model takes the mask that its config names.
    "layered": lambda mask, window: {"full_attention": mask(None), "sliding_attention": mask(window)},
}
