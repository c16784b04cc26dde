"""Compares an effect with its interval and with random sets. No torch."""

from typing import Literal

from neuron_core.control.measures import Interval

Effect = Literal["clear", "clear, no random sets", "not distinguishable", "against", "undefined"]


def effect_of(value: float | None, interval: Interval | None, random: Interval | None) -> Effect:
    """Whether a change can be distinguished from chance.

    value: percent, positive in the intended direction. interval: its 95% interval. random: the lowest and the highest
    value of the random sets; None if there are none. Clear: the whole interval lies above zero and above the highest
    random set. Against: it lies below zero and below the lowest one. Undefined: there is no value or no interval.
    """
    if value is None or interval is None:
        return "undefined"
    low, high = interval
    if low > max(0.0, random[1] if random else 0.0):
        return "clear" if random else "clear, no random sets"
    return "against" if high < min(0.0, random[0] if random else 0.0) else "not distinguishable"
