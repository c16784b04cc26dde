"""What an effect comes to beside its interval and beside random sets. No torch."""

from typing import Literal

from neuron_core.control.results import Interval

Effect = Literal["clear", "clear, no random sets", "not distinguishable", "against", "undefined"]


def effect_of(value: float | None, interval: Interval | None, random: Interval | None) -> Effect:
    """How far a change in the intended direction can be told from chance.

    value: percent, positive as intended. interval: its 95% interval. random: lowest and highest of the random sets,
    None without any. Clear: the whole interval lies above zero and above the highest random set; against: below zero
    and below the lowest. Undefined without a value or an interval.
    """
    if value is None or interval is None:
        return "undefined"
    low, high = interval
    if low > max(0.0, random[1] if random else 0.0):
        return "clear" if random else "clear, no random sets"
    return "against" if high < min(0.0, random[0] if random else 0.0) else "not distinguishable"
