"""Tests whether neurons serve the task or a letter, by scores and accuracy for each correct letter. No torch."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_core.analysis.common import role_order
from neuron_core.analysis.layers import ROLES
from neuron_core.analysis.specific import jaccard
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.cni.selection import example_scores, select
from neuron_core.errors import ConfigError
from neuron_core.tasks.task import LETTERS


def letter_scores(
    question_scores: NDArray[np.float32],
    targets: Sequence[int],
    right: Sequence[bool],
    ranking: NeuronRanking,
    k: int,
) -> pd.DataFrame:
    """One row per correct letter, with the columns letter, n_questions, accuracy, good and bad.

    good and bad are the summed scores of the K good and the K bad neurons, averaged over the questions with that
    correct letter; NaN without one. Neurons of the task have the same sign for every letter. Neurons that write a
    letter help if it is the correct one and hinder otherwise. question_scores: (Q, L, I). targets: place of the correct
    letter, (Q,). right: whether the unmodified model answers correctly, (Q,). Raises ConfigError if the lengths differ.
    """
    if not len(question_scores) == len(targets) == len(right):
        raise ConfigError(
            f"scores of {len(question_scores)} questions, {len(targets)} targets, {len(right)} answers",
            accepted="one target and one answer per question",
        )
    flat = question_scores.reshape(len(question_scores), -1)
    sums = {role: flat[:, role_order(ranking, role)[:k]].sum(axis=1, dtype=np.float64) for role in ROLES}
    rows = []
    for place, letter in enumerate(LETTERS):
        own = np.asarray(targets) == place
        there = bool(own.any())
        accuracy = float(np.asarray(right, dtype=float)[own].mean()) if there else np.nan
        good, bad = (float(sums[role][own].mean()) if there else np.nan for role in ROLES)
        rows.append((letter, int(own.sum()), accuracy, good, bad))
    return pd.DataFrame(rows, columns=["letter", "n_questions", "accuracy", "good", "bad"])


def without_letters(
    question_scores: NDArray[np.float32], examples: Sequence[int], targets: Sequence[int], z: int, k: int
) -> pd.DataFrame:
    """How the sets change when the questions with one correct letter are left out.

    One row per letter and role, with the columns letter, role, k, n, n_left (neurons of the full set that are still
    selected) and jaccard. Scores are summed and selected anew for each row. Leaving out a letter that no question has
    changes nothing.
    """
    full = select(example_scores(question_scores, examples), z)
    numbers, places = np.asarray(examples), np.asarray(targets)
    rows = []
    for place, letter in enumerate(LETTERS):
        kept = places != place
        if not kept.any():
            raise ConfigError(
                f"every question has the correct letter {letter}", accepted="questions of several letters"
            )
        less = select(example_scores(question_scores[kept], numbers[kept].tolist()), z)
        for role in ROLES:
            before, after = (set(role_order(one, role)[:k].tolist()) for one in (full, less))
            rows.append((letter, role, k, len(before), len(before & after), jaccard(before, after)))
    return pd.DataFrame(rows, columns=["letter", "role", "k", "n", "n_left", "jaccard"])
