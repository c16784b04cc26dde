"""Runs the prompts of several examples in one pass, where the tokens that the prompts of an example share are run once.

An example is a tree: its stem, then the rest of each prompt as a branch. The tokens of a tree are one sequence. A mask
lets each token attend to the task's prefix, to its stem and to its own branch. The positions of each branch go on from
the stem. So every branch is computed as if it were alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import DynamicCache

from neuron_core.models.hooks import recorded_at
from neuron_core.models.letters import TokenizedPrompt, common_prefix_length
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.masks import Mask, by_kind_of_layer
from neuron_core.models.prompt_pass import frequencies_change, prompt_states
from neuron_core.models.prompt_state import Prefix, PromptBatch, PromptState


@dataclass(frozen=True)
class Tree:
    """The prompts of one example as one sequence, without the prefix of the task."""

    prompts: tuple[TokenizedPrompt, ...]
    n_prefix: int
    "tokens of the task's prefix, which all prompts begin with"
    n_shared: int
    "tokens of prefix and stem together"

    @classmethod
    def of(cls, prompts: Sequence[TokenizedPrompt], n_prefix: int) -> "Tree":
        """The tree of these prompts. Its stem is what they all begin with after the prefix; a single prompt has no
        stem.
        """
        ids = [prompt.token_ids for prompt in prompts]
        return cls(tuple(prompts), n_prefix, common_prefix_length(ids) if len(ids) > 1 else n_prefix)

    @property
    def n_tokens(self) -> int:
        """Number of tokens of the prefix, the stem and all branches."""
        return self.n_shared + sum(len(prompt.token_ids) - self.n_shared for prompt in self.prompts)

    def tokens(self) -> list[int]:
        """The tokens of the stem, then those of each branch."""
        stem = self.prompts[0].token_ids[self.n_prefix : self.n_shared]
        return [*stem, *(token for prompt in self.prompts for token in prompt.token_ids[self.n_shared :])]

    def positions(self) -> list[int]:
        """Position of each token in its prompt."""
        stem = range(self.n_prefix, self.n_shared)
        return [*stem, *(place for prompt in self.prompts for place in range(self.n_shared, len(prompt.token_ids)))]

    def branches(self) -> list[int]:
        """0 for the tokens of the stem, 1 + i for those of the branch of prompt i."""
        stem = [0] * (self.n_shared - self.n_prefix)
        return [*stem, *(i for i, one in enumerate(self.prompts, 1) for _ in one.token_ids[self.n_shared :])]

    def ends(self) -> list[int]:
        """Place of each prompt's last token in `tokens`."""
        found, end = [], self.n_shared - self.n_prefix
        for prompt in self.prompts:
            end += len(prompt.token_ids) - self.n_shared
            found.append(end - 1)
        return found

    def cached(self, longest: int) -> list[list[int]]:
        """Places in the cache of each prompt's tokens without its last, padded with place 0 to length `longest`."""
        found = []
        for prompt, end in zip(self.prompts, self.ends(), strict=True):
            own = range(self.n_prefix + end + 1 - (len(prompt.token_ids) - self.n_shared), self.n_prefix + end)
            places = [*range(self.n_shared), *own]
            found.append(places + [0] * (longest - len(places)))
        return found


@dataclass(frozen=True, eq=False)
class TreePass:
    """The result of one pass over several trees."""

    trees: Sequence[Tree]
    cache: DynamicCache
    "keys and values of prefix and trees, padded at their ends"
    states: Sequence[Sequence[PromptState]]
    "of the prompts of each tree, without keys and values"

    def batch(self, number: int) -> PromptBatch:
        """The prompts of one tree, each with the keys and values of its own tokens."""
        tree, states = self.trees[number], self.states[number]
        longest = max(len(prompt.token_ids) for prompt in tree.prompts) - 1
        device = self.cache.layers[0].keys.device
        places = torch.tensor(tree.cached(longest), device=device)
        # (heads, P + n, size) → (prompts, heads, T - 1, size)
        pairs = [
            tuple(part[number][:, places.to(part.device)].transpose(0, 1) for part in (layer.keys, layer.values))
            for layer in self.cache.layers
        ]
        return PromptBatch.with_keys(states, [(keys, values) for keys, values in pairs])


def can_run(loaded: LoadedModel) -> bool:
    """Whether a model can run trees: its family must take packed rows, and its rotary frequencies must not depend on
    the length of the sequence, as they do with LongRoPE.
    """
    return loaded.architecture.rows == "packed" and not frequencies_change(loaded, 1, loaded.context_length)


@torch.no_grad()
def run_trees(loaded: LoadedModel, trees: Sequence[Tree], prefix: Prefix) -> TreePass:
    """Runs the unmodified model on the prompts of several examples in one pass, after their common prefix."""
    n_tokens = max(len(tree.tokens()) for tree in trees)
    n_prefix = len(prefix.token_ids)

    def padded(values: list[list[int]], filling: int) -> torch.Tensor:
        return torch.tensor([[*each, *[filling] * (n_tokens - len(each))] for each in values], device=loaded.device)

    ids = padded([tree.tokens() for tree in trees], 0)
    positions = padded([tree.positions() for tree in trees], n_prefix)
    branches = padded([tree.branches() for tree in trees], -1)
    expanded = [tuple(part.expand(len(trees), -1, -1, -1) for part in pair) for pair in prefix.key_values]
    cache = DynamicCache(expanded) if expanded else DynamicCache()
    ends = [(row, end) for row, tree in enumerate(trees) for end in tree.ends()]
    rows, last = torch.tensor(ends, device=loaded.device).T
    hidden = torch.empty(len(ends), loaded.n_layers + 1, loaded.hidden_size, dtype=loaded.dtype, device=loaded.device)
    neurons = torch.empty(len(ends), loaded.n_layers, loaded.n_neurons, dtype=loaded.dtype, device=loaded.device)
    with recorded_at(loaded, last, hidden, neurons, rows):
        output = loaded.model.base_model(
            input_ids=ids,
            attention_mask=_mask(loaded, positions, branches, n_prefix),
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
        )
    final = output.last_hidden_state[rows, last]
    prompts = [prompt for tree in trees for prompt in tree.prompts]
    states = iter(prompt_states(loaded, prompts, hidden, neurons, final))
    return TreePass(trees, cache, [[next(states) for _ in tree.prompts] for tree in trees])


def _mask(loaded: LoadedModel, positions: torch.Tensor, branches: torch.Tensor, n_prefix: int) -> Mask:
    """Additive mask, (B, 1, n, P + n). A token sees the prefix, its stem, and its branch up to itself. A window of W
    hides tokens that are W or more positions away.
    """
    before = torch.arange(n_prefix, device=positions.device).expand(len(positions), -1)
    # The keys of the prefix belong to every branch, as those of the stem do.
    keys = torch.cat([before, positions], dim=1)[:, None, :]
    of_keys = torch.cat([torch.zeros_like(before), branches], dim=1)[:, None, :]
    seen = ((of_keys == 0) | (of_keys == branches[:, :, None])) & (keys <= positions[:, :, None])

    def mask(window: int | None) -> torch.Tensor:
        near = seen if window is None else seen & (positions[:, :, None] - keys < window)
        out = torch.zeros(near.shape, dtype=loaded.dtype, device=loaded.device)
        return out.masked_fill_(~near, torch.finfo(loaded.dtype).min)[:, None]

    return by_kind_of_layer(loaded, mask)
