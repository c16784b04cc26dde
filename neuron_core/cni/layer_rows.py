"""The rows of one layer in an attribution pass: copies of the last token, one per step α.

A row carries α·ŵ instead of the layer's neuron values ŵ. `LayerRows` holds what `integrate` needs of a layer: where its
rows enter the model, the tensor by which F is differentiated, and the way back to gradients by the neurons.
"""

from collections.abc import Callable
from typing import Any, Protocol

import torch

from neuron_core.models.loaded import LoadedModel
from neuron_core.models.placement import weights_of
from neuron_core.models.prompt_state import PromptBatch


class LayerRows(Protocol):
    """The rows of one layer, for every prompt of a batch (Q) and every step (α)."""

    layer: int
    enters: int
    "the layer whose input the rows are"
    hidden: torch.Tensor
    "hidden states with which the rows enter, (Q, α, D)"
    varied: torch.Tensor
    "the tensor by which F is differentiated, (Q, α, D) or (Q, α, I)"

    @property
    def edit(self) -> Callable[[torch.Tensor], torch.Tensor] | None:
        """Changes the input of the layer's down projection; None if the rows need no change."""

    def to_neurons(self, gradients: torch.Tensor) -> torch.Tensor:
        """From gradients by `varied`, (targets, Q, D or I), to gradients by ŵ, (targets, Q, I)."""


def layer_rows(loaded: LoadedModel, batch: PromptBatch, layer: int, alpha: torch.Tensor, start: int) -> LayerRows:
    """The rows of a layer. alpha: the steps, (α,). start: place of the layer's first row among the rows of a prompt."""
    if loaded.adds_neurons:
        return _AfterTheLayer(loaded, batch, layer, alpha)
    return _InsideTheLayer(loaded, batch, layer, alpha, start)


class _AfterTheLayer:
    """Rows of a layer whose down projection's output is added to the residual stream unchanged.

    The hidden state after the layer, for α·ŵ, is the stored one plus (α - 1)·W·ŵ. The rows start there, so the layer
    itself costs one product forward and one backward, whatever the number of steps.
    """

    edit = None

    def __init__(self, loaded: LoadedModel, batch: PromptBatch, layer: int, alpha: torch.Tensor) -> None:
        self.layer, self.enters = layer, layer + 1
        projection = loaded.down_projections[layer]
        self._neurons = torch.stack([state.neurons[layer] for state in batch.states]).detach().requires_grad_()
        self._written = projection(self._neurons)
        with weights_of(projection) as own:
            written = self._written.detach() - own["bias"] if "bias" in own else self._written.detach()
        after = batch.hidden(layer + 1).to(alpha)[:, None] + (alpha - 1)[:, None] * written.to(alpha)[:, None]
        self.hidden = self.varied = after.to(loaded.dtype).requires_grad_()

    def to_neurons(self, gradients: torch.Tensor) -> torch.Tensor:
        return torch.stack(
            [
                torch.autograd.grad(self._written, self._neurons, each.to(self._written), retain_graph=True)[0]
                for each in gradients
            ]
        )


class _InsideTheLayer:
    """Rows of a layer with a norm after its down projection: they enter before the layer and are changed inside."""

    def __init__(self, loaded: LoadedModel, batch: PromptBatch, layer: int, alpha: torch.Tensor, start: int) -> None:
        self.layer = self.enters = layer
        self.hidden = batch.hidden(layer)[:, None].expand(-1, len(alpha), -1)
        neurons = torch.stack([state.neurons[layer] for state in batch.states]).to(alpha)
        self.varied = (alpha[:, None] * neurons[:, None]).to(loaded.dtype).requires_grad_()
        self._start = start

    def edit(self, x: torch.Tensor) -> torch.Tensor:
        """Replaces this layer's rows. x: rows of all prompts, one prompt after the other, (Q · rows, I)."""
        return _Injected.apply(x.unflatten(0, (len(self.varied), -1)), self.varied, self._start).flatten(0, 1)

    def to_neurons(self, gradients: torch.Tensor) -> torch.Tensor:
        return gradients


class _Injected(torch.autograd.Function):
    """x (Q, rows, I) with some of its rows replaced. Slicing and joining would fill a zero tensor for every slice."""

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
