"""The rows' own attention against the plain one over all keys with a mask."""

import pytest
import torch

from neuron_core.models.attention import _attend


def plain(query, keys, own_key, values, own_value, mask, scaling, softcap):
    """Every row over the cached keys and all rows' keys, those of the others masked."""
    n_rows, n_heads = query.shape[2], query.shape[1] // own_key.shape[1]
    key = torch.cat([keys.expand(len(query), -1, -1, -1), own_key], dim=2).repeat_interleave(n_heads, dim=1)
    value = torch.cat([values.expand(len(query), -1, -1, -1), own_value], dim=2).repeat_interleave(n_heads, dim=1)
    scores = query @ key.transpose(-1, -2) * scaling
    if softcap:
        scores = softcap * torch.tanh(scores / softcap)
    others = torch.full((n_rows, n_rows), -torch.inf, dtype=query.dtype).fill_diagonal_(0)
    whole = torch.cat([mask.expand(len(query), 1, n_rows, -1), others.expand(len(query), 1, -1, -1)], dim=-1)
    return (torch.softmax(scores + whole, dim=-1) @ value).transpose(1, 2)


@pytest.mark.parametrize("softcap", [None, 1.5])
@pytest.mark.parametrize(("n_heads", "n_shared"), [(6, 2), (4, 4), (3, 1)])
def test_rows_attend_to_the_cached_keys_and_their_own_forward_and_backward(n_heads, n_shared, softcap):
    generator = torch.Generator().manual_seed(1)

    def drawn(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    query = drawn(2, n_heads, 5, 4).requires_grad_()
    own_key, own_value = (drawn(2, n_shared, 5, 4).requires_grad_() for _ in range(2))
    keys, values = drawn(1, n_shared, 7, 4), drawn(1, n_shared, 7, 4)
    mask = torch.zeros(2, 1, 1, 7, dtype=torch.float64)
    mask[0, ..., :2] = torch.finfo(torch.float64).min
    scale, weight = 0.3, drawn(2, 5, n_heads, 4)

    found, _ = _attend(None, query, (keys, own_key), (values, own_value), mask, scaling=scale, softcap=softcap)
    expected = plain(query, keys, own_key, values, own_value, mask, scale, softcap)
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    wanted = (query, own_key, own_value)
    for mine, theirs in zip(
        torch.autograd.grad((found * weight).sum(), wanted),
        torch.autograd.grad((expected * weight).sum(), wanted),
        strict=True,
    ):
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-12)


def test_the_usual_scale_is_one_over_the_root_of_the_head_size():
    query, key, value = torch.tensor([[[[2.0] * 4]]]), torch.tensor([[[[0.5] * 4]]]), torch.tensor([[[[1.0] * 4]]])
    cached = torch.zeros(1, 1, 1, 4)
    found, _ = _attend(None, query, (cached, key), (cached, value), torch.zeros(1, 1, 1, 1))
    # Score 2·0.5·4 / √4 = 2 to itself and 0 to the cached key.
    assert found.flatten() == pytest.approx([0.880797] * 4, abs=1e-6)
