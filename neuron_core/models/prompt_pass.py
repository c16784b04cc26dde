"""Runs the unmodified model on prompts and on the prefixes that they share."""

from collections.abc import Sequence

import torch
from transformers import DynamicCache

from neuron_core.errors import ModelError
from neuron_core.models.hooks import recorded_at
from neuron_core.models.letter_head import letter_logits
from neuron_core.models.letters import TokenizedPrompt
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.prompt_state import EMPTY_PREFIX, KeyValues, Prefix, PromptBatch, PromptState
from neuron_core.models.weights import check_ids


def check_length(loaded: LoadedModel, prompt: TokenizedPrompt, where: str | None = None) -> None:
    """ModelError for a prompt longer than the model's context, or with a token beyond its embedding."""
    check_ids(loaded, prompt.token_ids, where)
    n_tokens = len(prompt.token_ids)
    if n_tokens > loaded.context_length:
        raise ModelError(f"the prompt has {n_tokens} tokens", where=where, accepted=f"at most {loaded.context_length}")


@torch.no_grad()
def run_prefix(loaded: LoadedModel, token_ids: Sequence[int], before: Prefix = EMPTY_PREFIX) -> Prefix:
    """Runs the tokens that several prompts begin with. Those of `before` come first and are not run again.

    ModelError when the tokens do not begin with those of `before`.
    """
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
    """Runs the unmodified model on a prompt that begins with `prefix`, and keeps everything that rows need."""
    return run_prompts(loaded, [prompt], prefix)[0].states[0]


@torch.no_grad()
def run_prompts(
    loaded: LoadedModel, prompts: Sequence[TokenizedPrompt], prefix: Prefix = EMPTY_PREFIX
) -> list[PromptBatch]:
    """Runs several prompts in one pass and returns them as one batch. Families whose rows are a batch (ALiBi, local
    attention) get a batch for each prompt.
    """
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
    """The states of Q prompts after a pass, still without keys and values.

    hidden: (Q, L + 1, D). neurons: (Q, L, I). final: hidden states after the final norm at the last token, (Q, D).
    """
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
    """Runs token sequences after `before`, padded at their ends to the longest, n tokens. Returns the cache and the
    hidden states after the final norm, (Q, n, D).
    """
    longest = max(map(len, several))
    ids = torch.tensor([[*ids, *[0] * (longest - len(ids))] for ids in several], device=loaded.device)
    expanded = [tuple(part.expand(len(several), -1, -1, -1) for part in pair) for pair in before.key_values]
    # A cache without a config keeps all keys, also where the model has a window. Rows have their own mask.
    cache = DynamicCache(expanded) if expanded else DynamicCache()
    output = loaded.model.base_model(input_ids=ids, past_key_values=cache, use_cache=True)
    return cache, output.last_hidden_state


def _rotated_otherwise(loaded: LoadedModel, n_prefix: int, several: Sequence[Sequence[int]]) -> bool:
    """Whether some of the sequences are so long or short that their rotary frequencies differ from those of the shared
    pass, or of the prefix alone.
    """
    lengths = {*map(len, several), *([n_prefix] if n_prefix else [])}
    return frequencies_change(loaded, min(lengths), max(lengths))


def frequencies_change(loaded: LoadedModel, shorter: int, longer: int) -> bool:
    """Whether texts of these lengths have different rotary frequencies (LongRoPE). If so, the keys of one do not fit
    the other.
    """
    rope = getattr(loaded.model.config, "rope_parameters", None) or {}
    # There is one set of parameters, or one for each kind of layer.
    each = [rope, *(value for value in rope.values() if isinstance(value, dict))]
    return any(
        one.get("rope_type") == "longrope" and shorter <= one["original_max_position_embeddings"] < longer
        for one in each
    )


def _key_values(cache: DynamicCache, length: int) -> KeyValues:
    """Keys and values of the first `length` tokens, in all sequences."""
    return [(layer.keys[:, :, :length], layer.values[:, :, :length]) for layer in cache.layers]
