"""The slow form of the attribution, against which the fast form is tested and timed."""

import numpy as np
import torch

from neuron_core.cni.quadrature import quadrature
from neuron_core.cni.targets import target_values
from neuron_core.models.hooks import edited_neurons
from neuron_core.models.letters import TokenizedPrompt
from neuron_core.models.loaded import LoadedModel


def reference(
    loaded: LoadedModel,
    prompt: TokenizedPrompt,
    target: int,
    layers: range,
    *,
    name: str = "ace",
    steps: int = 16,
    rule: str = "right",
) -> np.ndarray:
    """Eq. 1 without shortcuts: the whole prompt runs forward and backward for every layer and step.

    name: the target that is attributed. target: the place of c* among the four letters. Returns float64, shape
    (len(layers), I). Used only by tests and as the baseline of the benchmark.
    """
    alphas, weights = quadrature(rule, steps)
    ids = torch.tensor([prompt.token_ids], device=loaded.device)
    letters = torch.tensor(prompt.letter_ids, device=loaded.device)
    rows = []
    for layer in layers:
        value = _last_token_neurons(loaded, ids, layer)
        total = torch.zeros_like(value, dtype=torch.float64)
        for alpha, weight in zip(alphas, weights, strict=True):
            injected = (value * alpha).requires_grad_()
            with (
                torch.enable_grad(),
                edited_neurons(loaded, {layer: lambda x, w=injected: torch.cat([x[:-1], w[None]])}),  # type: ignore[misc]
            ):
                hidden = loaded.model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0, -1:]
                f = target_values(loaded, hidden, letters, target, (name,))[0, 0]
                (gradient,) = torch.autograd.grad(f, injected)
            total += weight * gradient.double()
        rows.append((value.double() * total).cpu().numpy())
    return np.stack(rows)


@torch.no_grad()
def _last_token_neurons(loaded: LoadedModel, ids: torch.Tensor, layer: int) -> torch.Tensor:
    found: list[torch.Tensor] = []

    def keep(x: torch.Tensor) -> torch.Tensor:
        found.append(x[-1].detach().clone())
        return x

    with edited_neurons(loaded, {layer: keep}):
        loaded.model.base_model(input_ids=ids, use_cache=False)
    return found[0]
