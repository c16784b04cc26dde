"""Chooses how many rows go through the model together, and makes the passes smaller when memory runs out."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from neuron_core.cni.methods import LETTER_TARGETS, targets_of
from neuron_core.cni.passes import Passes, PassShape, choose
from neuron_core.models.device import free_memory
from neuron_core.models.fitting import until_it_fits
from neuron_core.models.letters import encode
from neuron_core.models.loaded import LoadedModel
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.config import AttributionConfig

Result = TypeVar("Result")


def passes_for(
    loaded: LoadedModel,
    questions: Sequence[ProxyQuestion],
    attribution: AttributionConfig,
    n_tokens: int = 0,
    share: float = 1.0,
) -> Passes:
    """The chunk plan with as many rows as fit into the free memory; with several GPUs, into that of the fullest.

    n_tokens: length in tokens of a prompt that may be longer than those of the questions. share: the part of the free
    memory that may be used, above 0 and up to 1.
    """
    longest = max((question.prompt for question in questions), key=len, default="")
    targets = targets_of(attribution.methods)
    shape = PassShape(
        n_layers=loaded.n_layers,
        n_neurons=loaded.n_neurons,
        hidden_size=loaded.hidden_size,
        n_heads=loaded.model.config.num_attention_heads,
        n_vocabulary=loaded.model.config.vocab_size if set(targets) - set(LETTER_TARGETS) else 0,
        n_tokens=max(n_tokens, len(encode(loaded.tokenizer, longest))),
        itemsize=loaded.dtype.itemsize,
        own_attention=loaded.architecture.attention == "own",
        batch=loaded.architecture.rows == "batch",
        device=loaded.device.type,
    )
    # Each layer has two more rows than steps: one at full value and one at zero.
    free = min(free_memory(device) for device in loaded.devices)
    return choose(shape, attribution.steps + 2, int(share * free))


class FittingPasses:
    """The chunk plan of a stage. It becomes smaller when memory runs out, and stays so for all later questions."""

    def __init__(
        self, passes: Passes, smaller: Callable[[Passes], Passes | None], on_smaller: Callable[[Passes], None]
    ) -> None:
        """smaller: the next smaller chunk plan, None when there is none. on_smaller: called with each smaller one."""
        self.now = passes
        self._smaller, self._on_smaller = smaller, on_smaller

    def run(self, attempt: Callable[[Passes], Result]) -> Result:
        """The result of `attempt`, which is repeated with smaller passes until memory suffices. ModelError when it does
        not suffice for the smallest.
        """
        result, self.now = until_it_fits(attempt, self.now, self._smaller, self._on_smaller)
        return result
