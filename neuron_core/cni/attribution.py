"""Integrated gradients of every feed-forward neuron at the last prompt token (paper, Eq. 1 and 3)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from neuron_core.cni.layer_rows import LayerRows, layer_rows
from neuron_core.cni.passes import DEFAULT_LAYERS, SHARED_LAYERS
from neuron_core.cni.quadrature import quadrature
from neuron_core.cni.scores import AttributionScores
from neuron_core.cni.targets import target_values
from neuron_core.errors import AttributionError
from neuron_core.models.hooks import neuron_gradients
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.prompt_state import PromptBatch, PromptState
from neuron_core.models.rounding import rounding_limit
from neuron_core.models.rows import run_entering
from neuron_core.models.weights import refuse_not_finite

ValuesOf = Callable[[torch.Tensor], torch.Tensor]
"computes F of every target: final hidden states after the final norm (Q, R, D) → (targets, Q, R)"


@dataclass(frozen=True, eq=False)
class Integrated:
    """Integrated gradients of some layers for the prompts of a batch, with the values that their rows gave."""

    ig: torch.Tensor
    "(targets, Q, layers, I)"
    values: torch.Tensor
    "F of each layer's rows, that with α = 1 last, (targets, Q, layers, rows per layer)"
    hidden: torch.Tensor
    "final hidden states of the rows with α = 1, (Q, layers, D)"


def integrate(
    loaded: LoadedModel,
    batch: PromptBatch,
    values_of: ValuesOf,
    alphas: Sequence[float],
    weights: Sequence[float],
    layers: range,
    *,
    layers_per_pass: int = DEFAULT_LAYERS,
) -> Integrated:
    """The fast exact form of Eq. 1, in which every pair of a layer and a step α is one row.

    IG_l = ŵ_l ⊙ Σ_k weight_k · ∂F/∂w_l at α_k·ŵ_l. A row is a copy of the last token that attends to the prompt's
    cached keys and values. One backward pass serves all rows of `layers_per_pass` layers and one target. alphas and
    weights have one value for each row of a layer; exactly 1.0 must be among alphas. At α = 1 the model is unmodified,
    so SHARED_LAYERS layers have one such row in common, which enters with the lowest of them.
    """
    full_row = alphas.index(1.0)
    order = [*(k for k in range(len(alphas)) if k != full_row), full_row]
    alpha, weight = (
        torch.tensor([each[k] for k in order], dtype=loaded.score_dtype, device=loaded.device)
        for each in (alphas, weights)
    )
    # If rows are a batch, each row holds its own copy of the cache until the backward pass: one layer at a time.
    per_pass = 1 if loaded.architecture.rows == "batch" else layers_per_pass
    igs, all_values, finals = [], [], []
    for first in range(0, len(layers), per_pass):
        group = layers[first : first + per_pass]
        with torch.enable_grad():
            rows, places = _rows_of(loaded, batch, group, alpha)
            shared = {layer: full for layer, (start, full) in zip(group, places, strict=True) if full < start}
            edits = {each.layer: each.edit for each in rows if each.edit is not None}
            with neuron_gradients(loaded, shared, len(batch.states)) as of_shared:
                hidden = run_entering(loaded, batch, {each.enters: each.hidden for each in rows}, edits)
            with_graph = values_of(hidden)
            of_rows = [
                torch.autograd.grad(one.sum(), [each.varied for each in rows], retain_graph=t + 1 < len(with_graph))
                for t, one in enumerate(with_graph)
            ]
        values, hidden = with_graph.detach(), hidden.detach()
        for each, *gradients in zip(rows, *of_rows, strict=True):
            own_weight = weight[:-1] if each.layer in shared else weight
            # Weighted after the backward pass, because norms compute in float32 and would round the weights.
            mean = torch.stack([(own_weight[:, None] * gradient.to(weight)).sum(dim=1) for gradient in gradients])
            slope = each.to_neurons(mean).to(weight)
            if each.layer in shared:
                slope = slope + weight[-1] * torch.stack(of_shared[each.layer]).to(weight)
            neurons = torch.stack([state.neurons[each.layer] for state in batch.states])
            igs.append(neurons.to(weight) * slope)
        # Slices, because to index by numbers of the host would make a device wait.
        at = [(slice(start, start + len(alpha) - 1), slice(full, full + 1)) for start, full in places]
        all_values.append(torch.stack([torch.cat([values[..., own], values[..., full]], dim=2) for own, full in at], 2))
        finals.append(torch.cat([hidden[:, full] for _, full in at], dim=1))
    return Integrated(torch.stack(igs, dim=2), torch.cat(all_values, dim=2), torch.cat(finals, dim=1))


def _rows_of(
    loaded: LoadedModel, batch: PromptBatch, group: range, alpha: torch.Tensor
) -> tuple[list[LayerRows], list[tuple[int, int]]]:
    """The rows of the layers of a pass, and where they are among the rows of a prompt: for each layer, the place of the
    first and that of the row with α = 1, which may be an earlier layer's. alpha: 1 comes last.
    """
    rows: list[LayerRows] = []
    places: list[tuple[int, int]] = []
    start = 0
    for i, layer in enumerate(group):
        own = alpha[:-1] if i % SHARED_LAYERS else alpha
        rows.append(layer_rows(loaded, batch, layer, own, start))
        places.append((start, places[i - 1][1] if i % SHARED_LAYERS else start + len(own) - 1))
        start += len(own)
    return rows, places


def attribute(
    loaded: LoadedModel,
    state: PromptState,
    question_id: str,
    target: int,
    *,
    targets: Sequence[str] = ("ace",),
    steps: int = 16,
    rule: str = "right",
    layers_per_pass: int = DEFAULT_LAYERS,
) -> AttributionScores:
    """Scores of one question; see `attribute_batch`."""
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
    """Scores every neuron of the model for each prompt of a batch.

    places: for each prompt, the place of c* among the four letters. Besides the rule's steps, each layer has a row with
    α = 0 for the completeness gap, and there are rows with α = 1 also if the rule has none. They are the unmodified
    model. Raises AttributionError if they do not give its F, or if a score is not finite.
    """
    alphas, weights = quadrature(rule, steps)
    # The added rows have weight 0.
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
    # Probabilities are at most 1. A difference of logits is rounded in proportion to their size.
    logits = torch.stack([state.letter_logits.abs().max() for state in batch.states]).to(baseline).clamp(min=1)
    scale = torch.stack([logits if name == "content" else torch.ones_like(logits) for name in targets])
    # Both (Q,). The hidden state is compared as well: F hardly changes where one letter is almost certain.
    off = (found.values[..., -1] - baseline[..., None]).abs().amax(dim=2)
    guards = (off / scale).amax(dim=0)
    apart = (found.hidden - unmodified).abs().amax(dim=(1, 2)) / unmodified.abs().amax(dim=(1, 2))
    finite = torch.isfinite(found.ig).all(dim=-1).all(dim=-1).all(dim=0)
    # One transfer of each kind for all questions, so that a device is not waited for at every question.
    checks = torch.stack([guards, apart.to(guards), finite.to(guards)], dim=1).tolist()
    for question_id, (guard, off_hidden, is_finite) in zip(question_ids, checks, strict=True):
        _check(loaded, question_id, guard, off_hidden, bool(is_finite))
    ig = found.ig.transpose(0, 1).cpu().numpy()
    neurons = torch.stack([state.neurons for state in batch.states]).to(found.ig).cpu().numpy()
    full, zeroed = baseline.T.cpu().numpy(), found.values[..., -2].transpose(0, 1).cpu().numpy()
    letters_of = torch.softmax(torch.stack([state.letter_logits for state in batch.states]), dim=-1).cpu().numpy()
    return [
        AttributionScores(
            question_id=question_id,
            targets=tuple(targets),
            ig=ig[i],
            neurons=neurons[i],
            baseline=full[i],
            zeroed=zeroed[i],
            letter_probabilities=letters_of[i],
            guard=checks[i][0],
        )
        for i, question_id in enumerate(question_ids)
    ]


def _check(loaded: LoadedModel, question_id: str, guard: float, apart: float, is_finite: bool) -> None:
    limit = rounding_limit(loaded)
    for off, most, what in (
        (guard, limit, "F"),
        (apart, 10 * limit, "the final hidden state, relative to its largest value"),
    ):
        if not math.isfinite(off):
            refuse_not_finite(loaded, f"question {question_id}")
        if not off <= most:
            raise AttributionError(
                f"rows at full neuron value differ from the unmodified model by {off:.1e} in {what}",
                where=f"question {question_id}, architecture {loaded.architecture.name}",
                accepted=f"at most {most:.0e}; the row mask or positions of this architecture are wrong",
            )
    if not is_finite:
        raise AttributionError("the attribution has values that are not finite", where=f"question {question_id}")
