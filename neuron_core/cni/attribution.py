"""Integrated gradients of every feed-forward neuron at the last prompt token (paper, Eq. 1 and 3)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from neuron_core.cni.passes import USUAL_LAYERS
from neuron_core.cni.quadrature import quadrature
from neuron_core.cni.scores import AttributionScores
from neuron_core.cni.targets import target_values
from neuron_core.errors import AttributionError
from neuron_core.models.hooks import Edit, edited_neurons
from neuron_core.models.letters import TokenizedPrompt
from neuron_core.models.loading import LoadedModel
from neuron_core.models.placement import weights_of
from neuron_core.models.rows import PromptState, run_entering

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
    layers_per_pass: int = USUAL_LAYERS,
) -> AttributionScores:
    """The fast exact form of Eq. 1: each (layer, step) is one cached row, one backward for some layers and a target.

    IG_l = ŵ_l ⊙ Σ_k weight_k · ∂F/∂w_l at α_k·ŵ_l. Each layer has two more rows: α = 1, which must give F
    of the unmodified model (else AttributionError), and α = 0, for the completeness gap.
    """
    alphas, weights = quadrature(rule, steps)
    # One more row at full value unless the rule has it, one at zero; both with weight 0.
    extra = [0.0] if alphas[-1] == 1.0 else [1.0, 0.0]
    alpha = torch.tensor([*alphas, *extra], dtype=loaded.score_dtype, device=loaded.device)
    weight = torch.tensor([*weights, *([0.0] * len(extra))], dtype=loaded.score_dtype, device=loaded.device)
    full_row, n_alpha = (len(alphas) - 1 if len(extra) == 1 else len(alphas)), len(alpha)
    letters = torch.tensor(state.prompt.letter_ids, device=loaded.device)
    with torch.no_grad():
        baseline = target_values(loaded, state.final_hidden, letters, target, targets)[:, 0]
    ig = weight.new_empty(len(targets), loaded.n_layers, loaded.n_neurons)
    zeroed, full = (weight.new_empty(len(targets), loaded.n_layers) for _ in range(2))
    final = state.final_hidden.new_empty(loaded.n_layers, state.final_hidden.shape[-1])
    begin = _BehindTheLayer if loaded.adds_neurons else _InsideTheLayer

    # A batch holds the cached keys and values once a row and layer until its backward: one layer's rows at a time.
    per_pass = 1 if loaded.architecture.rows == "batch" else layers_per_pass
    for first in range(0, loaded.n_layers, per_pass):
        group = range(first, min(first + per_pass, loaded.n_layers))
        with torch.enable_grad():
            rows = [begin(loaded, state, layer, alpha, i * n_alpha) for i, layer in enumerate(group)]
            edits = {each.layer: each.edit for each in rows if each.edit is not None}
            hidden = run_entering(loaded, state, {each.enters: each.hidden for each in rows}, edits)
            values = target_values(loaded, hidden, letters, target, targets).reshape(len(targets), len(group), n_alpha)
            of_rows = [
                torch.autograd.grad(values[t].sum(), [each.varied for each in rows], retain_graph=t + 1 < len(targets))
                for t in range(len(targets))
            ]
        for each, *gradients in zip(rows, *of_rows, strict=True):
            # Weighted after the backward pass: norms round to float32 inside and would round weights along.
            mean = torch.stack([(weight[:, None] * gradient.to(ig)).sum(dim=0) for gradient in gradients])
            ig[:, each.layer] = state.neurons[each.layer].to(ig) * each.to_neurons(mean).to(ig)
        zeroed[:, first : group.stop] = values[:, :, -1].detach()
        full[:, first : group.stop] = values[:, :, full_row].detach()
        final[first : group.stop] = hidden.detach().unflatten(0, (len(group), n_alpha))[:, full_row]

    guard = float((full - baseline[:, None]).abs().max())
    # More sensitive than F where one letter is all but certain.
    apart = float((final - state.final_hidden).abs().max() / state.final_hidden.abs().max())
    _check(loaded, question_id, guard, apart, ig)
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


class _BehindTheLayer:
    """One layer's rows where the down projection's output is simply added to the hidden state.

    What follows the layer for α·ŵ is the stored hidden state plus (α - 1)·W·ŵ: the rows begin there, and the layer's
    own cost is one product forward and one back, whatever the number of steps.
    """

    edit = None

    def __init__(self, loaded: LoadedModel, state: PromptState, layer: int, alpha: torch.Tensor, _: int) -> None:
        self.layer, self.enters = layer, layer + 1
        projection = loaded.down_projections[layer]
        self._neurons = state.neurons[layer : layer + 1].detach().requires_grad_()
        self._written = projection(self._neurons)
        with weights_of(projection) as own:
            written = self._written.detach() - own["bias"] if "bias" in own else self._written.detach()
        base = state.hidden[layer + 1].to(alpha)
        self.hidden = self.varied = (base + (alpha - 1)[:, None] * written.to(alpha)).to(loaded.dtype).requires_grad_()

    def to_neurons(self, gradients: torch.Tensor) -> torch.Tensor:
        """From gradients by what is written (targets, D) to gradients by the neurons (targets, I)."""
        return torch.cat(
            [
                torch.autograd.grad(self._written, self._neurons, each[None].to(self._written), retain_graph=True)[0]
                for each in gradients
            ]
        )


class _InsideTheLayer:
    """One layer's rows where a norm follows the down projection: they begin at the layer and are changed inside."""

    def __init__(self, loaded: LoadedModel, state: PromptState, layer: int, alpha: torch.Tensor, start: int) -> None:
        self.layer = self.enters = layer
        self.hidden = state.hidden[layer].expand(len(alpha), -1)
        self.varied = (alpha[:, None] * state.neurons[layer].to(alpha)).to(loaded.dtype).requires_grad_()
        self.edit: Edit | None = lambda x: _Injected.apply(x, self.varied, start)

    def to_neurons(self, gradients: torch.Tensor) -> torch.Tensor:
        return gradients


def _check(loaded: LoadedModel, question_id: str, guard: float, apart: float, ig: torch.Tensor) -> None:
    limit = GUARD_TOLERANCE[loaded.dtype]
    for off, most, what in (
        (guard, limit, "F"),
        (apart, 10 * limit, "the final hidden state, relative to its largest"),
    ):
        if not off <= most:
            raise AttributionError(
                f"rows at full neuron value differ from the unmodified model by {off:.1e} in {what}",
                where=f"question {question_id}, architecture {loaded.architecture.name}",
                accepted=f"at most {most:.0e}; the row mask or positions of this architecture are wrong",
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
