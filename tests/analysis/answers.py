"""Evaluations of two tasks from hand-made answers: how many of each example's three questions are right."""

import numpy as np

from neuron_core.control.interventions import DIRECTIONS, Intervention
from neuron_core.control.metrics import Evaluation, evaluate
from neuron_core.control.probabilities import OptionProbabilities

NONE = np.empty((0, 2), dtype=np.int32)
Right = list[int]


def probabilities(*columns: Right) -> OptionProbabilities:
    """Examples of three questions, 0.7 on the answer; a wrong answer is the letter after the right one."""
    targets = [(example + i) % 4 for example in range(len(columns[0])) for i in range(3)]
    values = np.full((len(targets), len(columns), 4), 0.1, dtype=np.float32)
    for c, column in enumerate(columns):
        for q, target in enumerate(targets):
            values[q, c, target if q % 3 < column[q // 3] else (target + 1) % 4] = 0.7
    return OptionProbabilities(
        values=values,
        targets=np.array(targets, dtype=np.int8),
        examples=np.array([q // 3 for q in range(len(targets))], dtype=np.int32),
        question_ids=tuple(f"q{q}" for q in range(len(targets))),
    )


def evaluated(baseline: Right, cells: dict[tuple[str, int, float], tuple[Right, Right]]) -> Evaluation:
    """cells: (source, K, ratio) → right answers under the enhancer and under the degrader."""
    plan, columns = [], [baseline]
    for (source, k, ratio), both in cells.items():
        plan += [Intervention(k, ratio, direction, NONE, NONE, source) for direction in DIRECTIONS]
        columns += both
    return evaluate(probabilities(*columns), plan, resamples=20)


# Baseline 6 of 12 right, 2 of 4 comprehended.
NER = [3, 2, 1, 0]
NER_ACE = {
    ("ace", 2, 0.0): ([3, 3, 1, 0], [2, 2, 1, 0]),  # 7, 2 and 5, 2
    ("ace", 2, 0.5): ([3, 3, 2, 1], [1, 1, 0, 0]),  # 9, 3 and 2, 0
    ("ace", 2, 1.0): ([3, 1, 1, 0], [3, 3, 1, 0]),  # 5, 1 and 7, 2
}
# Baseline 3 of 12 right, none comprehended: RCC is undefined.
SENTIMENT = [1, 1, 1, 0]
SENTIMENT_ACE = {
    ("ace", 2, 0.0): ([1, 1, 1, 0], [1, 1, 1, 0]),  # 3 and 3
    ("ace", 2, 0.5): ([1, 1, 1, 3], [1, 0, 0, 0]),  # 6 and 1
    ("ace", 2, 1.0): ([1, 0, 0, 0], [1, 1, 1, 1]),  # 1 and 4
}
