"""Words about letters."""

import pytest

from neuron_core.control.competence import shifted_letter

EVEN = {"A": 0.25, "B": 0.25, "C": 0.25, "D": 0.25}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({"A": 0.43, "B": 0.04, "C": 0.30, "D": 0.23}, "B"),
        ({"A": 0.45, "B": 0.15, "C": 0.20, "D": 0.20}, "A"),
        ({"A": 0.39, "B": 0.21, "C": 0.20, "D": 0.20}, None),
        (EVEN, None),
    ],
)
def test_the_letter_that_moves_furthest_is_named_from_fifteen_points_on(after, expected):
    assert shifted_letter(EVEN, after) == expected
