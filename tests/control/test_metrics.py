"""Acc, Com, RAC, RCC, the best ratio and the random band, by hand-made answers."""

import json

import numpy as np
import pytest

from neuron_core.control import cells
from neuron_core.control.choice import halves_of
from neuron_core.control.interventions import Direction, Intervention
from neuron_core.control.metrics import (
    Best,
    Evaluation,
    GridRow,
    baseline_of,
    evaluate,
    evaluation_from_dict,
    evaluation_to_dict,
    question_rows,
)
from neuron_core.control.probabilities import OptionProbabilities
from neuron_core.control.tally import intervals, resample_weights
from neuron_core.errors import ConfigError

NONE = np.empty((0, 2), dtype=np.int32)


def one(ratio: float = 0.5, direction: Direction = "enhancer", source: str = "ace", k: int = 10) -> Intervention:
    return Intervention(k, ratio, direction, NONE, NONE, source)


def answers(targets: str, columns: list[str], examples: list[int] | None = None) -> OptionProbabilities:
    """Each column spells the letter that gets 0.7 in each question; the others get 0.1."""
    values = np.full((len(targets), len(columns), 4), 0.1, dtype=np.float32)
    for column, letters in enumerate(columns):
        for question, letter in enumerate(letters):
            values[question, column, "ABCD".index(letter)] = 0.7
    return OptionProbabilities(
        values=values,
        targets=np.array(["ABCD".index(letter) for letter in targets], dtype=np.int8),
        examples=np.array(examples or [q // 3 for q in range(len(targets))], dtype=np.int32),
        question_ids=tuple(f"q{q}" for q in range(len(targets))),
    )


def right(*columns: list[int]) -> OptionProbabilities:
    """Each column says how many questions of each example are right; a wrong answer is the next letter."""
    targets = "".join("ABCD"[(e + i) % 4] for e in range(len(columns[0])) for i in range(3))
    after = {"A": "B", "B": "C", "C": "D", "D": "A"}
    spelt = [
        "".join(letter if q % 3 < column[q // 3] else after[letter] for q, letter in enumerate(targets))
        for column in columns
    ]
    return answers(targets, spelt)


def only_row(evaluation: Evaluation) -> GridRow:
    (row,) = evaluation.grid
    return row


def only_best(evaluation: Evaluation) -> Best:
    (best,) = evaluation.best
    return best


def test_accuracy_counts_questions_and_comprehension_examples_with_two_of_three_right():
    baseline = evaluate(right([3, 2, 1, 0]), []).baseline
    assert (baseline.acc, baseline.com) == (0.5, 0.5)
    assert (baseline.n_questions, baseline.n_examples) == (12, 4)


def test_the_baseline_alone_is_the_one_of_a_whole_evaluation():
    p = right([3, 2, 1, 0], [3, 3, 3, 3])
    assert baseline_of(p, seed=3) == evaluate(p, [one()], seed=3).baseline
    assert baseline_of(p).acc == 0.5


def test_questions_are_gathered_by_their_examples_number_not_by_their_place():
    # Example 7: right, right, wrong; example 3: right, wrong, wrong.
    p = answers("ABCDAB", ["ABDABD"], examples=[7, 7, 3, 3, 3, 7])
    baseline = evaluate(p, []).baseline
    # Right are A B . . . . : both of example 7.
    assert baseline.acc == pytest.approx(2 / 6)
    assert baseline.com == 0.5
    assert baseline.n_examples == 2


def test_an_enhancer_that_adds_right_answers_has_positive_changes_in_percent():
    row = only_row(evaluate(right([3, 2, 1, 0], [3, 2, 2, 0]), [one(direction="enhancer")]))
    assert row.acc == pytest.approx(7 / 12)
    assert row.com == 0.75
    assert row.rac == pytest.approx(16.6666667)
    assert row.rcc == pytest.approx(50.0)
    assert row.verdict == "ok"


def test_a_degrader_that_adds_right_answers_fails_with_negative_changes():
    row = only_row(evaluate(right([3, 2, 1, 0], [3, 2, 2, 0]), [one(direction="degrader")]))
    assert row.rac == pytest.approx(-16.6666667)
    assert row.rcc == pytest.approx(-50.0)
    assert row.verdict == "fail"


def test_a_degrader_that_removes_right_answers_has_positive_changes():
    row = only_row(evaluate(right([3, 2, 1, 0], [3, 1, 0, 0]), [one(direction="degrader")]))
    assert row.rac == pytest.approx(33.3333333)
    assert row.rcc == pytest.approx(50.0)
    assert row.verdict == "ok"


def test_one_negative_change_is_enough_to_fail():
    # One question more is right, one example fewer is comprehended.
    row = only_row(evaluate(right([2, 0, 0, 0], [1, 1, 1, 0]), [one()]))
    assert row.rac == pytest.approx(50.0)
    assert row.rcc == pytest.approx(-100.0)
    assert row.verdict == "fail"


@pytest.mark.parametrize("direction", ["enhancer", "degrader"])
def test_no_change_at_all_is_no_failure(direction: Direction):
    row = only_row(evaluate(right([3, 2, 1, 0], [3, 2, 1, 0]), [one(direction=direction)]))
    assert (str(row.rac), str(row.rcc), row.verdict) == ("0.0", "0.0", "ok")


def test_a_zero_baseline_makes_a_change_undefined():
    row = only_row(evaluate(right([1, 1, 1, 1], [2, 1, 1, 1]), [one()]))
    assert row.rac == pytest.approx(25.0)
    assert (row.rcc, row.rcc_interval, row.verdict) == (None, None, "undefined")
    nothing = only_row(evaluate(right([0, 0], [3, 3]), [one()]))
    assert (nothing.acc, nothing.rac, nothing.rcc, nothing.verdict) == (1.0, None, None, "undefined")


def test_undefined_goes_before_fail():
    row = only_row(evaluate(right([1, 1], [0, 1]), [one()]))
    assert (row.rac, row.rcc, row.verdict) == (-50.0, None, "undefined")


def test_a_row_says_its_settings_its_probabilities_and_its_letters():
    good, bad = np.array([[0, 1], [0, 2]], dtype=np.int32), np.array([[1, 1]], dtype=np.int32)
    p = answers("ABC", ["ABC", "CCC"])
    row = only_row(evaluate(p, [Intervention(25, 0.7, "degrader", good, bad)], position="all"))
    assert (row.k, row.ratio, row.direction, row.position, row.source) == (25, 0.7, "degrader", "all", "ace")
    assert (row.n_good, row.n_bad) == (2, 1)
    assert row.mean_p_correct == pytest.approx(0.3)
    assert row.letters == {"A": 0.0, "B": 0.0, "C": 1.0, "D": 0.0}


def test_a_collapse_onto_one_letter_has_no_comprehension_at_all():
    row = only_row(evaluate(answers("ABCBCD", ["ABCBCD", "CCCCCC"]), [one(direction="degrader")]))
    assert (row.acc, row.com, row.rcc) == (pytest.approx(1 / 3), 0.0, 100.0)
    assert row.letters["C"] == 1.0


def test_equal_probabilities_choose_the_first_letter():
    p = OptionProbabilities(
        np.full((3, 1, 4), 0.25, dtype=np.float32),
        np.array([0, 1, 2], dtype=np.int8),
        np.zeros(3, dtype=np.int32),
        ("a", "b", "c"),
    )
    assert evaluate(p, []).baseline.letters == {"A": 1.0, "B": 0.0, "C": 0.0, "D": 0.0}


def test_letter_accuracy_is_over_the_questions_whose_correct_letter_it_is():
    baseline = evaluate(answers("AABBCC", ["ABBBDD"]), []).baseline
    assert baseline.letter_accuracy == {"A": 0.5, "B": 1.0, "C": 0.0, "D": None}


def test_a_model_that_answers_is_competent_and_has_no_complaint():
    baseline = evaluate(right([3] * 20), []).baseline
    assert baseline.acc_interval == (1.0, 1.0)
    assert (baseline.competent, baseline.complaint) == (True, None)


def test_accuracy_at_chance_is_said_in_plain_words():
    # Every fourth question right: 25% of 480.
    baseline = evaluate(right([3, 0, 0, 0] * 40), []).baseline
    low, high = baseline.acc_interval
    assert 0.17 < low < 0.25 < high < 0.33
    assert not baseline.competent
    assert baseline.complaint is not None
    assert baseline.complaint.startswith("Its accuracy of 25% (95% interval ")
    assert baseline.complaint.endswith("%) can't be told from chance (25%).")


def test_an_interval_that_just_reaches_down_to_chance_is_not_competent():
    # Four questions an example, one of them right: 25% in every resample.
    p = answers("ABCD" * 4, ["AAAABBBBCCCCDDDD"], examples=[q // 4 for q in range(16)])
    assert evaluate(p, []).baseline.complaint == (
        "Its accuracy of 25% (95% interval 25% to 25%) can't be told from chance (25%)."
    )


def test_accuracy_below_chance_is_said_in_plain_words():
    baseline = evaluate(answers("ABCDABABC", ["BCDABCBCD"]), []).baseline
    assert baseline.complaint == "Its accuracy of 0% (95% interval 0% to 0%) is below chance (25%)."


def test_one_letter_for_most_questions_is_said_even_when_accuracy_is_above_chance():
    # Two of three right in every example, and four of six answers are C.
    baseline = evaluate(answers("ABCBCD" * 6, ["ACCCCD" * 6]), []).baseline
    assert baseline.acc_interval[0] > 0.25
    assert not baseline.competent
    assert baseline.complaint == "It answers C to 67% of the questions; a guess would be C in 25%."


def test_a_letter_at_exactly_forty_percent_is_accepted():
    targets = "ABCABDABCABD" + "ACD"
    baseline = evaluate(answers(targets, ["ABCABDABCABDAAC"]), []).baseline
    assert baseline.letters["A"] == pytest.approx(0.4)
    assert baseline.competent


def test_both_complaints_stand_together():
    baseline = evaluate(answers("ABD" * 4, ["CCC" * 4]), []).baseline
    assert baseline.complaint == (
        "Its accuracy of 0% (95% interval 0% to 0%) is below chance (25%). "
        "It answers C to 100% of the questions; a guess would be C in 25%."
    )


def test_the_accuracy_interval_is_over_examples_not_over_questions():
    # 100 examples, three equal answers each: the standard error is 0.05, not 0.05 / √3.
    low, high = evaluate(right([3, 0] * 50), [], seed=4).baseline.acc_interval
    assert low == pytest.approx(0.402, abs=0.015)
    assert high == pytest.approx(0.598, abs=0.015)


def test_intervals_are_paired():
    row = only_row(evaluate(right([2] * 10, [3] * 10), [one()]))
    assert row.rac_interval == pytest.approx((50.0, 50.0))
    # Accuracy varies over examples, the change does not.
    same = only_row(evaluate(right([3, 1, 0, 2] * 5, [3, 1, 0, 2] * 5), [one()]))
    assert same.rac_interval == (0.0, 0.0)
    assert same.rcc_interval == (0.0, 0.0)


def test_intervals_hold_the_point_and_depend_on_the_seed_alone():
    p, plan = right([3, 1, 0, 2, 2, 1] * 4, [3, 2, 1, 2, 0, 2] * 4), [one()]
    row, again, other = (only_row(evaluate(p, plan, seed=seed)) for seed in (0, 0, 1))
    assert row.rac is not None
    assert row.rac_interval is not None
    assert row.rac_interval[0] < row.rac < row.rac_interval[1]
    assert row == again
    assert row.rac_interval != other.rac_interval


def test_resamples_without_a_baseline_are_left_out():
    samples = np.array([[np.nan, np.nan], [np.nan, np.nan], [1.0, 10.0], [3.0, 30.0]])
    assert intervals(samples) == [pytest.approx((1.05, 2.95)), pytest.approx((10.5, 29.5))]


def test_fewer_than_half_of_the_resamples_make_no_interval():
    assert intervals(np.array([[np.nan], [np.nan], [np.nan], [1.0], [3.0]])) == [None]
    assert intervals(np.empty((0, 2))) == [None, None]


def test_a_resample_draws_from_each_stratum_as_many_as_it_has():
    strata = np.array([0, 1, 0, 1, 1, 0, 0])
    weights = resample_weights(strata, 200, np.random.default_rng(0))
    assert set(weights[:, strata == 0].sum(axis=1)) == {4.0}
    assert set(weights[:, strata == 1].sum(axis=1)) == {3.0}
    assert len(np.unique(weights, axis=0)) > 100


def test_the_best_ratio_has_the_highest_sum_of_both_changes():
    # 0.4: RAC 33, RCC 0; 0.9: RAC 17, RCC 50; 0.5: RAC 0, RCC 50.
    p = right([3, 2, 1, 0], [3, 3, 1, 1], [3, 2, 2, 0], [2, 2, 2, 0])
    best = only_best(evaluate(p, [one(0.4), one(0.9), one(0.5)]))
    assert (best.ratio, best.k, best.direction, best.source) == (0.9, 10, "enhancer", "ace")
    assert best.rac == pytest.approx(16.6666667)
    assert best.rcc == pytest.approx(50.0)
    assert best.verdict == "ok"


@pytest.mark.parametrize(
    ("ratios", "chosen"),
    [([0.0, 0.4, 1.0], 0.4), ([0.2, 0.7, 0.9], 0.7), ([0.6, 0.4], 0.4), ([0.7, 0.3], 0.3), ([1.0, 0.0], 0.0)],
)
def test_equal_sums_choose_the_ratio_nearest_to_one_half_then_the_lower(ratios: list[float], chosen: float):
    same = [[3, 2, 2, 0]] * len(ratios)
    assert only_best(evaluate(right([3, 2, 1, 0], *same), [one(r) for r in ratios])).ratio == chosen


def test_sums_that_are_equal_as_fractions_are_ties():
    # Baseline: 3 questions, 1 example. +2 and +1: 66.7 + 100; +5 and +0: 166.7 + 0. Floats see a difference.
    p = right([2, 1, 0, 0, 0, 0, 0], [2, 2, 1, 0, 0, 0, 0], [3, 1, 1, 1, 1, 1, 0])
    assert 200 / 3 + 100 / 1 > 500 / 3
    assert only_best(evaluate(p, [one(0.9), one(0.6)])).ratio == 0.6


def test_a_degrader_takes_the_ratio_that_removes_most():
    p = right([3, 2, 1, 0], [3, 3, 2, 2], [3, 1, 1, 0], [2, 0, 0, 0])
    best = only_best(evaluate(p, [one(r, "degrader") for r in (0.1, 0.5, 0.9)]))
    assert best.ratio == 0.9
    assert best.rac == pytest.approx(66.6666667)
    assert best.rcc == pytest.approx(50.0)


def test_the_best_of_bad_ratios_still_fails():
    best = only_best(evaluate(right([3, 2, 1, 0], [3, 2, 0, 0], [0, 0, 0, 0]), [one(0.0), one(0.5)]))
    assert (best.ratio, best.verdict) == (0.0, "fail")
    assert best.rac == pytest.approx(-16.6666667)


def test_without_comprehension_the_ratio_is_chosen_by_accuracy_alone():
    best = only_best(evaluate(right([1, 1, 1, 1], [1, 1, 1, 1], [3, 3, 1, 1]), [one(0.5), one(0.1)]))
    assert (best.ratio, best.rac, best.rcc, best.verdict) == (0.1, 100.0, None, "undefined")
    assert (best.heldout_rcc, best.rcc_interval, best.heldout_rcc_interval) == (None, None, None)


def test_without_any_right_answer_the_ratio_is_the_middle_one_and_nothing_is_defined():
    best = only_best(evaluate(right([0] * 4, [3] * 4, [0] * 4), [one(0.1), one(0.4)]))
    assert (best.ratio, best.heldout_ratios) == (0.4, (0.4, 0.4))
    assert (best.rac, best.rcc, best.heldout_rac, best.heldout_rac_interval) == (None, None, None, None)


def by_halves(first: list[int], second: list[int], seed: int) -> list[int]:
    """The right answers of either half's examples, laid out as the seed splits the examples."""
    parts = {0: iter(first), 1: iter(second)}
    return [next(parts[half]) for half in halves_of(len(first) + len(second), seed).tolist()]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_held_out_value_is_chosen_on_one_half_and_measured_on_the_other(seed: int):
    columns = [
        by_halves([2, 1], [2, 1], seed),  # either half: 3 questions, 1 example
        by_halves([3, 3], [2, 1], seed),  # ratio 0.3: first half +3 and +1, second half nothing
        by_halves([3, 1], [3, 1], seed),  # ratio 0.5: +1 and +0 in both
    ]
    best = only_best(evaluate(right(*columns), [one(0.3), one(0.5)], seed=seed))
    assert best.ratio == 0.3
    assert (best.rac, best.rcc) == (50.0, 50.0)
    # The first half chooses 0.3: nothing on the second. The second chooses 0.5: 33.3 and 0 on the first.
    assert best.heldout_ratios == (0.3, 0.5)
    assert best.heldout_rac == pytest.approx(16.6666667)
    assert best.heldout_rcc == 0.0


def test_halves_are_of_equal_size_and_drawn_by_seed():
    assert np.bincount(halves_of(100, 0)).tolist() == [50, 50]
    assert np.bincount(halves_of(7, 0)).tolist() == [3, 4]
    assert halves_of(100, 0).tolist() == halves_of(100, 0).tolist()
    assert halves_of(100, 0).tolist() != halves_of(100, 1).tolist()


def test_a_held_out_value_that_most_resamples_do_not_define_has_no_interval():
    # One comprehended example in each half of 20: both are drawn in about 41% of the resamples.
    few = by_halves([2] + [1] * 19, [2] + [1] * 19, 0)
    best = only_best(evaluate(right(few, few), [one()], seed=0))
    assert best.heldout_rcc == 0.0
    assert best.heldout_rcc_interval is None
    assert best.rcc_interval == (0.0, 0.0)
    assert best.heldout_rac_interval == (0.0, 0.0)


def test_one_example_alone_has_no_held_out_value():
    best = only_best(evaluate(right([2], [3]), [one()]))
    assert (best.rac, best.heldout_rac, best.heldout_rcc) == (50.0, None, None)


def test_held_out_values_do_not_share_the_gain_of_choosing_among_noise():
    """Ratios that change answers at random: the best of 11 gains, the held-out value does not."""
    generator = np.random.default_rng(0)
    best, heldout = [], []
    for seed in range(40):
        base = generator.integers(0, 2, size=(300, 1))
        columns = np.where(generator.random((300, 11)) < 0.1, 1 - base, base)
        spelt = ["".join("A" if hit else "B" for hit in column) for column in np.hstack([base, columns]).T]
        # As many wrong answers as right ones: flips at random have no direction.
        row = only_best(evaluate(answers("A" * 300, spelt), [one(i / 10) for i in range(11)], seed=seed, resamples=1))
        assert row.rac is not None
        assert row.heldout_rac is not None
        best.append(row.rac)
        heldout.append(row.heldout_rac)
    assert np.mean(best) > 4
    assert abs(np.mean(heldout)) < 2


def test_the_interval_of_the_best_ratio_redoes_the_choice():
    """Two ratios that help different examples: the choice follows the resample, so the low end rises."""
    base, first, second = [2] * 40, [3] * 20 + [2] * 20, [2] * 20 + [3] * 20
    chosen = only_best(evaluate(right(base, first, second), [one(0.4), one(0.5)]))
    fixed = only_best(evaluate(right(base, first), [one(0.4)]))
    assert chosen.rac == fixed.rac == 25.0
    assert chosen.rac_interval is not None
    assert fixed.rac_interval is not None
    assert chosen.rac_interval[0] == pytest.approx(25.0, abs=1.0)
    assert fixed.rac_interval[0] < 20.0


def test_every_budget_direction_and_source_gets_its_own_best():
    plan = [
        one(ratio, direction, source, k)
        for source in ("ace", "tn")
        for k in (10, 25)
        for ratio in (0.4, 0.5)
        for direction in ("enhancer", "degrader")
    ]
    best = evaluate(right([2, 1, 2], *[[2, 1, 1]] * len(plan)), plan).best
    assert [(b.source, b.k, b.direction) for b in best] == [
        ("ace", 10, "enhancer"),
        ("ace", 10, "degrader"),
        ("ace", 25, "enhancer"),
        ("ace", 25, "degrader"),
        ("tn", 10, "enhancer"),
        ("tn", 10, "degrader"),
        ("tn", 25, "enhancer"),
        ("tn", 25, "degrader"),
    ]


def test_random_sets_become_a_band_of_mean_lowest_and_highest():
    p = right([3, 2, 1, 0], [3, 3, 3, 3], [3, 2, 1, 0], [3, 2, 2, 0], [3, 2, 0, 0])
    plan = [one(), *(one(source=f"random-{seed}") for seed in range(3))]
    evaluation = evaluate(p, plan)
    assert [row.source for row in evaluation.grid] == ["ace"]
    (band,) = evaluation.random
    assert (band.source, band.n_seeds, band.k, band.ratio, band.direction) == (
        "random",
        3,
        10,
        0.5,
        "enhancer",
    )
    assert (band.acc, band.acc_low, band.acc_high) == pytest.approx((6 / 12, 5 / 12, 7 / 12))
    assert (band.com, band.com_low, band.com_high) == pytest.approx((1.75 / 3, 0.5, 0.75))
    assert (band.rac, band.rac_low, band.rac_high) == pytest.approx((0.0, -16.6666667, 16.6666667), abs=1e-6)
    assert (band.rcc, band.rcc_low, band.rcc_high) == pytest.approx((16.6666667, 0.0, 50.0))
    assert band.rac_interval == (band.rac_low, band.rac_high)
    assert band.rcc_interval == (band.rcc_low, band.rcc_high)
    assert band.mean_p_correct == pytest.approx(0.4)
    assert sum(band.letters.values()) == pytest.approx(1.0)


def test_a_band_without_a_baseline_is_undefined():
    (band,) = evaluate(right([0, 0], [1, 0], [3, 0]), [one(source="random-0"), one(source="random-1")]).random
    assert (band.acc, band.acc_low, band.acc_high) == pytest.approx((2 / 6, 1 / 6, 3 / 6))
    assert (band.rac, band.rac_low, band.rac_high, band.rac_interval, band.verdict) == (
        None,
        None,
        None,
        None,
        "undefined",
    )


def test_every_random_set_gets_its_own_best_ratio():
    p = right(
        [3, 2, 1, 0],
        [3, 2, 2, 0],  # random-0 at 0.2: 16.7 and 50
        [3, 2, 1, 0],  # random-0 at 0.5: nothing
        [3, 2, 0, 0],  # random-1 at 0.2: worse
        [3, 3, 1, 0],  # random-1 at 0.5: 16.7 and 0
    )
    plan = [one(ratio, source=f"random-{seed}") for seed in range(2) for ratio in (0.2, 0.5)]
    evaluation = evaluate(p, plan)
    (best,) = evaluation.random_best
    assert (best.k, best.direction, best.n_seeds) == (10, "enhancer", 2)
    assert (best.rac, best.rac_low, best.rac_high) == pytest.approx((16.6666667, 16.6666667, 16.6666667))
    assert (best.rcc, best.rcc_low, best.rcc_high) == pytest.approx((25.0, 0.0, 50.0))
    assert evaluation.best == ()
    assert [row.ratio for row in evaluation.random] == [0.2, 0.5]


def test_random_sets_are_held_out_on_the_same_halves_as_ours():
    columns = [
        by_halves([2, 1], [2, 1], 0),
        by_halves([3, 3], [2, 1], 0),
        by_halves([3, 1], [3, 1], 0),
    ]
    evaluation = evaluate(
        right(columns[0], *columns[1:], *columns[1:]),
        [one(r, source=source) for source in ("ace", "random-0") for r in (0.3, 0.5)],
    )
    (ours,), (theirs,) = evaluation.best, evaluation.random_best
    assert theirs.heldout_rac == ours.heldout_rac == pytest.approx(16.6666667)
    assert theirs.heldout_rac_low == theirs.heldout_rac_high == theirs.heldout_rac


def test_many_columns_are_measured_as_few_are(monkeypatch: pytest.MonkeyPatch):
    generator = np.random.default_rng(5)
    p = right(*generator.integers(0, 4, size=(8, 20)).tolist())
    plan = [one(i / 10, "degrader" if i % 2 else "enhancer") for i in range(7)]
    at_once = evaluate(p, plan)
    monkeypatch.setattr(cells, "COLUMNS_AT_ONCE", 3)
    assert evaluate(p, plan) == at_once


def test_an_evaluation_survives_json_and_holds_no_nan():
    p = right([1, 1, 1, 0], [2, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 3])
    evaluation = evaluate(p, [one(0.4), one(0.5), one(source="random-0")])
    assert only_best(evaluation).rcc is None
    text = json.dumps(evaluation_to_dict(evaluation), allow_nan=False)
    assert evaluation_from_dict(json.loads(text)) == evaluation
    assert set(json.loads(text)["grid"][0]) <= set(json.loads(text)["random"][0])


def test_a_question_is_gained_lost_changed_or_the_same():
    p = answers("ABCDAB", ["BBDDAA", "ABADBC"])
    rows = question_rows(p, [one()], 0)
    assert [row.flip for row in rows] == ["gained", "same", "changed", "same", "lost", "changed"]
    assert [row.correct_letter for row in rows] == list("ABCDAB")
    assert [row.baseline_letter for row in rows] == list("BBDDAA")
    assert [row.new_letter for row in rows] == list("ABADBC")
    assert [row.example for row in rows] == [0, 0, 0, 1, 1, 1]
    assert rows[0].question_id == "q0"
    assert (rows[0].p_correct_before, rows[0].p_correct_after) == pytest.approx((0.1, 0.7))
    assert (rows[4].p_correct_before, rows[4].p_correct_after) == pytest.approx((0.7, 0.1))


def test_the_table_of_questions_is_of_the_intervention_asked_for():
    p, plan = answers("ABC", ["ABC", "ABC", "BBC"]), [one(0.1), one(0.2)]
    assert [row.flip for row in question_rows(p, plan, 0)] == ["same", "same", "same"]
    assert [row.flip for row in question_rows(p, plan, 1)] == ["lost", "same", "same"]
    with pytest.raises(ConfigError, match="no intervention 2"):
        question_rows(p, plan, 2)


def test_a_plan_must_fit_the_probabilities():
    with pytest.raises(ConfigError, match="2 columns for a plan of 2 interventions"):
        evaluate(right([1], [2]), [one(0.1), one(0.2)])


def test_an_evaluation_needs_a_question_and_a_resample():
    nothing = OptionProbabilities(
        np.empty((0, 1, 4), dtype=np.float32), np.empty(0, dtype=np.int8), np.empty(0, dtype=np.int32), ()
    )
    with pytest.raises(ConfigError, match="has no questions"):
        evaluate(nothing, [])
    with pytest.raises(ConfigError, match="has no questions"):
        baseline_of(nothing)
    with pytest.raises(ConfigError, match="0 resamples"):
        evaluate(right([1]), [], resamples=0)
