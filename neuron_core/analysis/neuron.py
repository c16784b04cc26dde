"""One neuron in saved runs: its name, its rank, its effect on each question. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuron_core.analysis.layers import Role
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.control.findings import NeuronEffect, Steering
from neuron_core.control.interventions import Intervention
from neuron_core.control.metrics import QuestionRow, question_rows
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.errors import ConfigError


@dataclass(frozen=True)
class Standing:
    """The rank and the score of a neuron in one ranking."""

    method: str
    role: Role | None
    "None if its score is 0, so that it is not in the ranking"
    rank: int | None
    "rank within its role, counted from 1"
    n_role: int
    "number of neurons of its role in the whole ranking"
    score: float
    "task score, in units of the method's target"


@dataclass(frozen=True)
class QuestionScore:
    """The attribution of a neuron in one question."""

    question_id: str
    target: str
    "name of the function F that was attributed"
    ig: float
    "IG (Eq. 1), in units of F"
    value: float
    "the neuron's value at the last token"


@dataclass(frozen=True)
class EffectSummary:
    """The effect of one intervention on one neuron, over all questions."""

    n_questions: int
    mean_change: float
    "mean change of the correct letter's probability among the four"
    largest_change: float
    "the change furthest from 0"
    accuracy_before: float
    accuracy_after: float
    gained: int
    "number of questions that go from wrong to right"
    lost: int
    changed: int
    "number of questions that go from one wrong letter to another"


def parse_neuron(text: str, n_layers: int, n_neurons: int) -> tuple[int, int]:
    """Parses `12.345` as (12, 345). Raises ConfigError for any other form, and for a neuron outside of the model."""
    layer, _, index = text.strip().partition(".")
    if not (layer.isdecimal() and index.isdecimal() and len(text) <= 20):
        raise ConfigError(
            f"no neuron is called {text.strip()[:40]!r}", where="Go to L.i", accepted="layer.index, for instance 12.345"
        )
    check_place(int(layer), int(index), n_layers, n_neurons)
    return int(layer), int(index)


def check_place(layer: int, index: int, n_layers: int, n_neurons: int) -> None:
    """Raises ConfigError for a neuron that a model of this size does not have."""
    if not (0 <= layer < n_layers and 0 <= index < n_neurons):
        raise ConfigError(f"the model has no neuron {layer}.{index}", accepted=f"0.0 to {n_layers - 1}.{n_neurons - 1}")


def standing(ranking: NeuronRanking, method: str, layer: int, index: int) -> Standing:
    """Role, rank and score of a neuron in a ranking. Ranks follow the order of `NeuronRanking.cut`."""
    whole = ranking.cut(len(ranking.scores))
    for role, neurons, scores in (("good", whole.good, whole.good_scores), ("bad", whole.bad, whole.bad_scores)):
        places = np.flatnonzero((neurons == (layer, index)).all(axis=1))
        if len(places):
            place = int(places[0])
            return Standing(method, role, place + 1, len(neurons), float(scores[place]))  # type: ignore[arg-type]
    return Standing(method, None, None, 0, 0.0)


def single_plan(layer: int, index: int) -> tuple[Intervention, Intervention]:
    """Two interventions on this neuron alone: it is silenced, or it is doubled."""
    neuron, none = np.array([[layer, index]], dtype=np.int32), np.empty((0, 2), dtype=np.int32)
    source = f"{layer}.{index}"
    return Intervention(1, 1.0, "degrader", neuron, none, source), Intervention(
        1, 1.0, "enhancer", neuron, none, source
    )


def effect_rows(effect: NeuronEffect) -> tuple[tuple[QuestionRow, ...], tuple[QuestionRow, ...]]:
    """The rows of all questions with the neuron silenced, and those with the neuron doubled."""
    values = np.stack([effect.unmodified, effect.silenced, effect.doubled], axis=1).astype(np.float32)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(effect.examples))}
    probabilities = OptionProbabilities(
        values=values,
        targets=np.array(effect.targets, dtype=np.int8),
        examples=np.array([numbers[name] for name in effect.examples], dtype=np.int32),
        question_ids=effect.question_ids,
    )
    plan = single_plan(0, 0)
    return question_rows(probabilities, plan, 0), question_rows(probabilities, plan, 1)


def summary(rows: Sequence[QuestionRow]) -> EffectSummary:
    """The rows of one intervention in total. ConfigError without a row."""
    if not rows:
        raise ConfigError("there is no question to sum up", accepted="at least one question")
    changes = np.array([row.p_correct_after - row.p_correct_before for row in rows])
    flips = [row.flip for row in rows]
    before = sum(row.baseline_letter == row.correct_letter for row in rows)
    after = sum(row.new_letter == row.correct_letter for row in rows)
    return EffectSummary(
        n_questions=len(rows),
        mean_change=float(changes.mean()),
        largest_change=float(changes[np.abs(changes).argmax()]),
        accuracy_before=before / len(rows),
        accuracy_after=after / len(rows),
        gained=flips.count("gained"),
        lost=flips.count("lost"),
        changed=flips.count("changed"),
    )


def steering_of(one: Intervention) -> Steering:
    """The neurons of an intervention as a steering of generated text."""
    excited, silenced = (tuple((int(a), int(b)) for a, b in neurons) for neurons in (one.excited, one.silenced))
    return Steering(excited, silenced)
