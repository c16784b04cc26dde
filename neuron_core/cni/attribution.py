"""Integrated gradients of every feed-forward neuron at the last prompt token (paper, Eq. 1 and 3)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from neuron_core.cni.passes import USUAL_LAYERS
from neuron_core.cni.quadrature import quadrature
from neuron_core.cni.scores import AttributionScores
from neuron_core.cni.targets import target_values
from neuron_core.errors import AttributionError
from neuron_core.models.hooks import edited_neurons
from neuron_core.models.letters import TokenizedPrompt
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.placement import weights_of
from neuron_core.models.prompt_state import PromptBatch, PromptState
from neuron_core.models.rows import run_entering
from neuron_core.models.weights import refuse_not_finite

GUARD_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}


class _Injected(torch.autograd.Function):
    """x (Q, rows, I) with some rows replaced; slicing and joining would fill a zero tensor for every slice."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, rows: torch.Tensor, start: int) -> torch.Tensor:
        ctx.rows = slice(start, start + rows.shape[1])
        out = x.clone()
        out[:, ctx.rows] = rows
        return out

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor, None]:
        below = None
        if ctx.needs_input_grad[0]:
            below = gradient.clone()
            below[:, ctx.rows] = 0
        return below, gradient[:, ctx.rows], None


ValuesOf = Callable[[torch.Tensor], torch.Tensor]
"F of every target. Final hidden states (Q, R, D), after the final norm → (targets, Q, R)"


@dataclass(frozen=True, eq=False)
class Integrated:
    """Integrated gradients of some layers for the prompts of a batch, and what their rows gave."""

    ig: torch.Tensor
    "(targets, Q, layers, I)"
    values: torch.Tensor
    "F of each row (targets, Q, layers, rows a layer)"
    hidden: torch.Tensor
    "final hidden states (Q, layers, D) of the rows at full neuron value"


def integrate(
    loaded: LoadedModel,
    batch: PromptBatch,
    values_of: ValuesOf,
    alphas: Sequence[float],
    weights: Sequence[float],
    layers: range,
    *,
    layers_per_pass: int = USUAL_LAYERS,
) -> Integrated:
    """The fast exact form of Eq. 1: each (layer, α) is one cached row, one backward for some layers and a target.

    IG_l = ŵ_l ⊙ Σ_k weight_k · ∂F/∂w_l at α_k·ŵ_l. alphas, weights: a row of each layer each; one of alphas
    is exactly 1.
    """
    alpha, weight = (torch.tensor(each, dtype=loaded.score_dtype, device=loaded.device) for each in (alphas, weights))
    n_prompts, n_alpha, full_row = len(batch.states), len(alphas), alphas.index(1.0)
    begin = _BehindTheLayer if loaded.adds_neurons else _InsideTheLayer
    # A batch holds the cached keys and values once a row and layer until its backward: one layer's rows at a time.
    per_pass = 1 if loaded.architecture.rows == "batch" else layers_per_pass
    igs, all_values, finals = [], [], []
    for first in range(0, len(layers), per_pass):
        group = layers[first : first + per_pass]
        with torch.enable_grad():
            rows = [begin(loaded, batch, layer, alpha, i * n_alpha) for i, layer in enumerate(group)]
            edits = {each.layer: each.edit for each in rows if each.edit is not None}
            hidden = run_entering(loaded, batch, {each.enters: each.hidden for each in rows}, edits)
            values = values_of(hidden)
            of_rows = [
                torch.autograd.grad(one.sum(), [each.varied for each in rows], retain_graph=t + 1 < len(values))
                for t, one in enumerate(values)
            ]
        for each, *gradients in zip(rows, *of_rows, strict=True):
            # Weighted after the backward pass: norms round to float32 inside and would round weights along.
            mean = torch.stack([(weight[:, None] * gradient.to(weight)).sum(dim=1) for gradient in gradients])
            neurons = torch.stack([state.neurons[each.layer] for state in batch.states])
            igs.append(neurons.to(weight) * each.to_neurons(mean).to(weight))
        all_values.append(values.detach().unflatten(2, (len(group), n_alpha)))
        finals.append(hidden.detach().reshape(n_prompts, len(group), n_alpha, -1)[:, :, full_row])
    return Integrated(torch.stack(igs, dim=2), torch.cat(all_values, dim=2), torch.cat(finals, dim=1))


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
    """Scores of one question, see `attribute_batch`."""
    return attribute_batch(
        loaded,
        PromptBatch.of(state),
        [question_id],
        [target],
        targets=targets,
        steps=steps,
        rule=rule,
        layers_per_pass=layers_per_pass,
    )[0]


def attribute_batch(
    loaded: LoadedModel,
    batch: PromptBatch,
    question_ids: Sequence[str],
    places: Sequence[int],
    *,
    targets: Sequence[str],
    steps: int,
    rule: str,
    layers_per_pass: int,
) -> list[AttributionScores]:
    """Scores of every neuron of the model for each prompt of a batch. places: of c* among the four letters.

    Each layer has two more rows than the rule's steps: α = 1, which must give F of the unmodified model (else
    AttributionError), and α = 0, for the completeness gap.
    """
    alphas, weights = quadrature(rule, steps)
    # One more row at full value unless the rule has it, one at zero; both with weight 0.
    extra = [0.0] if alphas[-1] == 1.0 else [1.0, 0.0]
    alphas, weights = [*alphas, *extra], [*weights, *([0.0] * len(extra))]
    letters = [torch.tensor(state.prompt.letter_ids, device=loaded.device) for state in batch.states]

    def values_of(hidden: torch.Tensor) -> torch.Tensor:
        each = zip(hidden, letters, places, strict=True)
        return torch.stack([target_values(loaded, rows, ids, place, targets) for rows, ids, place in each], dim=1)

    unmodified = torch.stack([state.final_hidden for state in batch.states])
    with torch.no_grad():
        baseline = values_of(unmodified)[..., 0]
    found = integrate(
        loaded, batch, values_of, alphas, weights, range(loaded.n_layers), layers_per_pass=layers_per_pass
    )
    # Probabilities are at most 1; a difference of logits rounds with their size.
    logits = torch.stack([state.letter_logits.abs().max() for state in batch.states]).to(baseline).clamp(min=1)
    scale = torch.stack([logits if name == "content" else torch.ones_like(logits) for name in targets])
    # (Q,): in F, and in the final hidden state, more sensitive than F where one letter is all but certain.
    off = (found.values[..., alphas.index(1.0)] - baseline[..., None]).abs().amax(dim=2)
    guards = (off / scale).amax(dim=0)
    apart = (found.hidden - unmodified).abs().amax(dim=(1, 2)) / unmodified.abs().amax(dim=(1, 2))
    scores = []
    for i, (state, question_id) in enumerate(zip(batch.states, question_ids, strict=True)):
        guard = float(guards[i])
        _check(loaded, question_id, guard, float(apart[i]), found.ig[:, i])
        scores.append(
            AttributionScores(
                question_id=question_id,
                targets=tuple(targets),
                ig=found.ig[:, i].cpu().numpy(),
                neurons=state.neurons.to(found.ig).cpu().numpy(),
                baseline=baseline[:, i].cpu().numpy(),
                zeroed=found.values[:, i, :, -1].cpu().numpy(),
                letter_probabilities=torch.softmax(state.letter_logits, dim=-1).cpu().numpy(),
                guard=guard,
            )
        )
    return scores


class _BehindTheLayer:
    """One layer's rows where the down projection's output is simply added to the hidden state.

    What follows the layer for α·ŵ is the stored hidden state plus (α - 1)·W·ŵ: the rows begin there, and the layer's
    own cost is one product forward and one back, whatever the number of steps.
    """

    edit = None

    def __init__(self, loaded: LoadedModel, batch: PromptBatch, layer: int, alpha: torch.Tensor, _: int) -> None:
        self.layer, self.enters = layer, layer + 1
        projection = loaded.down_projections[layer]
        self._neurons = torch.stack([state.neurons[layer] for state in batch.states]).detach().requires_grad_()
        self._written = projection(self._neurons)
        with weights_of(projection) as own:
            written = self._written.detach() - own["bias"] if "bias" in own else self._written.detach()
        behind = batch.hidden(layer + 1).to(alpha)[:, None] + (alpha - 1)[:, None] * written.to(alpha)[:, None]
        self.hidden = self.varied = behind.to(loaded.dtype).requires_grad_()

    def to_neurons(self, gradients: torch.Tensor) -> torch.Tensor:
        """From gradients by what is written (targets, Q, D) to gradients by the neurons (targets, Q, I)."""
        return torch.stack(
            [
                torch.autograd.grad(self._written, self._neurons, each.to(self._written), retain_graph=True)[0]
                for each in gradients
            ]
        )


class _InsideTheLayer:
    """One layer's rows where a norm follows the down projection: they begin at the layer and are changed inside."""

    def __init__(self, loaded: LoadedModel, batch: PromptBatch, layer: int, alpha: torch.Tensor, start: int) -> None:
        self.layer = self.enters = layer
        self.hidden = batch.hidden(layer)[:, None].expand(-1, len(alpha), -1)
        neurons = torch.stack([state.neurons[layer] for state in batch.states]).to(alpha)
        self.varied = (alpha[:, None] * neurons[:, None]).to(loaded.dtype).requires_grad_()
        self._start = start

    def edit(self, x: torch.Tensor) -> torch.Tensor:
        """x: rows of all prompts one after the other."""
        return _Injected.apply(x.unflatten(0, (len(self.varied), -1)), self.varied, self._start).flatten(0, 1)

    def to_neurons(self, gradients: torch.Tensor) -> torch.Tensor:
        return gradients


def _check(loaded: LoadedModel, question_id: str, guard: float, apart: float, ig: torch.Tensor) -> None:
    limit = GUARD_TOLERANCE[loaded.dtype]
    for off, most, what in (
        (guard, limit, "F"),
        (apart, 10 * limit, "the final hidden state, relative to its largest"),
    ):
        if not math.isfinite(off):
            refuse_not_finite(loaded, f"question {question_id}")
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
