"""One question before and under interventions (paper, Figure 10). No torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neuron_core.control.interventions import DIRECTIONS, Direction, Intervention, control_family
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.control.results import Evaluation
from neuron_core.errors import ConfigError

PARTS = {"good": 1.0, "bad": 0.0}
"part of a source's neurons → the ratio that takes no others"
Chosen = Mapping[tuple[str, Direction], float]
"source and direction → ratio"


@dataclass(frozen=True)
class Answer:
    """One question as answered by the unmodified model, under one intervention, or under sets of random neurons."""

    source: str
    'whose neurons; "" for the unmodified model'
    direction: Direction | None
    ratio: float | None
    probabilities: tuple[float, ...]
    "P(A), P(B), P(C), P(D) among the four; means over random sets"
    low: tuple[float, ...]
    "lowest of each over random sets; the probabilities themselves otherwise"
    high: tuple[float, ...]
    letter: int
    "place of the highest, ties in letter order"
    correct: bool
    cross_entropy: float
    "−ln P(correct letter), in nats; mean over random sets"
    n_sets: int
    "random sets that the numbers are means of; 1 otherwise"


def group_of(source: str) -> str:
    """The source without the seed of a random set: "random-3" → "random", "random+-3" → "random+"."""
    return control_family(source) or source


def chosen_ratios(evaluation: Evaluation, k: int, ratio: float | None = None) -> dict[tuple[str, Direction], float]:
    """The ratio of every source and direction of a budget: its best one, or `ratio` where that was evaluated.

    Random sets get the ratio of the source that comes first where they have it: they are its control.
    """
    found: dict[tuple[str, Direction], float] = {}
    for best in evaluation.best:
        if best.k == k:
            there = {row.ratio for row in evaluation.grid if (row.k, row.source) == (k, best.source)}
            found[best.source, best.direction] = ratio if ratio in there and ratio is not None else best.ratio
    first = {direction: next((r for (_, d), r in found.items() if d == direction), 0.5) for direction in DIRECTIONS}
    for row in evaluation.random:
        if row.k == k:
            ratios = {other.ratio for other in evaluation.random if (other.k, other.source) == (k, row.source)}
            wanted = first[row.direction]
            found[row.source, row.direction] = wanted if wanted in ratios else min(ratios)
    return found


def answers(
    p: OptionProbabilities, plan: Sequence[Intervention], question: int, k: int, ratios: Chosen
) -> tuple[Answer, ...]:
    """The question before and under each source and direction of `ratios`, in their order.

    Column 1 + i of `p` is plan[i]. ConfigError for a cell that was not evaluated or a question that is none.
    """
    if not 0 <= question < len(p.values):
        raise ConfigError(f"there is no question {question}", accepted=f"0 to {len(p.values) - 1}")
    values, target = p.values[question], int(p.targets[question])
    columns: dict[tuple[str, Direction, float], list[int]] = {}
    for place, one in enumerate(plan):
        if one.k == k:
            columns.setdefault((group_of(one.source), one.direction, one.ratio), []).append(1 + place)
    found = [_answer("", None, None, values[:1], target)]
    for (source, direction), ratio in ratios.items():
        if (source, direction, ratio) not in columns:
            raise ConfigError(
                f"{source} under {direction} at K = {k} and ratio {ratio:g} was not evaluated",
                accepted="a source, budget and ratio of the evaluation",
            )
        found.append(_answer(source, direction, ratio, values[columns[source, direction, ratio]], target))
    return tuple(found)


def alone(
    p: OptionProbabilities, plan: Sequence[Intervention], question: int, k: int, source: str, direction: Direction
) -> tuple[Answer, Answer]:
    """The question under the good neurons of a source alone, ratio 1, and under the bad ones alone, ratio 0.

    Their sources are "ace, good" and "ace, bad". ConfigError as of `answers`.
    """
    good, bad = (
        replace(answers(p, plan, question, k, {(source, direction): ratio})[1], source=f"{source}, {part}")
        for part, ratio in PARTS.items()
    )
    return good, bad


def _answer(
    source: str, direction: Direction | None, ratio: float | None, rows: NDArray[np.float32], target: int
) -> Answer:
    """rows: (sets, 4)."""
    exact = rows.astype(np.float64)
    mean = exact.mean(axis=0)
    # An option that underflowed to 0 has a cross entropy beyond what float32 can say, not an infinite one.
    surprise = -np.log(np.maximum(exact[:, target], np.finfo(np.float32).tiny))
    return Answer(
        source=source,
        direction=direction,
        ratio=ratio,
        probabilities=tuple(mean.tolist()),
        low=tuple(exact.min(axis=0).tolist()),
        high=tuple(exact.max(axis=0).tolist()),
        letter=int(mean.argmax()),
        correct=int(mean.argmax()) == target,
        cross_entropy=float(surprise.mean()) + 0.0,
        n_sets=len(rows),
    )
