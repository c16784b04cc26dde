"""Attention of cached rows. Each row attends to the earlier tokens and to itself, never to another row."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface

from neuron_core.models.loaded import LoadedModel

NAME = "cached_rows"
Pair = tuple[torch.Tensor, torch.Tensor]


class _RowAttention(torch.autograd.Function):
    """Softmax over the scores of P cached keys and of the row's own key, times the values. The scores have one column
    more than P, not a block of R×R.

    Cached keys and values are constants, so no gradient is computed for them. For G groups of H heads that share keys:
    query (Q, G, H, R, d), own key and value (Q, G, 1, R, d), cached ones (Q, G, P, d), mask (Q or 1, 1, 1, P).
    """

    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor,
        own_key: torch.Tensor,
        own_value: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        mask: torch.Tensor,
        softcap: float | None,
    ) -> torch.Tensor:
        flat = query.flatten(2, 3)
        own_score = (query * own_key).sum(-1, keepdim=True).flatten(2, 3)
        scores = torch.cat([flat @ keys.transpose(-1, -2), own_score], dim=-1)
        slope = None
        if softcap is not None:
            scores = torch.tanh(scores / softcap)
            slope = 1 - scores * scores
            scores = scores * softcap
        scores[..., :-1] += mask
        # At least in float32, as in the attention of the families themselves.
        weights = torch.softmax(scores, dim=-1, dtype=torch.promote_types(scores.dtype, torch.float32)).to(scores.dtype)
        own_weight = weights[..., -1:].unflatten(2, query.shape[2:4])
        out = (weights[..., :-1] @ values).unflatten(2, query.shape[2:4]) + own_weight * own_value
        ctx.save_for_backward(
            query, own_key, own_value, keys, values, weights, out, *([] if slope is None else [slope])
        )
        return out

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        query, own_key, own_value, keys, values, weights, out, *slope = ctx.saved_tensors
        flat = gradient.flatten(2, 3)
        of_weights = torch.cat(
            [flat @ values.transpose(-1, -2), (gradient * own_value).sum(-1, keepdim=True).flatten(2, 3)], dim=-1
        )
        # Σ p·∂p = out·∂out, so the sum in the softmax's gradient needs no further pass over the scores.
        of_scores = of_weights.sub_((flat * out.flatten(2, 3)).sum(-1, keepdim=True)).mul_(weights)
        if slope:
            of_scores = of_scores.mul_(slope[0])
        heads = query.shape[2:4]
        own_score = of_scores[..., -1:].unflatten(2, heads)
        of_query = (of_scores[..., :-1] @ keys).unflatten(2, heads) + own_score * own_key
        of_key = (own_score * query).sum(2, keepdim=True)
        of_value = (weights[..., -1:].unflatten(2, heads) * gradient).sum(2, keepdim=True)
        return of_query, of_key, of_value, None, None, None, None


def _attend(
    module: nn.Module,
    query: torch.Tensor,
    key: Pair,
    value: Pair,
    attention_mask: torch.Tensor,
    *,
    scaling: float | None = None,
    softcap: float | None = None,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """The function that a family's attention calls. query: (Q, heads, R, d). key, value: the cached ones, (Q, G, P, d),
    and those of the rows, (Q, G, R, d).
    """
    (keys, own_key), (values, own_value) = key, value
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    grouped = (query * scale).unflatten(1, (own_key.shape[1], -1))
    out = _RowAttention.apply(
        grouped, own_key.unsqueeze(2), own_value.unsqueeze(2), keys, values, attention_mask, softcap
    )
    return out.flatten(1, 2).transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, _attend)


@contextmanager
def row_attention(loaded: LoadedModel) -> Iterator[None]:
    """Makes a family that takes its attention from transformers' registry use this one."""
    config = loaded.model.config
    before = config._attn_implementation
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = before
