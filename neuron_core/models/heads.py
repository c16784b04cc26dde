"""The last step to the logits of a family, after weight rows times hidden state plus bias."""

from collections.abc import Callable
from typing import Any

import torch

from neuron_core.models.architectures import Head


def _linear(logits: torch.Tensor, _: Any) -> torch.Tensor:
    return logits


def _soft_capped(logits: torch.Tensor, config: Any) -> torch.Tensor:
    cap = config.final_logit_softcapping
    return logits if cap is None else cap * torch.tanh(logits / cap)


def _divided(logits: torch.Tensor, config: Any) -> torch.Tensor:
    return logits / config.logits_scaling


def _multiplied(logits: torch.Tensor, config: Any) -> torch.Tensor:
    return logits * config.logit_scale


HEADS: dict[Head, Callable[[torch.Tensor, Any], torch.Tensor]] = {
    "linear": _linear,
    "soft-cap": _soft_capped,
    "divided": _divided,
    "multiplied": _multiplied,
}
"kind of head in the table → function of (weight rows · hidden + bias, config) that gives the logits, same shape"
