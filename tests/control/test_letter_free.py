"""Letter-free measures by hand-made log-probabilities, where letters and content are known exactly."""

import numpy as np
import pytest

from neuron_core.control.interventions import Direction, Intervention
from neuron_core.control.letter_free import content_margins, is_rotated, letter_use, option_scores
from neuron_core.control.metrics import Evaluation, evaluate, evaluation_from_dict, evaluation_to_dict
from neuron_core.control.probabilities import OptionProbabilities

NONE = np.empty((0, 2), dtype=np.int32)
N_EXAMPLES = 30
CONTENT = np.random.default_rng(5).normal(0, 1.5, (N_EXAMPLES, 4)) + np.array([2.5, 0, 0, 0])
"x of each example's options, the correct one first"
BIAS = np.array([1.4, -0.3, -0.8, -0.3])
PLAN = [Intervention(10, 0.5, "degrader", NONE, NONE)]


def asked(*columns: tuple[np.ndarray, np.ndarray], turns: int = 4) -> OptionProbabilities:
    """Each column: scores of the options (E, 4) and a bias of letters (4,), turned through four letters."""
    places = np.array([[(letter - turn) % 4 for letter in range(4)] for turn in range(turns)])
    values = []
    for content, bias in columns:
        logits = np.stack([content[:, row] + bias for row in places], axis=1).reshape(-1, 4)
        exact = np.exp(logits - logits.max(axis=1, keepdims=True))
        values.append(exact / exact.sum(axis=1, keepdims=True))
    options = np.tile(places, (N_EXAMPLES, 1)).astype(np.int8)
    return OptionProbabilities(
        values=np.stack(values, axis=1).astype(np.float32),
        targets=(options == 0).argmax(axis=1).astype(np.int8),
        examples=np.repeat(np.arange(N_EXAMPLES), turns).astype(np.int32),
        question_ids=tuple(f"q{i}" for i in range(len(options))),
        options=options,
    )


def one_row(p: OptionProbabilities, direction: Direction = "degrader") -> tuple[Evaluation, object]:
    found = evaluate(p, [Intervention(10, 0.5, direction, NONE, NONE)], resamples=200)
    return found, found.grid[0]


@pytest.mark.parametrize("bias", [2 * BIAS, 5 * BIAS, -3 * BIAS])
def test_a_pure_letter_bias_moves_no_content_measure_and_is_all_of_the_effect(bias):
    found, row = one_row(asked((CONTENT, 0 * BIAS), (CONTENT, bias)))
    before = found.baseline
    assert row.content_margin == pytest.approx(before.content_margin, abs=1e-6)
    assert row.content_acc == before.content_acc
    assert row.acc_letters_removed == before.acc_letters_removed
    assert row.content_margin_interval == pytest.approx(before.content_margin_interval, abs=1e-6)
    assert row.acc < before.acc
    assert (row.rac_content, row.rac_content_interval) == (0.0, (0.0, 0.0))
    assert row.rac_letters == pytest.approx(row.rac)
    assert row.rac_letters_interval[0] > 0
    assert row.acc_beyond_content == pytest.approx(before.acc - row.acc)
    assert row.acc_beyond_content_interval[0] > 0
    wanted = dict(zip("ABCD", bias - bias.mean(), strict=True))
    assert row.letter_preference == pytest.approx(
        {letter: value + before.letter_preference[letter] for letter, value in wanted.items()}, abs=1e-6
    )


@pytest.mark.parametrize("change", [0.2, -0.5, 2.0])
def test_a_pure_change_of_content_moves_no_letter_measure_and_is_all_of_the_effect(change):
    # The correct option's score goes down by an amount of its own in every example.
    amount = change * np.random.default_rng(1).uniform(1, 2, (N_EXAMPLES, 1)) * [1, 0, 0, 0]
    found, row = one_row(asked((CONTENT, 0 * BIAS), (CONTENT - amount, 0 * BIAS)))
    before = found.baseline
    assert row.letter_preference == pytest.approx(before.letter_preference, abs=1e-6)
    assert row.letter_spread == pytest.approx(before.letter_spread, abs=1e-6)
    assert row.content_margin == pytest.approx(before.content_margin - amount[:, 0].mean(), abs=1e-6)
    assert row.rac_letters == pytest.approx(0, abs=1e-9)
    assert row.rac_content == pytest.approx(row.rac)
    # Without any preference of letters every rotation gives the answer of the content.
    assert row.acc_beyond_content == pytest.approx(0, abs=1e-9)
    assert row.acc_beyond_content_interval == pytest.approx((0, 0), abs=1e-9)
    assert abs(row.rac) > 1 or abs(change) < 1


def test_a_letter_bias_on_top_of_a_change_of_content_leaves_the_letters_of_the_change_alone():
    less = CONTENT * [0.3, 1, 1, 1]
    _, plain = one_row(asked((CONTENT, BIAS), (less, BIAS)))
    _, more = one_row(asked((CONTENT, BIAS), (less, 3 * BIAS)))
    for name in ("content_acc", "content_margin", "acc_letters_removed", "rac_content"):
        assert getattr(more, name) == pytest.approx(getattr(plain, name), abs=1e-6)


def test_scores_are_the_content_up_to_a_number_of_each_example():
    p = asked((CONTENT, BIAS))
    assert is_rotated(p)
    scores = option_scores(p, [0])[:, 0]
    np.testing.assert_allclose(
        scores - scores.mean(axis=1, keepdims=True), CONTENT - CONTENT.mean(axis=1, keepdims=True), atol=1e-6
    )
    np.testing.assert_allclose(content_margins(scores), CONTENT[:, 0] - CONTENT[:, 1:].mean(axis=1), atol=1e-6)


def test_three_orders_give_the_same_measures_under_any_letter_bias_but_no_shares_of_variance():
    found, row = one_row(asked((CONTENT, BIAS), (CONTENT, 4 * BIAS), turns=3))
    before = found.baseline
    assert not is_rotated(asked((CONTENT, BIAS), turns=3))
    assert before.variance_shares is row.variance_shares is None
    assert row.acc_letters_removed == before.acc_letters_removed
    assert row.content_margin == pytest.approx(before.content_margin, abs=1e-6)
    assert (row.rac_content, row.rac_letters) == (0.0, pytest.approx(row.rac))
    assert row.acc_beyond_content is None


def test_shares_of_variance_add_up_and_go_to_what_varies():
    content, letters = (letter_use(asked(one), [0]).shares[0] for one in ((CONTENT, 0 * BIAS), (0 * CONTENT, BIAS)))
    np.testing.assert_allclose(content, [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(letters, [0, 1, 0], atol=1e-6)
    both = letter_use(asked((CONTENT, BIAS)), [0]).shares[0]
    centred = CONTENT - CONTENT.mean(axis=1, keepdims=True)
    expected = np.array([(centred**2).mean(), ((BIAS - BIAS.mean()) ** 2).mean()])
    np.testing.assert_allclose(both[:2], expected / expected.sum(), atol=1e-6)
    assert both.sum() == pytest.approx(1)
    assert np.isnan(letter_use(asked((0 * CONTENT, 0 * BIAS)), [0]).shares).all()


def test_intervals_redo_the_preference_and_the_choice_in_each_resample():
    p = asked((CONTENT, BIAS), (0.4 * CONTENT, 2 * BIAS), (0.1 * CONTENT, BIAS))
    plan = [Intervention(10, ratio, "degrader", NONE, NONE) for ratio in (0.0, 1.0)]
    found = evaluate(p, plan, seed=3, resamples=50)
    drawn = np.random.default_rng([3, 0]).multinomial(N_EXAMPLES, np.full(N_EXAMPLES, 1 / N_EXAMPLES), size=50)
    values = []
    for weights in drawn:
        rows = np.repeat(np.arange(len(p.examples)), weights[p.examples])
        x = np.log(p.values[rows].astype(np.float64))
        right = (x - x.mean(axis=0)).argmax(axis=2) == p.targets[rows, None]
        values.append(right.mean(axis=0))
    low, high = np.percentile(values, (2.5, 97.5), axis=0)
    assert found.baseline.acc_letters_removed_interval == pytest.approx((low[0], high[0]))
    assert found.grid[1].acc_letters_removed_interval == pytest.approx((low[2], high[2]))
    (best,) = found.best
    at = found.grid[[row.ratio for row in found.grid].index(best.ratio)]
    assert (best.content_margin, best.rac_content, best.rac_letters) == (
        at.content_margin,
        at.rac_content,
        at.rac_letters,
    )
    assert best.rac == pytest.approx(best.rac_content + best.rac_letters)


def test_options_that_are_not_known_leave_accuracy_with_letters_removed_alone():
    p = asked((CONTENT, BIAS), (CONTENT, 4 * BIAS))
    unknown = OptionProbabilities(p.values, p.targets, p.examples, p.question_ids)
    found, row = one_row(unknown)
    known, same = one_row(p)
    assert row.content_acc is row.content_margin is row.content_margin_interval is None
    assert row.acc_letters_removed == same.acc_letters_removed
    assert found.baseline.acc_letters_removed == known.baseline.acc_letters_removed


def test_random_sets_have_means_and_ranges_of_every_measure_and_all_of_it_survives_json():
    p = asked((CONTENT, BIAS), (CONTENT, 2 * BIAS), (0.5 * CONTENT, BIAS), (0.2 * CONTENT, BIAS))
    plan = [Intervention(10, 0.5, "degrader", NONE, NONE, source) for source in ("ace", "random+-0", "random+-1")]
    found = evaluate(p, plan, resamples=20)
    (band,) = found.random
    margin = found.baseline.content_margin
    assert band.content_margin == pytest.approx(0.35 * margin, rel=1e-5)
    assert band.content_margin_interval == pytest.approx((0.2 * margin, 0.5 * margin), rel=1e-5)
    assert band.rac == pytest.approx(band.rac_content + band.rac_letters)
    assert evaluation_from_dict(evaluation_to_dict(found)) == found


def test_comprehension_needs_three_of_four_rotations():
    three, two = (asked((CONTENT, 0 * BIAS)) for _ in range(2))
    for p, wrong in ((three, 1), (two, 2)):
        p.values[:] = 0.1
        p.values[np.arange(len(p.targets)), 0, p.targets] = 0.7
        for row in range(0, len(p.targets), 4):
            for question in range(row, row + wrong):
                p.values[question, 0] = np.roll(p.values[question, 0], 1)
    assert evaluate(three, [], resamples=5).baseline.com == 1.0
    assert evaluate(two, [], resamples=5).baseline.com == 0.0
