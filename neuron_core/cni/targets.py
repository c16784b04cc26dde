"""What is attributed: functions F of the last position's final hidden state (METHOD section 3)."""

from collections.abc import Callable, Sequence

import torch

from neuron_core.errors import ConfigError
from neuron_core.models.loading import LoadedModel, letter_logits, vocabulary_logits
from neuron_core.tasks.task import LETTERS


def ace_target(letters: torch.Tensor, target: int) -> torch.Tensor:
    """P(c*), softmax over the four letters (Eq. 3). letters: logits (R, 4) → (R,)."""
    return torch.softmax(letters, dim=-1)[:, target]


def tn_target(p: torch.Tensor, target: int) -> torch.Tensor:
    """P(c*) − mean of P(wrong letters). p: probabilities of the letters within the vocabulary (R, 4) → (R,)."""
    return p[:, target] - (p.sum(dim=-1) - p[:, target]) / (len(LETTERS) - 1)


def qrnca_target(p: torch.Tensor, target: int) -> torch.Tensor:
    """P(c*). p: probabilities of the letters within the vocabulary (R, 4) → (R,)."""
    return p[:, target]


_IN_VOCABULARY: dict[str, Callable[[torch.Tensor, int], torch.Tensor]] = {"tn": tn_target, "qrnca": qrnca_target}


def target_values(
    loaded: LoadedModel, hidden: torch.Tensor, letter_ids: torch.Tensor, target: int, names: Sequence[str]
) -> torch.Tensor:
    """F of every named target. hidden: (R, D) after the final norm; target: place of c* → (len(names), R).

    The head over the vocabulary is computed once for all targets that need it, and not for `ace` alone.
    ConfigError for an unknown name.
    """
    unknown = set(names) - {"ace", *_IN_VOCABULARY}
    if unknown:
        raise ConfigError(f"unknown target {min(unknown)!r}", accepted=", ".join(("ace", *_IN_VOCABULARY)))
    p = None
    if any(name in _IN_VOCABULARY for name in names):
        logits = vocabulary_logits(loaded, hidden)
        p = torch.exp(logits[:, letter_ids] - torch.logsumexp(logits, dim=-1, keepdim=True))
    values = []
    for name in names:
        if name == "ace":
            values.append(ace_target(letter_logits(loaded, hidden, letter_ids), target))
        else:
            assert p is not None
            values.append(_IN_VOCABULARY[name](p, target))
    return torch.stack(values)
