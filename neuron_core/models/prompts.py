"""Prompts of one task: what all of them begin with is run once, what those of one example share once an example."""

from collections.abc import Hashable, Iterable, Sequence
from itertools import groupby

from neuron_core.models.letters import TokenizedPrompt, common_prefix_length
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.prompt_pass import check_length, run_prefix, run_prompts
from neuron_core.models.prompt_state import EMPTY_PREFIX, PromptBatch
from neuron_core.models.trees import Tree, TreePass, can_run, run_trees

TOKENS_PER_PASS = 1024
"tokens of all prompts of a pass, shared beginnings counted each time: their keys and values are there at once"


class SharedPrompts:
    """Runs an example's prompts after the cached prefix of their task (role, rule, demonstration).

    What the prompts of an example share, its stem, is computed once, and neighbouring examples share a pass: a pass
    over few tokens would spend its time on reading weights. Which examples share one is decided over all prompts given,
    whichever are run: a question's numbers do not depend on the order in which questions are run.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        prompts: Sequence[TokenizedPrompt],
        groups: Sequence[Hashable],
        tokens_per_pass: int = TOKENS_PER_PASS,
    ) -> None:
        """groups: the example of each prompt; those of one example follow each other."""
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
        """One prompt as the model reads it."""
        return self._prompts[number]

    def run(self, example: int) -> list[PromptBatch]:
        """The unmodified model on the prompts of one of `examples`: in order, in as few passes as they fit into."""
        tree, part = self._trees[example], self._pass_of[example]
        for prompt in tree.prompts:
            check_length(self._loaded, prompt)
        if not can_run(self._loaded) or tree.n_tokens > self._tokens_per_pass:
            return self._one_after_the_other(tree)
        if self._last is None or self._last[0] != part:
            self._last = part, run_trees(self._loaded, self._trees[part.start : part.stop], self._task)
        return [self._last[1].batch(example - part.start)]

    def _one_after_the_other(self, tree: Tree) -> list[PromptBatch]:
        """Where a tree is too long for one pass, or wrong for the family: the stem first, then the prompts."""
        stem = tree.prompts[0].token_ids[: tree.n_shared]
        prefix = run_prefix(self._loaded, stem, self._task)
        parts = _passes([len(prompt.token_ids) for prompt in tree.prompts], self._tokens_per_pass)
        several = [tree.prompts[part.start : part.stop] for part in parts]
        return [batch for prompts in several for batch in run_prompts(self._loaded, prompts, prefix)]


def _passes(lengths: Sequence[int], most: int) -> list[range]:
    """Neighbours together as long as all of them, padded to the longest, have at most so many tokens."""
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
