"""Cached rows: after one pass over a prompt, its last token again and again, each time changed otherwise.

Only the last position changes and attention is causal: keys and values of earlier tokens are computed once.
A row is a copy of the last token, at its position, that attends to those tokens and to itself only.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from neuron_core.errors import ModelError
from neuron_core.models.attention import row_attention
from neuron_core.models.hooks import Edit, edited_neurons, recorded_last_token, started_at
from neuron_core.models.letters import TokenizedPrompt
from neuron_core.models.loading import LoadedModel, letter_logits
from neuron_core.models.masks import row_mask

KeyValues = list[tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True, eq=False)
class Prefix:
    """Keys and values of a token prefix that several prompts share; may be empty."""

    token_ids: tuple[int, ...]
    key_values: KeyValues
    "one (keys, values) a layer, each (1, heads, P, head size)"


@dataclass(frozen=True, eq=False)
class PromptState:
    """A prompt after its one unmodified pass."""

    prompt: TokenizedPrompt
    key_values: KeyValues
    "of all tokens but the last: one (keys, values) a layer, each (1, heads, T-1, head size)"
    hidden: torch.Tensor
    "input of every layer at the last token, and the last layer's output, (L + 1, D)"
    neurons: torch.Tensor
    "neuron values ŵ at the last token, (L, I)"
    final_hidden: torch.Tensor
    "after the final norm at the last token, (1, D)"
    letter_logits: torch.Tensor
    "of the unmodified model, (4,), float32"

    @property
    def n_tokens(self) -> int:
        return len(self.prompt.token_ids)


EMPTY_PREFIX = Prefix((), [])


class _SharedLayer(DynamicLayer):
    """Keys and values of the earlier tokens, for any number of rows. What a pass adds is not kept: a batch of rows
    repeats all of them, and only the layer at work should hold such a copy."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, apart: bool) -> None:
        super().__init__()
        self.lazy_initialization(keys, values)
        self.keys, self.values, self.apart = keys, values, apart

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *_: object, **__: object) -> Any:
        if self.apart:
            # Our own attention takes what is cached and what is the rows' own as they are.
            return (self.keys, key_states), (self.values, value_states)
        n = len(key_states)
        keys, values = self.keys.expand(n, -1, -1, -1), self.values.expand(n, -1, -1, -1)
        return torch.cat([keys, key_states], dim=-2), torch.cat([values, value_states], dim=-2)


def _row_cache(key_values: KeyValues, apart: bool) -> DynamicCache:
    cache = DynamicCache()
    cache.layers.extend(_SharedLayer(keys, values, apart) for keys, values in key_values)
    return cache


def _prompt_cache(key_values: KeyValues) -> DynamicCache:
    # Without a config no layer drops keys, whatever the model's window; rows bring their own mask.
    return DynamicCache(key_values) if key_values else DynamicCache()


def _key_values(cache: DynamicCache, length: int) -> KeyValues:
    return [(layer.keys[:, :, :length], layer.values[:, :, :length]) for layer in cache.layers]


def check_length(loaded: LoadedModel, prompt: TokenizedPrompt) -> None:
    """ModelError for a prompt longer than the model's context."""
    n_tokens = len(prompt.token_ids)
    if n_tokens > loaded.context_length:
        raise ModelError(f"the prompt has {n_tokens} tokens", accepted=f"at most {loaded.context_length}")


@torch.no_grad()
def run_prefix(loaded: LoadedModel, token_ids: Sequence[int], before: Prefix = EMPTY_PREFIX) -> Prefix:
    """One pass over tokens that several prompts begin with, after those of `before`, a beginning of them."""
    ids, n_before = tuple(token_ids), len(before.token_ids)
    if ids[:n_before] != before.token_ids:
        raise ModelError("the cached prefix is not a beginning of the longer one")
    if ids == before.token_ids:
        return before
    if _rotated_otherwise(loaded, n_before, len(ids)):
        return run_prefix(loaded, ids)
    cache = _prompt_cache(before.key_values)
    rest = torch.tensor([ids[n_before:]], device=loaded.device)
    loaded.model.base_model(input_ids=rest, past_key_values=cache, use_cache=True)
    return Prefix(ids, _key_values(cache, len(ids)))


@torch.no_grad()
def run_prompt(loaded: LoadedModel, prompt: TokenizedPrompt, prefix: Prefix = EMPTY_PREFIX) -> PromptState:
    """The unmodified model on a prompt whose first tokens are `prefix`; everything that rows need is kept."""
    n_tokens, n_prefix = len(prompt.token_ids), len(prefix.token_ids)
    check_length(loaded, prompt)
    if prompt.token_ids[:n_prefix] != prefix.token_ids or n_prefix >= n_tokens:
        raise ModelError("the cached prefix is not a beginning of this prompt")
    if _rotated_otherwise(loaded, n_prefix, n_tokens):
        return run_prompt(loaded, prompt)
    cache = _prompt_cache(prefix.key_values)
    ids = torch.tensor([prompt.token_ids[n_prefix:]], device=loaded.device)
    hidden = torch.empty(loaded.n_layers + 1, loaded.hidden_size, dtype=loaded.dtype, device=loaded.device)
    neurons = torch.empty(loaded.n_layers, loaded.n_neurons, dtype=loaded.dtype, device=loaded.device)
    with recorded_last_token(loaded, hidden, neurons):
        output = loaded.model.base_model(input_ids=ids, past_key_values=cache, use_cache=True)
    final = output.last_hidden_state[0, -1:]
    letters = torch.tensor(prompt.letter_ids, device=loaded.device)
    return PromptState(
        prompt=prompt,
        key_values=_key_values(cache, n_tokens - 1),
        hidden=hidden,
        neurons=neurons,
        final_hidden=final,
        letter_logits=letter_logits(loaded, final, letters)[0],
    )


def _rotated_otherwise(loaded: LoadedModel, n_prefix: int, n_tokens: int) -> bool:
    """Whether the whole prompt, by its length, has other rotary frequencies than its prefix had alone (LongRoPE)."""
    rope = getattr(loaded.model.config, "rope_parameters", None) or {}
    return rope.get("rope_type") == "longrope" and 0 < n_prefix <= rope["original_max_position_embeddings"] < n_tokens


def run_rows(
    loaded: LoadedModel, state: PromptState, n_rows: int, edits: Mapping[int, Edit], *, first_layer: int = 0
) -> torch.Tensor:
    """Final hidden states (R, D), after the final norm, of `n_rows` copies of the last token under `edits`.

    Computation begins at `first_layer` from the stored hidden state: no edit may be below it.
    """
    return run_entering(loaded, state, {first_layer: state.hidden[first_layer].expand(n_rows, -1)}, edits)


def run_entering(
    loaded: LoadedModel,
    state: PromptState,
    entering: Mapping[int, torch.Tensor],
    edits: Mapping[int, Edit] | None = None,
) -> torch.Tensor:
    """Final hidden states (R, D), after the final norm, of rows that enter with given hidden states.

    entering: by layer, (n, D), read in place of that layer's input; n_layers stands for the final norm. Rows come in
    ascending order of their layers, and a layer computes only those that have entered. An architecture whose rows are
    a batch takes one layer's rows at a time.
    """
    position, n_rows = state.n_tokens - 1, sum(map(len, entering.values()))
    packed = loaded.architecture.rows == "packed"
    apart = packed and loaded.architecture.attention == "registry"
    # Otherwise each row is the last token of its own sequence, so that the model's own mask and positions are right.
    mask = row_mask(loaded, position, n_rows) if packed else None
    shaped = {layer: hidden[None] if packed else hidden[:, None] for layer, hidden in entering.items()}
    shape = (1, n_rows) if packed else (n_rows, 1)
    with ExitStack() as stack:
        stack.enter_context(started_at(loaded, shaped))
        stack.enter_context(edited_neurons(loaded, edits or {}))
        if apart:
            stack.enter_context(row_attention(loaded))
        output = loaded.model.base_model(
            input_ids=torch.full(shape, state.prompt.token_ids[-1], device=loaded.device),
            attention_mask=mask,
            position_ids=torch.full(shape, position, device=loaded.device),
            past_key_values=_row_cache(state.key_values, apart),
            use_cache=True,
        )
    return output.last_hidden_state.flatten(0, 1)
