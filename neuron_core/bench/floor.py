"""The floor: nothing but the matrix multiplications that the method cannot avoid."""

import torch
from torch import nn

from neuron_core.bench.timing import timed
from neuron_core.models.loaded import LoadedModel


@torch.no_grad()
def floor_seconds(loaded: LoadedModel, n_tokens: int, steps: int, repeats: int = 3) -> float:
    """Seconds of a question's bare products with the layers' weights, the best of some repeats.

    One prompt pass; then the rows, `steps` a layer, through the layers above their own, forward and back. Attention
    scores, norms, activations and the head are left out: nobody reaches this number.
    """
    seconds: list[float] = []
    for _ in range(repeats):
        with timed(loaded.device, seconds):
            for layer in loaded.layers:
                for weight in _weights(layer):
                    _forward(weight, n_tokens)
            for below, layer in enumerate(loaded.layers[1:], start=1):
                for weight in _weights(layer):
                    _forward(weight, below * steps)
                    _forward(weight.T, below * steps)
    return min(seconds)


def _weights(layer: nn.Module) -> list[torch.Tensor]:
    """The layer's matrices, each (in, out)."""
    found = []
    for module in layer.modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, torch.Tensor) and weight.ndim == 2:
            found.append(weight.T if isinstance(module, nn.Linear) else weight)
    return found


def _forward(weight: torch.Tensor, n_rows: int) -> None:
    torch.matmul(weight.new_ones(n_rows, weight.shape[0]), weight)
