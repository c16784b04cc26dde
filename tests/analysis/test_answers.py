"""One question before and under each source, with numbers typed out."""

import math

import numpy as np
import pytest

from neuron_core.analysis.answers import answers, chosen_ratios, group_of
from neuron_core.control.interventions import Intervention
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.errors import ConfigError
from tests.figures import rows

NONE = np.empty((0, 2), dtype=np.int32)


def one(source, direction="enhancer", ratio=0.5, k=4):
    return Intervention(k, ratio, direction, NONE, NONE, source)


PLAN = [one("ours"), one("ours", "degrader"), one("random-0"), one("random-1"), one("ours", ratio=0.25)]
P = OptionProbabilities(
    values=np.array(
        [
            [
                [0.5, 0.25, 0.125, 0.125],
                [0.25, 0.5, 0.125, 0.125],
                [1.0, 0.0, 0.0, 0.0],
                [0.5, 0.5, 0.0, 0.0],
                [0.25, 0.25, 0.25, 0.25],
                [0.0, 0.0, 0.0, 1.0],
            ]
        ],
        dtype=np.float32,
    ),
    targets=np.array([1], dtype=np.int8),
    examples=np.array([0], dtype=np.int32),
    question_ids=("a#1",),
)
AT = {("ours", "enhancer"): 0.5, ("ours", "degrader"): 0.5, ("random", "enhancer"): 0.5}


def test_the_unmodified_model_comes_first_and_has_the_cross_entropy_of_its_correct_option():
    before, *_ = answers(P, PLAN, 0, 4, AT)
    assert (before.source, before.direction, before.ratio) == ("", None, None)
    assert before.probabilities == (0.5, 0.25, 0.125, 0.125)
    assert (before.letter, before.correct) == (0, False)
    assert before.cross_entropy == pytest.approx(math.log(4))


def test_a_source_answers_from_its_own_column():
    _, enhanced, degraded, _ = answers(P, PLAN, 0, 4, AT)
    assert (enhanced.source, enhanced.direction, enhanced.letter, enhanced.correct) == ("ours", "enhancer", 1, True)
    assert enhanced.cross_entropy == pytest.approx(0.693147, abs=1e-6)
    assert degraded.probabilities == (1.0, 0.0, 0.0, 0.0)
    assert degraded.cross_entropy == pytest.approx(87.3365, abs=1e-3)


def test_random_sets_are_a_mean_with_its_range():
    random = answers(P, PLAN, 0, 4, AT)[-1]
    assert random.n_sets == 2
    assert random.probabilities == (0.375, 0.375, 0.125, 0.125)
    assert (random.low, random.high) == ((0.25, 0.25, 0.0, 0.0), (0.5, 0.5, 0.25, 0.25))
    assert random.cross_entropy == pytest.approx(1.5 * math.log(2))


def test_a_cell_that_was_not_evaluated_is_refused():
    with pytest.raises(ConfigError, match="ours under enhancer at K = 4 and ratio"):
        answers(P, PLAN, 0, 4, {("ours", "enhancer"): 0.75})
    with pytest.raises(ConfigError, match="no question 1"):
        answers(P, PLAN, 1, 4, AT)


def test_only_the_seed_of_a_random_set_is_no_part_of_its_name():
    assert [group_of(name) for name in ("random-12", "random+-3", "ace", "mood-2")] == [
        "random",
        "random+",
        "ace",
        "mood-2",
    ]


def test_each_source_gets_its_best_ratio_and_random_sets_that_of_the_first():
    evaluation = rows.evaluation(
        [rows.grid_row(4, ratio) for ratio in (0.2, 0.4)],
        [rows.random_row(4, ratio) for ratio in (0.2, 0.4)],
        [rows.best(4, ratio=0.4), rows.best(8, ratio=0.2)],
    )
    assert chosen_ratios(evaluation, 4) == {("ace", "enhancer"): 0.4, ("random+", "enhancer"): 0.4}


def test_one_ratio_for_all_leaves_alone_who_was_not_evaluated_there():
    good = rows.grid_row(4, 1.0, source="kn")
    evaluation = rows.evaluation(
        [rows.grid_row(4, 0.2), rows.grid_row(4, 0.4), good],
        [],
        [rows.best(4, ratio=0.4), type(rows.best(4))(**{**vars(rows.best(4, ratio=1.0)), "source": "kn"})],
    )
    assert chosen_ratios(evaluation, 4, 0.2) == {("ace", "enhancer"): 0.2, ("kn", "enhancer"): 1.0}
