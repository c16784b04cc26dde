"""Checks that each layer adds its down projection's output to the residual stream unchanged."""

import torch

from neuron_core.models.hooks import Edit, edited_neurons, recorded_at
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.rounding import rounding_limit

TOLERANCE = {torch.float64: 1e-3, torch.float32: 1e-3, torch.float16: 1e-2, torch.bfloat16: 5e-2}
"largest difference of a layer's output, relative to its largest value; half precision rounds the residual stream"
LAYERS_PER_PASS = 16
TIMES = 8.0
"how many times larger than the residual stream an output is made, so that rounding does not hide a factor"


@torch.no_grad()
def adds_neurons(loaded: LoadedModel) -> bool:
    """Whether every layer adds its down projection's output to the residual stream, without a norm or a factor between.

    It is measured on a short prompt, because in some families it depends on the config. For each layer there is a
    sequence in which only the neurons of that layer are scaled. ModelError as for `recorded_at`, when a pass does not
    call each layer and each down projection once.
    """
    ids = torch.arange(5, 8, device=loaded.device)
    before, neurons = _states(loaded, ids, [1.0] * loaded.n_layers, range(0))
    scales, expected = [], []
    for layer, down in enumerate(loaded.down_projections):
        value = neurons[0, layer]
        written = max(float(down(value[None]).abs().max()), 1e-30)
        scales.append(1 + TIMES * float(before[0, layer + 1].abs().max()) / written)
        both = down(torch.stack([value * scales[layer], value])).double()
        expected.append((both[0] - both[1]).cpu())
    for first in range(0, loaded.n_layers, LAYERS_PER_PASS):
        layers = range(first, min(first + LAYERS_PER_PASS, loaded.n_layers))
        hidden, _ = _states(loaded, ids, scales, layers)
        for row, layer in enumerate(layers, start=1):
            found = (hidden[row, layer + 1].double() - hidden[0, layer + 1].double()).cpu()
            off = float((found - expected[layer]).abs().max() / expected[layer].abs().max().clamp_min(1e-30))
            if not off <= max(TOLERANCE[loaded.dtype], rounding_limit(loaded)):
                return False
    return True


def _states(
    loaded: LoadedModel, ids: torch.Tensor, scales: list[float], layers: range
) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden states, (1 + layers, L + 1, D), and neuron values, (1 + layers, L, I), at the last token. The first are
    those of the unmodified model; in each of the others, the neurons of one layer are scaled.
    """
    n = 1 + len(layers)
    last = torch.full((n,), len(ids) - 1, device=loaded.device)
    hidden = torch.empty(n, loaded.n_layers + 1, loaded.hidden_size, dtype=loaded.dtype, device=loaded.device)
    neurons = hidden.new_empty(n, loaded.n_layers, loaded.n_neurons)

    def scaled(row: int, scale: float) -> torch.Tensor:
        factor = torch.ones(n, 1, 1, dtype=loaded.dtype, device=loaded.device)
        factor[row] = scale
        return factor

    def edit_by(factor: torch.Tensor) -> Edit:
        return lambda x: (x.unflatten(0, (n, -1)) * factor).flatten(0, 1)

    edits = {layer: edit_by(scaled(row, scales[layer])) for row, layer in enumerate(layers, start=1)}
    with recorded_at(loaded, last, hidden, neurons), edited_neurons(loaded, edits):
        loaded.model.base_model(input_ids=ids.expand(n, -1), use_cache=False)
    return hidden, neurons
