"""A plain text beside a steered one: the tokens in which they differ, and a prompt at which they will. No torch."""

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
"parts of a text in their order, and whether the other text lacks their tokens"


@dataclass(frozen=True)
class ChangedAnswer:
    """A question that a setting of the evaluation answered otherwise than the unmodified model."""

    question: int
    "place among the evaluation's questions"
    k: int
    direction: Direction
    ratio: float
    row: QuestionRow


def changed_answer(
    p: OptionProbabilities, plan: Sequence[Intervention], best: Sequence[Best], source: str
) -> ChangedAnswer | None:
    """The question that the source's neurons change most as intended, right to wrong before wrong to right, and the
    largest budget before smaller ones; None where no best ratio changes an answer so.
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
    """Plain and steered text in pieces, those marked whose tokens the other one has not in this order."""
    one, other = texts.plain.token_ids, texts.steered.token_ids
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    same_one = {block.a + i for block in blocks for i in range(block.size)}
    same_other = {block.b + i for block in blocks for i in range(block.size)}
    return _pieces(texts.plain, same_one), _pieces(texts.steered, same_other)


def _pieces(written: Written, same: set[int]) -> Pieces:
    found: list[tuple[str, bool]] = []
    for place, (start, end) in enumerate(pairwise((0, *written.ends))):
        # The last token of a character that takes several may shorten the text.
        part, marked = written.text[start:end], place not in same
        if found and found[-1][1] == marked:
            found[-1] = found[-1][0] + part, marked
        elif part:
            found.append((part, marked))
    return tuple(found)
