"""Runs the prompts of one task. Tokens that prompts share at their beginning are run once."""

from collections.abc import Hashable, Iterable, Sequence
from itertools import groupby

from neuron_core.models.letters import TokenizedPrompt, common_prefix_length
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.prompt_pass import check_length, run_prefix, run_prompts
from neuron_core.models.prompt_state import EMPTY_PREFIX, PromptBatch
from neuron_core.models.trees import Tree, TreePass, can_run, run_trees

TOKENS_PER_PASS = 1024
"most tokens of a pass; shared tokens count for each prompt, because each prompt has its keys and values"


class SharedPrompts:
    """Runs the prompts of an example after the cached prefix of the task (role, rule, demonstration).

    The stem, which the prompts of an example share, is run once. Neighbouring examples share a pass, because a pass
    over few tokens spends its time reading weights. Which examples share a pass is decided over all prompts, not only
    over those that are run. So the numbers of a question do not depend on the order in which questions are run.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        prompts: Sequence[TokenizedPrompt],
        groups: Sequence[Hashable],
        tokens_per_pass: int = TOKENS_PER_PASS,
    ) -> None:
        """groups: the example of each prompt. The prompts of an example follow each other."""
        self._loaded, self._prompts, self._tokens_per_pass = loaded, prompts, tokens_per_pass
        numbered = groupby(zip(groups, range(len(prompts)), strict=True), key=lambda pair: pair[0])
        self.examples = [tuple(number for _, number in members) for _, members in numbered]
        "numbers of the prompts of each example, in order"
        self._task = run_prefix(loaded, _shared(prompts)) if prompts else EMPTY_PREFIX
        n_task = len(self._task.token_ids)
        self._trees = [Tree.of([prompts[n] for n in members], n_task) for members in self.examples]
        parts = _passes([tree.n_tokens for tree in self._trees], tokens_per_pass)
        self._pass_of = {example: part for part in parts for example in part}
        self._last: tuple[range, TreePass] | None = None

    def chosen(self, examples: Iterable[int] | None) -> Iterable[int]:
        """These places of `examples`; None stands for all of them, in order."""
        return range(len(self.examples)) if examples is None else examples

    def tokens(self, number: int) -> TokenizedPrompt:
        """The tokens of one prompt."""
        return self._prompts[number]

    def run(self, example: int) -> list[PromptBatch]:
        """Runs the unmodified model on the prompts of one example, in as few passes as possible. The states are in
        order.
        """
        tree, part = self._trees[example], self._pass_of[example]
        for prompt in tree.prompts:
            check_length(self._loaded, prompt)
        if not can_run(self._loaded) or tree.n_tokens > self._tokens_per_pass:
            return self._one_after_the_other(tree)
        if self._last is None or self._last[0] != part:
            self._last = part, run_trees(self._loaded, self._trees[part.start : part.stop], self._task)
        return [self._last[1].batch(example - part.start)]

    def _one_after_the_other(self, tree: Tree) -> list[PromptBatch]:
        """Runs the stem and then the prompts, for a tree that is too long for one pass or that the family can't run."""
        stem = tree.prompts[0].token_ids[: tree.n_shared]
        prefix = run_prefix(self._loaded, stem, self._task)
        parts = _passes([len(prompt.token_ids) for prompt in tree.prompts], self._tokens_per_pass)
        several = [tree.prompts[part.start : part.stop] for part in parts]
        return [batch for prompts in several for batch in run_prompts(self._loaded, prompts, prefix)]


def _passes(lengths: Sequence[int], most: int) -> list[range]:
    """Groups neighbours as long as all of a group, padded to the longest, have at most `most` tokens."""
    parts: list[range] = []
    for place in range(len(lengths)):
        last = parts[-1] if parts else range(0)
        if parts and max(lengths[last.start : place + 1]) * (len(last) + 1) <= most:
            parts[-1] = range(last.start, place + 1)
        else:
            parts.append(range(place, place + 1))
    return parts


def _shared(prompts: Sequence[TokenizedPrompt]) -> tuple[int, ...]:
    ids = [prompt.token_ids for prompt in prompts]
    return ids[0][: common_prefix_length(ids)]
