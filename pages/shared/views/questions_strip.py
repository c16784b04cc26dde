"""All questions of an evaluation as marks in a row, the most changed first to open."""

from collections.abc import Sequence

from neuron_core.control.interventions import Direction
from neuron_core.control.metrics import QuestionRow


def largest_change(rows: Sequence[QuestionRow], direction: Direction) -> int:
    """Place of the question that changes most in the intended direction; one whose answer flips before all others."""
    sign = 1 if direction == "enhancer" else -1
    wanted = "gained" if direction == "enhancer" else "lost"
    return max(
        range(len(rows)),
        key=lambda i: (
            rows[i].flip == wanted,
            sign * (rows[i].p_correct_after - rows[i].p_correct_before),
        ),
    )
