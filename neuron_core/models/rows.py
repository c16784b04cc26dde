"""Cached rows: after one pass over a prompt, its last token again and again, each time changed otherwise.

Only the last position changes and attention is causal: keys and values of earlier tokens are computed once.
A row is a copy of the last token, at its position, that attends to those tokens and to itself only.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from neuron_core.errors import ModelError
from neuron_core.models.attention import row_attention
from neuron_core.models.hooks import Edit, edited_neurons, recorded_at, started_at
from neuron_core.models.letters import TokenizedPrompt
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.loading import letter_logits
from neuron_core.models.masks import row_mask
from neuron_core.models.weights import check_ids

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


@dataclass(frozen=True, eq=False)
class PromptBatch:
    """Prompts whose rows share a pass."""

    states: tuple[PromptState, ...]
    "Q prompts"
    key_values: KeyValues
    "one (keys, values) a layer, each (Q, heads, P, head size): P tokens of the longest but for its last, others padded"

    @classmethod
    def of(cls, state: PromptState) -> "PromptBatch":
        """One prompt alone."""
        return cls((state,), state.key_values)

    @classmethod
    def with_keys(cls, states: Sequence[PromptState], key_values: KeyValues) -> "PromptBatch":
        """States that lack their keys and values, which are those of a pass, with them."""

        def own(row: int, state: PromptState) -> PromptState:
            end = state.n_tokens - 1
            return replace(
                state, key_values=[(k[row : row + 1, :, :end], v[row : row + 1, :, :end]) for k, v in key_values]
            )

        return cls(tuple(own(row, state) for row, state in enumerate(states)), key_values)

    def hidden(self, layer: int) -> torch.Tensor:
        """Input of a layer at the last token of every prompt, n_layers for the last one's output → (Q, D)."""
        return torch.stack([state.hidden[layer] for state in self.states])

    def parts(self, size: int) -> "list[PromptBatch]":
        """The same prompts, so many at a time."""
        found = []
        for start in range(0, len(self.states), size):
            states = self.states[start : start + size]
            longest = max(state.n_tokens for state in states) - 1
            rows = slice(start, start + size)
            found.append(
                PromptBatch(states, [(k[rows, :, :longest], v[rows, :, :longest]) for k, v in self.key_values])
            )
        return found


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


def _key_values(cache: DynamicCache, length: int, row: int | None = None) -> KeyValues:
    """Of the first tokens, in all sequences or one."""
    rows = slice(None) if row is None else slice(row, row + 1)
    return [(layer.keys[rows, :, :length], layer.values[rows, :, :length]) for layer in cache.layers]


def check_length(loaded: LoadedModel, prompt: TokenizedPrompt, where: str | None = None) -> None:
    """ModelError for a prompt longer than the model's context, or with a token beyond its embedding."""
    check_ids(loaded, prompt.token_ids, where)
    n_tokens = len(prompt.token_ids)
    if n_tokens > loaded.context_length:
        raise ModelError(f"the prompt has {n_tokens} tokens", where=where, accepted=f"at most {loaded.context_length}")


@torch.no_grad()
def run_prefix(loaded: LoadedModel, token_ids: Sequence[int], before: Prefix = EMPTY_PREFIX) -> Prefix:
    """One pass over tokens that several prompts begin with, after those of `before`, a beginning of them."""
    ids, n_before = tuple(token_ids), len(before.token_ids)
    if ids[:n_before] != before.token_ids:
        raise ModelError("the cached prefix is not a beginning of the longer one")
    if ids == before.token_ids:
        return before
    if _rotated_otherwise(loaded, n_before, [ids]):
        return run_prefix(loaded, ids)
    cache, _ = _padded_pass(loaded, [ids[n_before:]], before)
    return Prefix(ids, _key_values(cache, len(ids)))


def run_prompt(loaded: LoadedModel, prompt: TokenizedPrompt, prefix: Prefix = EMPTY_PREFIX) -> PromptState:
    """The unmodified model on a prompt whose first tokens are `prefix`; everything that rows need is kept."""
    return run_prompts(loaded, [prompt], prefix)[0].states[0]


@torch.no_grad()
def run_prompts(
    loaded: LoadedModel, prompts: Sequence[TokenizedPrompt], prefix: Prefix = EMPTY_PREFIX
) -> list[PromptBatch]:
    """The same for several prompts in one pass: one batch of them, or each alone where an architecture's rows are a
    batch themselves."""
    n_prefix, all_ids = len(prefix.token_ids), [prompt.token_ids for prompt in prompts]
    for prompt in prompts:
        check_length(loaded, prompt)
    if any(ids[:n_prefix] != prefix.token_ids or n_prefix >= len(ids) for ids in all_ids):
        raise ModelError("the cached prefix is not a beginning of this prompt")
    if _rotated_otherwise(loaded, n_prefix, all_ids):
        return [run_prompts(loaded, [prompt])[0] for prompt in prompts]
    last = torch.tensor([len(ids) - n_prefix - 1 for ids in all_ids], device=loaded.device)
    hidden = torch.empty(
        len(prompts), loaded.n_layers + 1, loaded.hidden_size, dtype=loaded.dtype, device=loaded.device
    )
    neurons = torch.empty(len(prompts), loaded.n_layers, loaded.n_neurons, dtype=loaded.dtype, device=loaded.device)
    with recorded_at(loaded, last, hidden, neurons):
        cache, output = _padded_pass(loaded, [ids[n_prefix:] for ids in all_ids], prefix)
    final = output[torch.arange(len(prompts), device=loaded.device), last]
    states = prompt_states(loaded, prompts, hidden, neurons, final)
    whole = PromptBatch.with_keys(states, _key_values(cache, max(map(len, all_ids)) - 1))
    return whole.parts(1) if loaded.architecture.rows == "batch" else [whole]


def prompt_states(
    loaded: LoadedModel,
    prompts: Sequence[TokenizedPrompt],
    hidden: torch.Tensor,
    neurons: torch.Tensor,
    final: torch.Tensor,
) -> list[PromptState]:
    """States, still without keys and values, from what a pass left: hidden (Q, L + 1, D), neurons (Q, L, I), final
    hidden states (Q, D)."""
    letters = [torch.tensor(prompt.letter_ids, device=loaded.device) for prompt in prompts]
    return [
        PromptState(
            prompt=prompt,
            key_values=[],
            hidden=hidden[row],
            neurons=neurons[row],
            final_hidden=final[row : row + 1],
            letter_logits=letter_logits(loaded, final[row : row + 1], letters[row])[0],
        )
        for row, prompt in enumerate(prompts)
    ]


def _padded_pass(
    loaded: LoadedModel, several: Sequence[tuple[int, ...]], before: Prefix
) -> tuple[DynamicCache, torch.Tensor]:
    """The cache after `before` and each token sequence, padded at its end, and final hidden states (Q, n, D)."""
    longest = max(map(len, several))
    ids = torch.tensor([[*ids, *[0] * (longest - len(ids))] for ids in several], device=loaded.device)
    expanded = [tuple(part.expand(len(several), -1, -1, -1) for part in pair) for pair in before.key_values]
    # Without a config no layer drops keys, whatever the model's window; rows bring their own mask.
    cache = DynamicCache(expanded) if expanded else DynamicCache()
    output = loaded.model.base_model(input_ids=ids, past_key_values=cache, use_cache=True)
    return cache, output.last_hidden_state


def _rotated_otherwise(loaded: LoadedModel, n_prefix: int, several: Sequence[Sequence[int]]) -> bool:
    """Whether some of the sequences, by their length, have other rotary frequencies than their shared pass or their
    prefix alone."""
    lengths = {*map(len, several), *([n_prefix] if n_prefix else [])}
    return frequencies_change(loaded, min(lengths), max(lengths))


def frequencies_change(loaded: LoadedModel, shorter: int, longer: int) -> bool:
    """Whether texts of these lengths have different rotary frequencies (LongRoPE): keys of one do not fit the other."""
    rope = getattr(loaded.model.config, "rope_parameters", None) or {}
    # One set of parameters, or one a kind of layer.
    each = [rope, *(value for value in rope.values() if isinstance(value, dict))]
    return any(
        one.get("rope_type") == "longrope" and shorter <= one["original_max_position_embeddings"] < longer
        for one in each
    )


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
