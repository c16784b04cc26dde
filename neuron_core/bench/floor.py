"""The floor of the benchmark: only the matrix multiplications that the method cannot avoid."""

import time
from collections.abc import Callable

import torch
from torch import nn

from neuron_core.bench.timing import timed
from neuron_core.models.loaded import LoadedModel


@torch.no_grad()
def floor_seconds(
    loaded: LoadedModel, n_tokens: int, steps: int, repeats: int = 3, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Seconds that the products with the layers' weights take for one question; the best of `repeats`.

    The prompt passes all layers once. Then the rows, `steps` per layer, pass the layers above their own, forward and
    backward. Attention scores, norms, activations and the head are left out, so no implementation reaches this time.
    """
    seconds: list[float] = []
    for _ in range(repeats):
        with timed(loaded.device, seconds, clock):
            for layer in loaded.layers:
                for weight in _weights(layer):
                    _forward(weight, n_tokens)
            for below, layer in enumerate(loaded.layers[1:], start=1):
                for weight in _weights(layer):
                    _forward(weight, below * steps)
                    _forward(weight.T, below * steps)
    return min(seconds)


def _weights(layer: nn.Module) -> list[torch.Tensor]:
    """The weight matrices of a layer, each of shape (in, out)."""
    found = []
    for module in layer.modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, torch.Tensor) and weight.ndim == 2:
            found.append(weight.T if isinstance(module, nn.Linear) else weight)
    return found


def _forward(weight: torch.Tensor, n_rows: int) -> None:
    torch.matmul(weight.new_ones(n_rows, weight.shape[0]), weight)
