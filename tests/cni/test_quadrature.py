"""Quadrature rules: the numbers by hand, and what they integrate exactly."""

import pytest

from neuron_core.cni.quadrature import MOST_STEPS, RULES, quadrature
from neuron_core.errors import ConfigError


def test_the_paper_s_rule_takes_right_ends_with_equal_weights():
    assert quadrature("right", 4) == ([0.25, 0.5, 0.75, 1.0], [0.25, 0.25, 0.25, 0.25])


def test_midpoint_takes_the_middles_with_equal_weights():
    assert quadrature("midpoint", 4) == ([0.125, 0.375, 0.625, 0.875], [0.25, 0.25, 0.25, 0.25])


def test_two_gauss_legendre_points_are_the_known_ones():
    alphas, weights = quadrature("gauss-legendre", 2)
    assert alphas == pytest.approx([0.21132486540518713, 0.7886751345948129], abs=1e-15)
    assert weights == pytest.approx([0.5, 0.5], abs=1e-15)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("steps", [1, 2, 16, 33])
def test_weights_sum_to_one_and_points_ascend_inside_the_path(rule, steps):
    alphas, weights = quadrature(rule, steps)
    assert len(alphas) == len(weights) == steps
    assert sum(weights) == pytest.approx(1.0, abs=1e-12)
    assert alphas == sorted(set(alphas))
    assert alphas[0] > 0
    assert alphas[-1] <= 1


@pytest.mark.parametrize("steps", [1, 3, 7, 10, 16, 100])
def test_the_last_right_point_is_exactly_one(steps):
    assert quadrature("right", steps)[0][-1] == 1.0


@pytest.mark.parametrize(
    ("rule", "steps", "expected"),
    [("right", 4, 30 / 64), ("midpoint", 4, 84 / 256), ("gauss-legendre", 2, 1 / 3)],
)
def test_the_integral_of_a_square_by_each_rule(rule, steps, expected):
    alphas, weights = quadrature(rule, steps)
    assert sum(w * a * a for a, w in zip(alphas, weights, strict=True)) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("steps", [0, -1, MOST_STEPS + 1, 10**30])
def test_no_steps_and_more_than_memory_holds_are_refused(rule, steps):
    with pytest.raises(ConfigError, match=r"1 to 4,096"):
        quadrature(rule, steps)


def test_an_unknown_rule_lists_the_known_ones():
    with pytest.raises(ConfigError, match="right, midpoint, gauss-legendre"):
        quadrature("simpson", 4)
