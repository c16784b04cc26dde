"""Compares an unmodified text with a steered one, and chooses a prompt at which they will differ. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from neuron_core.control.findings import Generation, Written
from neuron_core.control.interventions import Direction, Intervention
from neuron_core.control.metrics import question_rows
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.control.results import Best, QuestionRow

Pieces = tuple[tuple[str, bool], ...]
"pieces of a text in order, each with whether the other text lacks its tokens"


@dataclass(frozen=True)
class ChangedAnswer:
    """A question that is answered differently under an intervention of the evaluation than by the unmodified model."""

    question: int
    "number of the question in the evaluation"
    k: int
    direction: Direction
    ratio: float
    row: QuestionRow


def changed_answer(
    p: OptionProbabilities, plan: Sequence[Intervention], best: Sequence[Best], source: str
) -> ChangedAnswer | None:
    """The question whose answer the source's neurons change most in the intended direction; None if there is none.

    Answers that become wrong come before those that become correct, and the largest budget before smaller ones.
    """
    own = [one for one in best if one.source == source]
    for one in sorted(own, key=lambda one: (one.direction == "enhancer", -one.k)):
        where = (one.k, one.ratio, one.direction, source)
        place = next(
            (i for i, step in enumerate(plan) if (step.k, step.ratio, step.direction, step.source) == where), None
        )
        if place is None:
            continue
        wanted = "gained" if one.direction == "enhancer" else "lost"
        flips = [(i, row) for i, row in enumerate(question_rows(p, plan, place)) if row.flip == wanted]
        if flips:
            question, row = max(flips, key=lambda flip: abs(flip[1].p_correct_after - flip[1].p_correct_before))
            return ChangedAnswer(question, one.k, one.direction, one.ratio, row)
    return None


def differing(texts: Generation) -> tuple[Pieces, Pieces]:
    """Both texts in pieces, with those marked whose tokens the other text does not have in this order."""
    one, other = texts.plain.token_ids, texts.steered.token_ids
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    same_one = {block.a + i for block in blocks for i in range(block.size)}
    same_other = {block.b + i for block in blocks for i in range(block.size)}
    return _pieces(texts.plain, same_one), _pieces(texts.steered, same_other)


def _pieces(written: Written, same: set[int]) -> Pieces:
    found: list[tuple[str, bool]] = []
    for place, (start, end) in enumerate(pairwise((0, *written.ends))):
        # The text may get shorter when the last token of a multi-token character is added.
        part, marked = written.text[start:end], place not in same
        if found and found[-1][1] == marked:
            found[-1] = found[-1][0] + part, marked
        elif part:
            found.append((part, marked))
    return tuple(found)
