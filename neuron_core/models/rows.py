"""Rows: copies of a prompt's last token, each with another change, run against the prompt's cached keys and values.

A row stands at the position of the last token and attends to the earlier tokens and to itself only. Only the last
position changes and attention is causal, so the keys and values of the earlier tokens are computed once.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from neuron_core.models.attention import row_attention
from neuron_core.models.hooks import Edit, edited_neurons, started_at
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.masks import row_mask
from neuron_core.models.prompt_state import KeyValues, PromptBatch, PromptState


class _SharedLayer(DynamicLayer):
    """Keys and values of the earlier tokens, for any number of rows.

    What a pass adds is not kept. A batch of rows repeats the earlier tokens' keys and values for each row, and only the
    layer that computes should hold such a copy.
    """

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, apart: bool) -> None:
        super().__init__()
        self.lazy_initialization(keys, values)
        self.keys, self.values, self.apart = keys, values, apart

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *_: object, **__: object) -> Any:
        if self.apart:
            # `row_attention` takes the cached keys and values and those of the rows apart.
            return (self.keys, key_states), (self.values, value_states)
        n = len(key_states)
        keys, values = self.keys.expand(n, -1, -1, -1), self.values.expand(n, -1, -1, -1)
        return torch.cat([keys, key_states], dim=-2), torch.cat([values, value_states], dim=-2)


def _row_cache(key_values: KeyValues, apart: bool) -> DynamicCache:
    cache = DynamicCache()
    cache.layers.extend(_SharedLayer(keys, values, apart) for keys, values in key_values)
    return cache


def run_rows(
    loaded: LoadedModel, state: PromptState, n_rows: int, edits: Mapping[int, Edit], *, first_layer: int = 0
) -> torch.Tensor:
    """Final hidden states (R, D), after the final norm, of `n_rows` copies of the last token under `edits`.

    Computation begins at `first_layer` from the stored hidden state: no edit may be below it.
    """
    entering = {first_layer: state.hidden[first_layer].expand(1, n_rows, -1)}
    return run_entering(loaded, PromptBatch.of(state), entering, edits)[0]


def run_entering(
    loaded: LoadedModel,
    batch: PromptBatch,
    entering: Mapping[int, torch.Tensor],
    edits: Mapping[int, Edit] | None = None,
) -> torch.Tensor:
    """Final hidden states (Q, R, D), after the final norm, of rows that enter with given hidden states.

    entering: by layer, (Q, n, D), read in place of that layer's input; n_layers stands for the final norm. Rows come in
    ascending order of their layers, and a layer computes only those that have entered. An edit gets the rows of all
    prompts one after the other. An architecture whose rows are a batch takes one prompt and one layer's rows at a time.
    """
    positions = [state.n_tokens - 1 for state in batch.states]
    n_rows = sum(hidden.shape[1] for hidden in entering.values())
    packed = loaded.architecture.rows == "packed"
    apart = packed and loaded.architecture.attention == "registry"
    # Otherwise each row is the last token of its own sequence, so that the model's own mask and positions are right.
    mask = row_mask(loaded, positions, n_rows) if packed else None
    shaped = entering if packed else {layer: hidden.transpose(0, 1) for layer, hidden in entering.items()}
    last = [state.prompt.token_ids[-1] for state in batch.states]

    def for_rows(values: Sequence[int]) -> torch.Tensor:
        # Filled on the device: a copy from the host would make it wait.
        rows = torch.cat([torch.full((1, n_rows), value, device=loaded.device) for value in values])
        return rows if packed else rows.T

    with ExitStack() as stack:
        stack.enter_context(started_at(loaded, shaped))
        stack.enter_context(edited_neurons(loaded, edits or {}))
        if apart:
            stack.enter_context(row_attention(loaded))
        output = loaded.model.base_model(
            input_ids=for_rows(last),
            attention_mask=mask,
            position_ids=for_rows(positions),
            past_key_values=_row_cache(batch.key_values, apart),
            use_cache=True,
        )
    rows: torch.Tensor = output.last_hidden_state
    return rows if packed else rows.transpose(0, 1)
