"""Attribution of a free-text answer, without QATT (paper, Eq. 2 and Figure 9), in a fast and in a slow form.

F = Σ_j log P(t_j | prompt, t_1 … t_j-1). Each term is attributed separately at the position that predicts t_j, so an
answer of n tokens costs n times as much as one letter.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from neuron_core.cni.attribution import integrate
from neuron_core.cni.quadrature import quadrature
from neuron_core.cni.targets import log_probabilities
from neuron_core.errors import AttributionError, ConfigError
from neuron_core.models.hooks import edited_neurons
from neuron_core.models.letter_head import letter_logits
from neuron_core.models.letters import TokenizedPrompt
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.prompt_pass import run_prefix, run_prompt
from neuron_core.models.prompt_state import PromptBatch, PromptState
from neuron_core.models.rounding import rounding_limit
from neuron_core.models.weights import refuse_not_finite

Target = Callable[[torch.Tensor], torch.Tensor]
"computes F of each row: final hidden states after the final norm (R, D) → (R,)"


def letter_target(loaded: LoadedModel, prompt: TokenizedPrompt, place: int) -> Target:
    """F = P(c*), softmax over the four letters (Eq. 3)."""
    letters = torch.tensor(prompt.letter_ids, device=loaded.device)
    return lambda hidden: torch.softmax(letter_logits(loaded, hidden, letters), dim=-1)[:, place]


def token_target(loaded: LoadedModel, token: int) -> Target:
    """F = log P(t_j), softmax over the vocabulary: one term of Eq. 2."""
    ids = torch.tensor([token], device=loaded.device)
    return lambda hidden: log_probabilities(loaded, hidden, ids)[:, 0]


def answer_scores(
    loaded: LoadedModel,
    prompt: TokenizedPrompt,
    answer: Sequence[int],
    layers: range,
    steps: int = 16,
    *,
    slow: bool = False,
) -> NDArray[np.float64]:
    """Σ_j IG of log P(t_j), each at the position that predicts t_j; shape (len(layers), I), in nats.

    answer: token ids. slow: uses the slow form with whole sequences. Raises ConfigError for an answer without a token.
    """
    if not answer:
        raise ConfigError("an answer without a token", accepted="one token or more")
    total = np.zeros((len(layers), loaded.n_neurons))
    # The fast form runs the tokens that all terms share only once. The slow form has no cache.
    prefix = None if slow else run_prefix(loaded, prompt.token_ids[:-1])
    for j, token in enumerate(answer):
        extended = TokenizedPrompt((*prompt.token_ids, *answer[:j]), prompt.letter_ids)
        target = token_target(loaded, token)
        if prefix is None:
            total += slow_scores(loaded, extended, target, layers, steps)
        else:
            total += fast_scores(loaded, run_prompt(loaded, extended, prefix), target, layers, steps)
    return total


def fast_scores(
    loaded: LoadedModel, state: PromptState, target: Target, layers: range, steps: int = 16, layers_per_pass: int = 6
) -> NDArray[np.float64]:
    """Eq. 1 for any target at the last position, with one cached row per (layer, step); shape (len(layers), I).

    Raises AttributionError if the rows with α = 1 differ from the unmodified model.
    """
    alphas, weights = quadrature("right", steps)
    with torch.no_grad():
        baseline = target(state.final_hidden)[0]
    found = integrate(
        loaded,
        PromptBatch.of(state),
        lambda hidden: target(hidden[0])[None, None],
        alphas,
        weights,
        layers,
        layers_per_pass=layers_per_pass,
    )
    off = float((found.values[..., -1] - baseline).abs().max())
    # The rounding error of a logarithm is proportional to its size.
    if not off <= rounding_limit(loaded) * max(1.0, abs(float(baseline))):
        if not math.isfinite(off):
            refuse_not_finite(loaded, "the prompt")
        raise AttributionError(f"rows at full neuron value differ from the unmodified model by {off:.1e}")
    scores: NDArray[np.float64] = found.ig[0, 0].double().cpu().numpy()
    return scores


def slow_scores(
    loaded: LoadedModel, prompt: TokenizedPrompt, target: Target, layers: range, steps: int = 16
) -> NDArray[np.float64]:
    """The same with the whole prompt run forward and backward for every layer and step, as published code does."""
    found = np.empty((len(layers), loaded.n_neurons))
    for row, layer in enumerate(layers):
        value = last_neurons(loaded, prompt, layer)
        total = sum(step_gradient(loaded, prompt, target, layer, value, k / steps) for k in range(1, steps + 1))
        found[row] = (value.double() * total / steps).cpu().numpy()
    return found


def last_neurons(loaded: LoadedModel, prompt: TokenizedPrompt, layer: int) -> torch.Tensor:
    """ŵ of one layer at the last token, from a pass over the whole prompt; shape (I,)."""
    seen: list[torch.Tensor] = []

    def keep(x: torch.Tensor) -> torch.Tensor:
        seen.append(x[-1].detach().clone())
        return x

    ids = torch.tensor([prompt.token_ids], device=loaded.device)
    with torch.no_grad(), edited_neurons(loaded, {layer: keep}):
        loaded.model.base_model(input_ids=ids, use_cache=False)
    return seen[0]


def step_gradient(
    loaded: LoadedModel, prompt: TokenizedPrompt, target: Target, layer: int, value: torch.Tensor, alpha: float
) -> torch.Tensor:
    """∂F/∂w of one layer at α·ŵ, from a pass over the whole prompt and back; shape (I,), float64."""
    ids = torch.tensor([prompt.token_ids], device=loaded.device)
    injected = (value * alpha).requires_grad_()
    with torch.enable_grad(), edited_neurons(loaded, {layer: lambda x: torch.cat([x[:-1], injected[None]])}):
        hidden = loaded.model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0, -1:]
        (gradient,) = torch.autograd.grad(target(hidden)[0], injected)
    return gradient.double()
