"""From weight rows times the last hidden state to the logits of a family."""

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
"by the table's head kind: (weight rows · hidden + bias, config) → logits, same shape"
