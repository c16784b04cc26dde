"""The logits of the four letters, and of all tokens, from the hidden state after the final norm."""

import torch
from torch import nn

from neuron_core.errors import ModelError
from neuron_core.models.heads import HEADS
from neuron_core.models.letters import encode
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.rounding import rounding_limit
from neuron_core.models.weights import check_ids, refuse_not_finite

TOLERANCE, LOW_PRECISION_TOLERANCE = 1e-4, 0.05
"largest relative difference from the model's own logits, in float32 and float64 and in 16 bits"


def letter_logits(loaded: LoadedModel, hidden: torch.Tensor, letter_ids: torch.Tensor) -> torch.Tensor:
    """Logits of the letters in `score_dtype`. hidden: (R, D) after the final norm; ids: (4,) → (R, 4)."""
    head, dtype = loaded.model.get_output_embeddings(), loaded.score_dtype
    bias = None if getattr(head, "bias", None) is None else head.bias[letter_ids].to(dtype)
    logits = nn.functional.linear(hidden.to(dtype), head.weight[letter_ids].to(dtype), bias)
    return HEADS[loaded.architecture.head](logits, loaded.model.config)


def vocabulary_logits(loaded: LoadedModel, hidden: torch.Tensor) -> torch.Tensor:
    """Logits of all tokens in `score_dtype`. hidden: (R, D) after the final norm → (R, V)."""
    logits = loaded.model.get_output_embeddings()(hidden).to(loaded.score_dtype)
    return HEADS[loaded.architecture.head](logits, loaded.model.config)


def check_head(loaded: LoadedModel) -> None:
    """Compares the two functions above with the model's own logits on one prompt. ModelError when they differ, or when
    the logits are not finite.
    """
    token_ids = encode(loaded.tokenizer, "Question: one or two?\nAnswer:")
    check_ids(loaded, token_ids)
    ids = torch.tensor([token_ids], device=loaded.device)
    letters = torch.arange(4, device=loaded.device) + 5
    with torch.no_grad():
        own = loaded.model(ids, use_cache=False).logits[0, -1].to(loaded.score_dtype)
        hidden = loaded.model.base_model(ids, use_cache=False).last_hidden_state[0, -1:]
        parts = torch.stack([letter_logits(loaded, hidden, letters)[0], vocabulary_logits(loaded, hidden)[0, letters]])
    if not bool(torch.isfinite(own).all()):
        refuse_not_finite(loaded, loaded.spec.title)
    tolerance = TOLERANCE if rounding_limit(loaded) <= TOLERANCE else LOW_PRECISION_TOLERANCE
    off = float((parts - own[letters]).abs().max() / own.abs().max().clamp_min(1e-6))
    if off > tolerance:
        raise ModelError(
            f"the letter head of {loaded.architecture.name} differs from the model's own logits by {off:.1e}",
            accepted=f"a relative difference below {tolerance}",
        )
