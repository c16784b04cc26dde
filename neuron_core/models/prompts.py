"""Prompts of one task: what all of them begin with is run once, what those of one example share once an example."""

from collections.abc import Hashable, Sequence
from itertools import groupby

from neuron_core.models.letters import TokenizedPrompt, common_prefix_length
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.rows import EMPTY_PREFIX, Prefix, PromptBatch, run_prefixes, run_prompts

TOKENS_PER_PASS = 1024
"tokens of all prompts of a pass, shared beginnings counted each time: their keys and values are there at once"


class SharedPrompts:
    """Runs an example's prompts after two cached prefixes: the task's (role, rule, demonstration), the example's stem.

    Prompts of an example share a pass, and so do the stems of neighbouring examples: a few tokens alone would leave the
    time to reading weights. All is taken over the prompts given, whichever are run: a question's numbers do not depend
    on the others' turn.
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
        self._task = run_prefixes(loaded, [_shared(prompts)])[0] if prompts else EMPTY_PREFIX
        stems = [_shared([prompts[n] for n in members]) for members in self.examples]
        # The only prompt of its example has no prefix of its own.
        self._stems = [stem if len(members) > 1 else () for stem, members in zip(stems, self.examples, strict=True)]
        parts = _passes([len(stem) for stem in self._stems], tokens_per_pass)
        self._pass_of = {example: part for part in parts for example in part}
        self._last: tuple[range, list[Prefix]] | None = None

    def tokens(self, number: int) -> TokenizedPrompt:
        """One prompt as the model reads it."""
        return self._prompts[number]

    def run(self, example: int) -> list[PromptBatch]:
        """The unmodified model on the prompts of one of `examples`: in order, in as few passes as they fit into."""
        prefix, prompts = self._prefix(example), [self._prompts[n] for n in self.examples[example]]
        parts = _passes([len(prompt.token_ids) for prompt in prompts], self._tokens_per_pass)
        return [batch for part in parts for batch in run_prompts(self._loaded, prompts[part.start : part.stop], prefix)]

    def _prefix(self, example: int) -> Prefix:
        if not self._stems[example]:
            return self._task
        members = self._pass_of[example]
        if self._last is None or self._last[0] != members:
            stems = [self._stems[each] or self._task.token_ids for each in members]
            self._last = members, run_prefixes(self._loaded, stems, self._task)
        return self._last[1][example - members.start]


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
