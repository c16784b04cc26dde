"""The answers to one question, with and without interventions (paper, Figure 10). No torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neuron_core.control.interventions import DIRECTIONS, Direction, Intervention, control_family
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.control.results import Evaluation
from neuron_core.errors import ConfigError

PARTS = {"good": 1.0, "bad": 0.0}
"one role of a source's neurons → the ratio that uses only this role"
Chosen = Mapping[tuple[str, Direction], float]
"source and direction → ratio"


@dataclass(frozen=True)
class Answer:
    """An answer to one question: by the unmodified model, under an intervention, or under sets of random neurons."""

    source: str
    'whose neurons; "" for the unmodified model'
    direction: Direction | None
    ratio: float | None
    probabilities: tuple[float, ...]
    "P(A), P(B), P(C), P(D), softmax over the four letters; for random sets, means over the sets"
    low: tuple[float, ...]
    "lowest probability of each letter over the random sets; otherwise the probabilities themselves"
    high: tuple[float, ...]
    letter: int
    "place of the letter with the highest probability; ties go to the first letter"
    correct: bool
    cross_entropy: float
    "−ln P(correct letter), in nats; for random sets, the mean over the sets"
    n_sets: int
    "number of random sets that are averaged; 1 for any other answer"


def group_of(source: str) -> str:
    """The source without the seed of a random set: "random-3" becomes "random", "random+-3" becomes "random+"."""
    return control_family(source) or source


def chosen_ratios(evaluation: Evaluation, k: int, ratio: float | None = None) -> dict[tuple[str, Direction], float]:
    """(source, direction) → the ratio to show at budget k: the best one, or `ratio` if it is given and was evaluated.

    Random sets are a control of the first source, so they get its ratio if they were evaluated at it.
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
    """The unmodified model's answer to a question, then the answer under each source and direction of `ratios`.

    Column 1 + i of `p` is plan[i]. Raises ConfigError for a cell that was not evaluated, and for a question number that
    does not exist.
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
    """The answers under only the good neurons of a source (ratio 1) and under only its bad neurons (ratio 0).

    The sources are named "ace, good" and "ace, bad". Raises ConfigError as `answers` does.
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
    # A probability that underflowed to 0 is replaced by the smallest float32, so that the cross entropy stays finite.
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
