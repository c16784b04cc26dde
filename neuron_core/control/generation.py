"""Writes text after a prompt, one token at a time, with or without steering."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from transformers import DynamicCache

from neuron_core.control.findings import Steering, TokenLogit, Written
from neuron_core.control.interventions import EXCITE
from neuron_core.control.neuron import check_neuron
from neuron_core.errors import ConfigError, ModelError
from neuron_core.models.hooks import Edit, edited_neurons
from neuron_core.models.letter_head import vocabulary_logits
from neuron_core.models.letters import encode
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.prompt_pass import frequencies_change, run_prefix
from neuron_core.models.prompt_state import Prefix
from neuron_core.models.tokenizers import decode
from neuron_core.models.weights import check_ids, refuse_not_finite

NEXT = 10


@dataclass(frozen=True, eq=False)
class Opening:
    """A prompt whose tokens except the last one have passed the model."""

    token_ids: tuple[int, ...]
    "all tokens of the prompt, including the last one"
    prefix: Prefix
    "cache of all tokens except the last one"


@torch.no_grad()
def open_prompt(loaded: LoadedModel, prompt: str, n_tokens: int) -> Opening:
    """Runs a prompt once, after which any number of texts can continue it. n_tokens: most tokens to be written.

    Raises ConfigError for an empty prompt or fewer than one token, and ModelError for more tokens than the model's
    context holds.
    """
    ids = encode(loaded.tokenizer, prompt)
    if not ids:
        raise ConfigError("the prompt is empty", accepted="at least one token")
    if n_tokens < 1:
        raise ConfigError(f"{n_tokens} new tokens", accepted="1 or more")
    if len(ids) + n_tokens > loaded.context_length:
        raise ModelError(
            f"the prompt has {len(ids)} tokens and {n_tokens} more are asked for",
            accepted=f"at most {loaded.context_length} together",
        )
    check_ids(loaded, ids)
    return Opening(ids, run_prefix(loaded, ids[:-1]))


def steering_edits(loaded: LoadedModel, steering: Steering) -> dict[int, Edit]:
    """Layer → the edit that doubles and zeroes the steering's neurons at every position of a pass."""
    factors: dict[int, torch.Tensor] = {}
    for neurons, factor in ((steering.excited, EXCITE), (steering.silenced, 0.0)):
        for layer, index in neurons:
            check_neuron(loaded, layer, index)
            if layer not in factors:
                factors[layer] = torch.ones(loaded.n_neurons, dtype=loaded.dtype, device=loaded.device)
            factors[layer][index] = factor

    def edit_by(factor: torch.Tensor) -> Edit:
        return lambda x: x * factor

    return {layer: edit_by(factor) for layer, factor in factors.items()}


class Writer:
    """Writes a text after a prompt. Its edits act at the prompt's last token and at every written token.

    With temperature 0 the most probable token is taken. Otherwise the token with the highest logit / temperature plus
    Gumbel noise is taken. The noise depends on (seed, position in the text), so that two writers with the same seed
    differ only by their edits. Between two steps the model is unchanged.
    """

    def __init__(self, opening: Opening, edits: Mapping[int, Edit], temperature: float, seed: int) -> None:
        if temperature < 0:
            raise ConfigError(f"temperature {temperature:g}", accepted="0 or higher")
        self._edits, self._temperature, self._seed = edits, temperature, seed
        known = opening.prefix.key_values
        # A cache without a config drops no keys. A pass appends to copies, so writers may share the prefix.
        self._cache = DynamicCache(known) if known else DynamicCache()
        self._token_ids, self._n_prompt = list(opening.token_ids), len(opening.token_ids)
        self.written = Written((), "", (), False)

    @torch.no_grad()
    def step(self, loaded: LoadedModel) -> Written:
        """Writes one more token and returns the text. Does nothing once the model has ended the text."""
        if self.written.ended:
            return self.written
        logits = vocabulary_logits(loaded, self._last_hidden(loaded))[0]
        before = self.written
        chosen = self._choose(logits, len(before.token_ids))
        # torch treats a NaN as the largest value.
        if not math.isfinite(float(logits[chosen])):
            refuse_not_finite(loaded, "the text so far")
        if chosen in end_ids(loaded):
            self.written = replace(before, ended=True)
        else:
            self._token_ids.append(chosen)
            token_ids = (*before.token_ids, chosen)
            text = decode(loaded.tokenizer, token_ids)
            self.written = replace(before, token_ids=token_ids, text=text, ends=(*before.ends, len(text)))
        if not before.next_tokens:
            self.written = replace(self.written, next_tokens=_most_probable(loaded, logits))
        return self.written

    def _last_hidden(self, loaded: LoadedModel) -> torch.Tensor:
        """The hidden state after the final norm at the last token so far, (1, D)."""
        new, edits = self._token_ids[-1:], self._edits
        length = len(self._token_ids)
        if length > 1 and frequencies_change(loaded, length - 1, length):
            # The rotary frequencies depend on the length, so the cached keys are outdated: run all tokens again.
            self._cache, new = DynamicCache(), self._token_ids
            edits = {layer: _from_position(self._n_prompt - 1, edit) for layer, edit in self._edits.items()}
        ids = torch.tensor([new], device=loaded.device)
        with edited_neurons(loaded, edits):
            output = loaded.model.base_model(input_ids=ids, past_key_values=self._cache, use_cache=True)
        hidden: torch.Tensor = output.last_hidden_state[0, -1:]
        return hidden

    def _choose(self, logits: torch.Tensor, place: int) -> int:
        if self._temperature == 0:
            return int(logits.argmax())
        noise = np.random.default_rng([self._seed, place]).gumbel(size=len(logits))
        return int((logits.cpu().double() / self._temperature + torch.from_numpy(noise)).argmax())


def _from_position(first: int, edit: Edit) -> Edit:
    """Applies the edit only at position `first` of the text and at later ones."""
    return lambda x: torch.cat([x[:first], edit(x[first:])])


def _most_probable(loaded: LoadedModel, logits: torch.Tensor) -> tuple[TokenLogit, ...]:
    values, ids = torch.topk(torch.softmax(logits, dim=-1), min(NEXT, len(logits)))
    pairs = zip(ids.tolist(), values.tolist(), strict=True)
    return tuple(TokenLogit(token_id, decode(loaded.tokenizer, [token_id]), value) for token_id, value in pairs)


def end_ids(loaded: LoadedModel) -> set[int]:
    """The tokens with which the model ends a text."""
    found = loaded.model.generation_config.eos_token_id
    ids = found if isinstance(found, list) else [found]
    return {token for token in (*ids, loaded.tokenizer.eos_token_id) if token is not None}
