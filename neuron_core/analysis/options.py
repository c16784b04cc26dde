"""Figure 10 as a table: one question before, under good, bad and both kinds of neurons, and under rivals. No torch."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from neuron_core.analysis.answers import Answer, alone, answers
from neuron_core.control.interventions import Direction, Intervention
from neuron_core.control.metrics import Evaluation
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.errors import ConfigError
from neuron_core.tasks.task import LETTERS

BEFORE = "original"


def question_to_show(p: OptionProbabilities, direction: Direction) -> int:
    """The first question that the unmodified model gets wrong (enhancer) or right (degrader); else the first of all."""
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
    """The question before any intervention, under each rival at its best ratio, and under ours: good, bad, both.

    ConfigError for a method or ratio that was not evaluated.
    """
    chosen = {best.source: best.ratio for best in evaluation.best if (best.k, best.direction) == (k, direction)}
    if missing := [method for method in (*methods, ours) if method not in chosen]:
        raise ConfigError(f"{', '.join(missing)} with K = {k}, {direction}, not evaluated", accepted=", ".join(chosen))
    rivals = {(method, direction): chosen[method] for method in methods if method != ours}
    *found, both = answers(p, plan, question, k, {**rivals, (ours, direction): chosen[ours]})
    return (*found, *alone(p, plan, question, k, ours, direction), replace(both, source=f"{ours}, both"))


def option_table(found: Sequence[Answer], correct: int) -> pd.DataFrame:
    """One row an answer: method, direction, ratio, A to D, cross_entropy, letter, correct_letter, success.

    success: under an enhancer the correct letter is the highest, under a degrader it is not; None before any.
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
