"""What is kept of a prompt after its pass through the unmodified model, and of a prefix that prompts share."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from neuron_core.models.letters import TokenizedPrompt

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
    """Prompts whose rows go through the model together."""

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
        """States that have no keys and values yet, with those of the pass that they share."""

        def own(row: int, state: PromptState) -> PromptState:
            end = state.n_tokens - 1
            return replace(
                state, key_values=[(k[row : row + 1, :, :end], v[row : row + 1, :, :end]) for k, v in key_values]
            )

        return cls(tuple(own(row, state) for row, state in enumerate(states)), key_values)

    def hidden(self, layer: int) -> torch.Tensor:
        """Input of a layer at the last token of every prompt, (Q, D). n_layers stands for the last layer's output."""
        return torch.stack([state.hidden[layer] for state in self.states])

    def parts(self, size: int) -> "list[PromptBatch]":
        """The same prompts in batches of at most `size` prompts."""
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
