"""What is attributed: values and gradients beside torch's own."""

import pytest
import torch

from neuron_core.cni.passes import HEAD_ROWS
from neuron_core.cni.targets import log_probabilities, target_values, vocabulary_logsumexp
from neuron_core.models.letter_head import vocabulary_logits
from neuron_core.models.loading import load_model
from neuron_core.models.spec import ModelSpec

# Logits under a soft cap, a head with a bias, plain ones.
FAMILIES = ("gemma2", "gptj", "llama", "gpt2")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n_rows", [1, HEAD_ROWS, 2 * HEAD_ROWS + 5])
def test_the_sum_over_the_vocabulary_and_its_gradient_are_those_of_all_logits(tiny_model, family, n_rows):
    loaded = tiny_model(family)
    generator = torch.Generator().manual_seed(n_rows)
    hidden = torch.randn(n_rows, loaded.hidden_size, generator=generator).to(loaded.dtype)
    weights = torch.randn(n_rows, generator=generator)
    ours, theirs = hidden.clone().requires_grad_(), hidden.clone().requires_grad_()
    found = vocabulary_logsumexp(loaded, ours)
    expected = torch.logsumexp(vocabulary_logits(loaded, theirs), dim=-1)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    (gradient,) = torch.autograd.grad((weights * found).sum(), ours)
    (wanted,) = torch.autograd.grad((weights * expected).sum(), theirs)
    torch.testing.assert_close(gradient, wanted, rtol=1e-5, atol=1e-6)
    assert wanted.abs().max() > 1e-3
    with torch.no_grad():
        assert torch.equal(vocabulary_logsumexp(loaded, hidden), found.detach())


@pytest.mark.parametrize("family", FAMILIES)
def test_probabilities_within_the_vocabulary_are_those_of_a_softmax(tiny_model, family):
    loaded = tiny_model(family)
    hidden = torch.randn(70, loaded.hidden_size, generator=torch.Generator().manual_seed(1)).to(loaded.dtype)
    ids = torch.tensor([3, 9, 1, 7])
    p = torch.softmax(vocabulary_logits(loaded, hidden), dim=-1)[:, ids]
    ace, tn, qrnca = target_values(loaded, hidden, ids, 2, ("ace", "tn", "qrnca"))
    torch.testing.assert_close(ace, p[:, 2] / p.sum(dim=-1), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(tn, p[:, 2] - (p[:, 0] + p[:, 1] + p[:, 3]) / 3, rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(qrnca, p[:, 2], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_in_every_precision_the_probabilities_of_all_tokens_add_up_and_their_gradients_cancel(checkpoint, dtype):
    loaded = load_model(ModelSpec(str(checkpoint("llama")), device="cpu", dtype=dtype))
    generator = torch.Generator().manual_seed(2)
    # Logits far apart: where one token is all but certain, two roundings that differ would show most.
    hidden = (30 * torch.randn(9, loaded.hidden_size, generator=generator)).to(loaded.dtype).requires_grad_()
    everything = torch.arange(loaded.model.config.vocab_size)
    p = torch.exp(log_probabilities(loaded, hidden, everything))
    assert p.max() > 0.9
    torch.testing.assert_close(p.sum(dim=-1), torch.ones(9, dtype=p.dtype), rtol=0, atol=1e-5)
    (gradient,) = torch.autograd.grad(p.sum(), hidden, retain_graph=True)
    (one,) = torch.autograd.grad(p[:, 3].sum(), hidden)
    assert gradient.abs().max() < 0.02 * max(1.0, float(one.abs().max()))
