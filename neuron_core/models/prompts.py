"""Prompts of one task: what all of them begin with is run once, what those of one example share once an example."""

from collections.abc import Hashable, Sequence

from neuron_core.models.letters import TokenizedPrompt, common_prefix_length
from neuron_core.models.loading import LoadedModel
from neuron_core.models.rows import EMPTY_PREFIX, Prefix, PromptState, run_prefix, run_prompt


class SharedPrompts:
    """Runs any of some prompts after two cached prefixes: the task's (role, rule, demonstration), the example's (stem).

    Both are taken over all prompts given, whichever are run: a question's numbers do not depend on the others' turn.
    """

    def __init__(self, loaded: LoadedModel, prompts: Sequence[TokenizedPrompt], groups: Sequence[Hashable]) -> None:
        """groups: the example of each prompt."""
        self._loaded, self._prompts, self._groups = loaded, prompts, groups
        self._members: dict[Hashable, list[TokenizedPrompt]] = {}
        for prompt, group in zip(prompts, groups, strict=True):
            self._members.setdefault(group, []).append(prompt)
        self._task = run_prefix(loaded, _shared(prompts)) if prompts else EMPTY_PREFIX
        # Questions of an example follow each other: the prefix of one is kept.
        self._last: tuple[Hashable, Prefix] | None = None

    def tokens(self, number: int) -> TokenizedPrompt:
        """One prompt as the model reads it."""
        return self._prompts[number]

    def run(self, number: int) -> PromptState:
        """The unmodified model on one prompt."""
        return run_prompt(self._loaded, self._prompts[number], self._prefix(self._groups[number]))

    def _prefix(self, group: Hashable) -> Prefix:
        members = self._members[group]
        if len(members) == 1:
            return self._task
        if self._last is None or self._last[0] != group:
            self._last = group, run_prefix(self._loaded, _shared(members), self._task)
        return self._last[1]


def _shared(prompts: Sequence[TokenizedPrompt]) -> tuple[int, ...]:
    ids = [prompt.token_ids for prompt in prompts]
    return ids[0][: common_prefix_length(ids)]
