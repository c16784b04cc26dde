"""Quadrature rules on [0, 1] as points α and weights."""

import numpy as np

from neuron_core.errors import ConfigError

RULES = ("right", "midpoint", "gauss-legendre")
MOST_STEPS = 4096
"points of a rule: far beyond what a difference can be seen of, and few enough to be listed in a moment"


def quadrature(rule: str, steps: int) -> tuple[list[float], list[float]]:
    """The points α, in ascending order, and the weights of a rule with m = `steps` points.

    `right` is the right Riemann sum of the paper: α = k/m, weight 1/m (Eq. 1). Raises ConfigError for an unknown rule
    and for steps below 1 or above MOST_STEPS.
    """
    if not 1 <= steps <= MOST_STEPS:
        raise ConfigError(f"{steps} steps", accepted=f"1 to {MOST_STEPS:,}")
    if rule == "right":
        return [k / steps for k in range(1, steps + 1)], [1 / steps] * steps
    if rule == "midpoint":
        return [(k - 0.5) / steps for k in range(1, steps + 1)], [1 / steps] * steps
    if rule == "gauss-legendre":
        points, weights = np.polynomial.legendre.leggauss(steps)
        return [float((x + 1) / 2) for x in points], [float(w / 2) for w in weights]
    raise ConfigError(f"unknown quadrature rule {rule!r}", accepted=", ".join(RULES))
