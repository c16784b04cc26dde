"""Whether what a neuron writes reaches the hidden state as it is."""

import torch

from neuron_core.models.hooks import edited_neurons, recorded_at
from neuron_core.models.loaded import LoadedModel


@torch.no_grad()
def adds_neurons(loaded: LoadedModel) -> bool:
    """Whether a layer's output is some hidden state plus what its down projection writes, no norm or factor behind.

    Measured on a short pass with the first layer's neurons at half their value: in some families the config decides.
    """
    ids = torch.arange(5, 12, device=loaded.device)[None]
    last = torch.tensor([ids.shape[1] - 1], device=loaded.device)
    whole = torch.empty(1, loaded.n_layers + 1, loaded.hidden_size, dtype=loaded.dtype, device=loaded.device)
    halved, neurons = torch.empty_like(whole), whole.new_empty(1, loaded.n_layers, loaded.n_neurons)
    with recorded_at(loaded, last, halved, neurons), edited_neurons(loaded, {0: lambda x: x / 2}):
        loaded.model.base_model(input_ids=ids, use_cache=False)
    with recorded_at(loaded, last, whole, neurons):
        loaded.model.base_model(input_ids=ids, use_cache=False)
    written = loaded.down_projections[0](torch.stack([neurons[0, 0], neurons[0, 0] / 2])).double()
    lost = (written[0] - written[1]).to(whole.device)
    return bool((whole[0, 1].double() - halved[0, 1].double() - lost).abs().max() <= 0.1 * lost.abs().max())
