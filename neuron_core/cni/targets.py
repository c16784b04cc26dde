"""The targets: functions F of the final hidden state at the last position, which are attributed (docs/method.md)."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from neuron_core.cni.passes import HEAD_ROWS
from neuron_core.errors import ConfigError
from neuron_core.models.letter_head import letter_logits, vocabulary_logits
from neuron_core.models.loaded import LoadedModel
from neuron_core.tasks.task import LETTERS


class _LogSumExp(torch.autograd.Function):
    """log Σ_v exp(logit_v) of each row.

    The gradient is computed in the forward pass, for a few rows at a time. Kept until the backward pass, the logits of
    all rows would need more memory and time than the layers.
    """

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, loaded: LoadedModel) -> torch.Tensor:
        sums, gradients = [], []
        for rows in hidden.detach().split(HEAD_ROWS):
            with torch.set_grad_enabled(ctx.needs_input_grad[0]):
                rows.requires_grad_(ctx.needs_input_grad[0])
                values = torch.logsumexp(vocabulary_logits(loaded, rows), dim=-1)
                if ctx.needs_input_grad[0]:
                    gradients += torch.autograd.grad(values.sum(), rows)
            sums.append(values.detach())
        if gradients:
            ctx.save_for_backward(torch.cat(gradients))
        return torch.cat(sums)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (own,) = ctx.saved_tensors
        return (gradient[:, None] * own).to(own), None


def vocabulary_logsumexp(loaded: LoadedModel, hidden: torch.Tensor) -> torch.Tensor:
    """log Σ_v exp(logit_v) over the vocabulary, (R,), in nats; differentiable once.

    hidden: (R, D), after the final norm.
    """
    found: torch.Tensor = _LogSumExp.apply(hidden, loaded)
    return found


def log_probabilities(loaded: LoadedModel, hidden: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """log P of the tokens `ids` (n,) within the vocabulary, (R, n), in nats. hidden: (R, D), after the final norm."""
    if loaded.dtype == loaded.score_dtype:
        return letter_logits(loaded, hidden, ids) - vocabulary_logsumexp(loaded, hidden)[:, None]
    # A head in half precision rounds its logits, so both terms must come from the same logits.
    logits = vocabulary_logits(loaded, hidden)
    return logits[:, ids] - torch.logsumexp(logits, dim=-1, keepdim=True)


def ace_target(letters: torch.Tensor, target: int) -> torch.Tensor:
    """P(c*), softmax over the four letters (Eq. 3), (R,). letters: logits, (R, 4)."""
    return torch.softmax(letters, dim=-1)[:, target]


def content_target(letters: torch.Tensor, target: int) -> torch.Tensor:
    """logit(c*) − mean logit of the other three letters, (R,). It is linear in the logits. letters: logits, (R, 4).

    Summed over four rotations, whatever depends on the letter alone cancels: Σ (δ_c − mean of the others) = 0.
    """
    return letters[:, target] - (letters.sum(dim=-1) - letters[:, target]) / (len(LETTERS) - 1)


def tn_target(p: torch.Tensor, target: int) -> torch.Tensor:
    """P(c*) − mean of P(wrong letters), (R,). p: probabilities of the letters within the vocabulary, (R, 4)."""
    return p[:, target] - (p.sum(dim=-1) - p[:, target]) / (len(LETTERS) - 1)


def qrnca_target(p: torch.Tensor, target: int) -> torch.Tensor:
    """P(c*), (R,). p: probabilities of the letters within the vocabulary, (R, 4)."""
    return p[:, target]


_OF_LETTERS: dict[str, Callable[[torch.Tensor, int], torch.Tensor]] = {"ace": ace_target, "content": content_target}
_IN_VOCABULARY: dict[str, Callable[[torch.Tensor, int], torch.Tensor]] = {"tn": tn_target, "qrnca": qrnca_target}


def target_values(
    loaded: LoadedModel, hidden: torch.Tensor, letter_ids: torch.Tensor, target: int, names: Sequence[str]
) -> torch.Tensor:
    """F of every named target, (len(names), R).

    hidden: (R, D), after the final norm. target: the place of c*. The head over the vocabulary is computed once for all
    targets that need it. It is not computed if the letters' logits suffice (`ace`, `content`). Raises ConfigError for
    an unknown name.
    """
    known = {**_OF_LETTERS, **_IN_VOCABULARY}
    if unknown := set(names) - set(known):
        raise ConfigError(f"unknown target {min(unknown)!r}", accepted=", ".join(known))
    letters, p = None, None
    if any(name in _OF_LETTERS for name in names):
        letters = letter_logits(loaded, hidden, letter_ids)
    if any(name in _IN_VOCABULARY for name in names):
        p = torch.exp(log_probabilities(loaded, hidden, letter_ids))
    inputs = {name: letters if name in _OF_LETTERS else p for name in names}
    return torch.stack([known[name](one, target) for name, one in inputs.items() if one is not None])
