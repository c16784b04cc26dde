"""Integrated gradients of every feed-forward neuron at the last prompt token (paper, Eq. 1 and 3)."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from neuron_core.cni.quadrature import quadrature
from neuron_core.cni.scores import AttributionScores
from neuron_core.cni.targets import target_values
from neuron_core.errors import AttributionError
from neuron_core.models.hooks import edited_neurons
from neuron_core.models.letters import TokenizedPrompt
from neuron_core.models.loading import LoadedModel
from neuron_core.models.rows import PromptState, run_rows

GUARD_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}


class _Injected(torch.autograd.Function):
    """x with some of its rows replaced; slicing and joining would fill a zero tensor for every slice."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, rows: torch.Tensor, start: int) -> torch.Tensor:
        ctx.rows = slice(start, start + len(rows))
        out = x.clone()
        out[ctx.rows] = rows
        return out

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor, None]:
        below = None
        if ctx.needs_input_grad[0]:
            below = gradient.clone()
            below[ctx.rows] = 0
        return below, gradient[ctx.rows], None


def attribute(
    loaded: LoadedModel,
    state: PromptState,
    question_id: str,
    target: int,
    *,
    targets: Sequence[str] = ("ace",),
    steps: int = 16,
    rule: str = "right",
    layers_per_pass: int = 4,
) -> AttributionScores:
    """The fast exact form of Eq. 1: each (layer, step) is one cached row, one backward for a few layers and a target.

    IG_l = ŵ_l ⊙ Σ_k weight_k · ∂F/∂w_l at α_k·ŵ_l. Each layer has two more rows: α = 1, which must give F
    of the unmodified model (else AttributionError), and α = 0, for the completeness gap.
    """
    alphas, weights = quadrature(rule, steps)
    # One more row at full value unless the rule has it, one at zero; both with weight 0.
    extra = [0.0] if alphas[-1] == 1.0 else [1.0, 0.0]
    alpha = torch.tensor([*alphas, *extra], dtype=loaded.dtype, device=loaded.device)
    weight = torch.tensor([*weights, *([0.0] * len(extra))], dtype=loaded.score_dtype, device=loaded.device)
    full_row, n_alpha = (len(alphas) - 1 if len(extra) == 1 else len(alphas)), len(alpha)
    letters = torch.tensor(state.prompt.letter_ids, device=loaded.device)
    with torch.no_grad():
        baseline = target_values(loaded, state.final_hidden, letters, target, targets)[:, 0]
    ig = weight.new_empty(len(targets), loaded.n_layers, loaded.n_neurons)
    zeroed, full = (weight.new_empty(len(targets), loaded.n_layers) for _ in range(2))

    # A batch holds the cached keys and values once a row and layer until its backward: one layer's rows at a time.
    per_pass = 1 if loaded.architecture.rows == "batch" else layers_per_pass
    for first in range(0, loaded.n_layers, per_pass):
        group = range(first, min(first + per_pass, loaded.n_layers))
        injected = {layer: (alpha[:, None] * state.neurons[layer]).requires_grad_() for layer in group}

        def edit_for(layer: int, start: int) -> Callable[[torch.Tensor], torch.Tensor]:
            return lambda x: _Injected.apply(x, injected[layer], start)  # noqa: B023

        edits = {layer: edit_for(layer, i * n_alpha) for i, layer in enumerate(group)}
        with torch.enable_grad():
            hidden = run_rows(loaded, state, len(group) * n_alpha, edits, first_layer=first)
            values = target_values(loaded, hidden, letters, target, targets).reshape(len(targets), len(group), n_alpha)
            for t in range(len(targets)):
                gradients = torch.autograd.grad(
                    values[t].sum(), list(injected.values()), retain_graph=t + 1 < len(targets)
                )
                for layer, gradient in zip(group, gradients, strict=True):
                    # Weighted after the backward pass: norms round to float32 inside and would round weights along.
                    ig[t, layer] = state.neurons[layer].to(ig) * (weight[:, None] * gradient.to(ig)).sum(dim=0)
        zeroed[:, first : group.stop] = values[:, :, -1].detach()
        full[:, first : group.stop] = values[:, :, full_row].detach()

    guard = float((full - baseline[:, None]).abs().max())
    _check(loaded, question_id, guard, ig)
    return AttributionScores(
        question_id=question_id,
        targets=tuple(targets),
        ig=ig.cpu().numpy(),
        neurons=state.neurons.to(ig).cpu().numpy(),
        baseline=baseline.cpu().numpy(),
        zeroed=zeroed.cpu().numpy(),
        letter_probabilities=torch.softmax(state.letter_logits, dim=-1).cpu().numpy(),
        guard=guard,
    )


def _check(loaded: LoadedModel, question_id: str, guard: float, ig: torch.Tensor) -> None:
    limit = GUARD_TOLERANCE[loaded.dtype]
    if not math.isfinite(guard) or guard > limit:
        raise AttributionError(
            f"rows at full neuron value differ from the unmodified model by {guard:.1e}",
            where=f"question {question_id}, architecture {loaded.architecture.name}",
            accepted=f"at most {limit}; the row mask or positions of this architecture are wrong",
        )
    if not bool(torch.isfinite(ig).all()):
        raise AttributionError("the attribution has values that are not finite", where=f"question {question_id}")


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
    """Eq. 1 the slow way: the whole prompt, forward and backward, per layer and step → (len(layers), I).

    name: the target attributed.

    Test oracle and benchmark baseline; never what a user waits for.
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
