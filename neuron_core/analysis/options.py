"""Figure 10 as a table: the answers to one question under our neurons and under those of rivals. No torch."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from neuron_core.analysis.answers import Answer, alone, answers
from neuron_core.control.interventions import Direction, Intervention
from neuron_core.control.metrics import Evaluation
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.errors import ConfigError, first_of
from neuron_core.tasks.task import LETTERS

BEFORE = "original"


def question_to_show(p: OptionProbabilities, direction: Direction) -> int:
    """The first question that the direction could change: wrong before an enhancer, right before a degrader.

    Question 0 if there is no such question.
    """
    wanted = direction == "degrader"
    for number, right in enumerate(p.correct[:, 0].tolist()):
        if right == wanted:
            return number
    return 0


def question_answers(
    p: OptionProbabilities,
    plan: Sequence[Intervention],
    evaluation: Evaluation,
    question: int,
    k: int,
    direction: Direction,
    methods: Sequence[str],
    ours: str = "ace",
) -> tuple[Answer, ...]:
    """The answers of the unmodified model, under each rival at its best ratio, and under our good, bad and all neurons.

    Raises ConfigError for a method or ratio that was not evaluated.
    """
    chosen = {best.source: best.ratio for best in evaluation.best if (best.k, best.direction) == (k, direction)}
    if missing := [method for method in (*methods, ours) if method not in chosen]:
        raise ConfigError(f"{first_of(missing)} with K = {k}, {direction}, not evaluated", accepted=first_of(chosen))
    rivals = {(method, direction): chosen[method] for method in methods if method != ours}
    *found, both = answers(p, plan, question, k, {**rivals, (ours, direction): chosen[ours]})
    return (*found, *alone(p, plan, question, k, ours, direction), replace(both, source=f"{ours}, both"))


def option_table(found: Sequence[Answer], correct: int) -> pd.DataFrame:
    """One row per answer: method, direction, ratio, A to D, cross_entropy, letter, correct_letter, success.

    success: the correct letter is the highest under an enhancer, or is not under a degrader. None for the unmodified
    model.
    """
    rows = []
    for one in found:
        success = None if one.direction is None else one.correct == (one.direction == "enhancer")
        rows.append(
            {
                "method": one.source or BEFORE,
                "direction": one.direction,
                "ratio": one.ratio,
                **dict(zip(LETTERS, one.probabilities, strict=True)),
                "cross_entropy": one.cross_entropy,
                "letter": LETTERS[one.letter],
                "correct_letter": LETTERS[correct],
                "success": success,
            }
        )
    return pd.DataFrame(rows)
