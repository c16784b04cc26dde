"""Turns rows of an evaluation into points of a curve, each with its text for the pointer."""

from typing import Literal

from neuron_core.control.interventions import Direction, good_share
from neuron_core.control.measures import Interval
from neuron_core.control.results import Best, GridRow, RandomBest, RandomRow
from neuron_core.figures.panels import Point
from neuron_core.figures.theme import counted, percent, signed

Metric = Literal["rac", "rcc"]
Choice = Literal["best", "held-out"]

BASE: dict[Metric, str] = {"rac": "accuracy", "rcc": "Com"}
"What a change is a share of; Com: examples with at least two of their three questions right."


def row_point(row: GridRow, x: float | str, metric: Metric) -> Point:
    """The point of one intervention of the grid."""
    value, interval = getattr(row, metric), getattr(row, f"{metric}_interval")
    share = row.acc if metric == "rac" else row.com
    text = [
        f"<b>{row.direction.capitalize()}, K = {row.k}, ratio {row.ratio:g}</b>",
        _neurons_in_words(row),
        _value_in_words(metric, value, interval, "the baseline"),
        f"{BASE[metric]} with it: {percent(share, 1)}",
    ]
    if row.verdict == "fail":
        text.append("fails: RAC or RCC is negative")
    return Point(x, value, interval, "<br>".join(text), _where(row.k, row.ratio, row.direction))


def random_point(row: RandomRow, x: float | str, metric: Metric) -> Point:
    """The point of the random control sets of one cell. The interval is their range."""
    interval = _range(getattr(row, f"{metric}_low"), getattr(row, f"{metric}_high"))
    head = f"<b>{counted(row.n_seeds, 'random set')}, {row.direction}, K = {row.k}, ratio {row.ratio:g}</b>"
    value = getattr(row, metric)
    text = f"{head}<br>as many neurons in each layer<br>{_range_in_words(metric, value, interval)}"
    return Point(x, value, interval, text)


def best_point(best: Best, x: float | str, metric: Metric, choice: Choice) -> Point:
    """The point of a budget's best ratio, or of its value on held-out examples."""
    prefix = "heldout_" if choice == "held-out" else ""
    value, interval = getattr(best, prefix + metric), getattr(best, f"{prefix}{metric}_interval")
    if choice == "best":
        how = f"best ratio {best.ratio:g}: the highest RAC + RCC on these examples"
        base = "the baseline"
    else:
        first, second = best.heldout_ratios
        how = (
            f"held-out: ratio chosen on one half of the examples ({first:g} and {second:g}),"
            "<br>measured on the other half"
        )
        base = "a half's baseline"
    head = f"<b>{best.direction.capitalize()}, K = {best.k}</b>"
    text = f"{head}<br>{how}<br>{_value_in_words(metric, value, interval, base)}"
    return Point(x, value, interval, text, _where(best.k, best.ratio, best.direction))


def random_best_point(best: RandomBest, x: float | str, metric: Metric, choice: Choice) -> Point:
    """The point of random control sets, each at its own best ratio. The interval is their range."""
    name = f"heldout_{metric}" if choice == "held-out" else metric
    interval = _range(getattr(best, f"{name}_low"), getattr(best, f"{name}_high"))
    head = f"<b>{counted(best.n_seeds, 'random set')}, {best.direction}, K = {best.k}</b>"
    how = "each at its own best ratio" if choice == "best" else "each at its held-out ratio"
    value = getattr(best, name)
    return Point(x, value, interval, f"{head}<br>{how}<br>{_range_in_words(metric, value, interval)}")


def _neurons_in_words(row: GridRow) -> str:
    good, bad = counted(row.n_good, "good neuron"), counted(row.n_bad, "bad neuron")
    doubled, silenced = (good, bad) if row.direction == "enhancer" else (bad, good)
    text = f"{doubled} doubled, {silenced} set to zero"
    asked = good_share(row.k, row.ratio)
    if (row.n_good, row.n_bad) != (asked, row.k - asked):
        text += f"<br>(asked for: {asked} good and {row.k - asked} bad)"
    return text


def _value_in_words(metric: Metric, value: float | None, interval: Interval | None, base: str) -> str:
    if value is None:
        return f"{metric.upper()} undefined: {base} {BASE[metric]} is 0"
    text = f"{metric.upper()} {signed(value)}%"
    if interval is not None:
        text += f", 95% interval {signed(interval[0])}% to {signed(interval[1])}%"
    return text


def _range_in_words(metric: Metric, value: float | None, interval: Interval | None) -> str:
    if value is None or interval is None:
        return f"{metric.upper()} undefined: the baseline {BASE[metric]} is 0"
    low, high = interval
    return f"mean {metric.upper()} {signed(value)}%, lowest {signed(low)}%, highest {signed(high)}%"


def _range(low: float | None, high: float | None) -> Interval | None:
    return None if low is None or high is None else (low, high)


def _where(k: int, ratio: float, direction: Direction) -> dict[str, object]:
    return {"k": k, "ratio": ratio, "direction": direction}
