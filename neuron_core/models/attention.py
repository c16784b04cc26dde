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

    Cached keys and values are constants, so no gradient is computed for them. For H heads and G groups of them that
    share keys: query (Q, H, R, d), own key and value (Q, G, R, d), cached ones (Q, G, P, d), mask (Q or 1, 1, 1, P),
    result (Q, R, H, d). Products are written to where they are needed: on a processor, copies of the scores take as
    long as the products.
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
        scale: float,
        softcap: float | None,
    ) -> torch.Tensor:
        n, groups = len(query), own_key.shape[1]
        keys, values = (each.expand(n, -1, -1, -1).flatten(0, 1) for each in (keys, values))
        scaled = torch.mul(query, scale, out=query.new_empty(query.shape)).unflatten(1, (groups, -1))
        heads, n_scores = scaled.shape, keys.shape[1] + 1
        scores = scaled.new_empty(n, groups, heads[2] * heads[3], n_scores)
        torch.bmm(
            scaled.view(n * groups, -1, heads[4]),
            keys.transpose(1, 2),
            out=scores.view(n * groups, -1, n_scores)[..., :-1],
        )
        scores[..., -1] = (scaled * own_key[:, :, None]).sum(-1).flatten(2)
        slope = None
        if softcap is not None:
            scores = torch.tanh(scores / softcap)
            slope = 1 - scores * scores
            scores = scores * softcap
        scores[..., :-1] += mask
        # At least in float32, as in the attention of the families themselves.
        weights = torch.softmax(scores, dim=-1, dtype=torch.promote_types(scores.dtype, torch.float32)).to(scores.dtype)
        out = weights[..., -1].view(heads[:4])[..., None] * own_value[:, :, None]
        out.view(n * groups, -1, heads[4]).baddbmm_(weights[..., :-1].flatten(0, 1), values)
        result = out.flatten(1, 2).transpose(1, 2).contiguous()
        ctx.scale = scale
        ctx.save_for_backward(
            scaled, own_key, own_value, keys, values, weights, result, *([] if slope is None else [slope])
        )
        return result

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        scaled, own_key, own_value, keys, values, weights, result, *slope = ctx.saved_tensors
        heads, (n, groups) = scaled.shape, scaled.shape[:2]
        # In the softmax's gradient p·(∂p - Σ p·∂p), the sum is out·∂out. As one more column of ∂out, whose value is 1,
        # it is taken off in the product.
        both = gradient.new_empty(*heads[:4], heads[4] + 1)
        both[..., :-1] = gradient.transpose(1, 2).unflatten(1, heads[1:3])
        both[..., -1] = -(gradient * result).sum(-1).transpose(1, 2).unflatten(1, heads[1:3])
        of_out = both[..., :-1]
        values_and_one = torch.cat([values, torch.ones_like(values[..., :1])], dim=-1)
        of_scores = torch.empty_like(weights)
        torch.bmm(
            both.view(n * groups, -1, heads[4] + 1),
            values_and_one.transpose(1, 2),
            out=of_scores.view(n * groups, -1, of_scores.shape[-1])[..., :-1],
        )
        of_scores[..., -1] = ((of_out * own_value[:, :, None]).sum(-1) + both[..., -1]).flatten(2)
        of_scores.mul_(weights)
        if slope:
            of_scores.mul_(slope[0])
        own_score = of_scores[..., -1].view(heads[:4])[..., None]
        of_query = own_score * (own_key[:, :, None] * ctx.scale)
        of_query.view(n * groups, -1, heads[4]).baddbmm_(of_scores[..., :-1].flatten(0, 1), keys, alpha=ctx.scale)
        of_key = (own_score * scaled).sum(2)
        of_value = (weights[..., -1].view(heads[:4])[..., None] * of_out).sum(2)
        return of_query.flatten(1, 2), of_key, of_value, None, None, None, None, None


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
    return _RowAttention.apply(query, own_key, own_value, keys, values, attention_mask, scale, softcap), None


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
