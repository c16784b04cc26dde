"""Which questions of a stage an engine computes, and in passes of which size. No torch."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from neuron_core.cni.passes import Passes


@dataclass(frozen=True, eq=False)
class StagePart:
    """The part of an attribution or evaluation that is computed now. By default, all of it.

    What a question's numbers depend on is taken from all questions of the stage, also from those that are not
    computed. So a resumed run computes the same numbers as one that was never interrupted.
    """

    skip: Collection[int] = ()
    "numbers of the questions that are finished"
    passes: Passes | None = None
    "the chunk plan to begin with; None chooses one by the free memory"
    on_smaller: Callable[[Passes], None] = lambda _: None
    "called with the new chunk plan when memory ran out and the passes were made smaller"
    examples: Iterable[int] | None = None
    "places of the examples to compute, taken one by one; None computes all, in order"


WHOLE_STAGE = StagePart()
