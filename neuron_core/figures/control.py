"""Curves of the effects of enhancer and degrader over the ratio and over the budget, with random sets."""

from collections.abc import Callable, Iterable
from math import isclose
from typing import Any, TypeVar

import plotly.graph_objects as go

from neuron_core.control.interventions import DIRECTIONS, Direction
from neuron_core.control.results import Best, Evaluation, GridRow, RandomBest, RandomRow
from neuron_core.errors import ConfigError, first_of
from neuron_core.figures.panels import Point, band, curve, mark, two_panels
from neuron_core.figures.points import (
    BASE,
    Choice,
    Metric,
    best_point,
    random_best_point,
    random_point,
    row_point,
)
from neuron_core.figures.theme import MARK, TASK, signed

Cell = TypeVar("Cell", GridRow, RandomRow)
Sourced = TypeVar("Sourced", GridRow, RandomRow, Best, RandomBest)
Panels = dict[Direction, list[Point]]

BAND_SOURCE = "random+"
BEST_NAME, HELD_OUT_NAME = "best ratio", "held-out value"


def ratio_curves(evaluation: Evaluation, k: int, metric: Metric, source: str = "ace") -> go.Figure:
    """RAC or RCC of one budget over the ratio, one panel per direction, with random sets and the best ratio marked.

    customdata of a point: {"k", "ratio", "direction"}. Raises ConfigError if the evaluation has no such budget.
    """
    rows = _of_source(evaluation.grid, source)
    _check("budget K", k, [row.k for row in rows])
    points = _panels(_at(rows, k=k), lambda row: row_point(row, row.ratio, metric))
    random = _panels(
        _at(_of_source(evaluation.random, BAND_SOURCE), k=k), lambda row: random_point(row, row.ratio, metric)
    )
    traces = {d: [*band(random[d]), *curve(points[d])] for d in DIRECTIONS}
    for best in _of_source(evaluation.best, source):
        if best.k == k:
            traces[best.direction] += _signs(best, metric)
    alt = _in_words(f"{metric.upper()} over the ratio at K = {k}.", points, random, "ratio ")
    return two_panels(
        traces,
        alt,
        x_title="Ratio (share of good)",
        y_title=_axis_title(metric),
        range=[-0.05, 1.05],
        tick0=0,
        dtick=0.2,
    )


def budget_curves(evaluation: Evaluation, ratio: float | Choice, metric: Metric, source: str = "ace") -> go.Figure:
    """RAC or RCC over the budget K at a fixed ratio, at each budget's "best" ratio, or at its "held-out" choice.

    With "best", held-out values are shown as well. Random sets are shown with the same choice of the ratio.
    customdata as in `ratio_curves`. Raises ConfigError if the evaluation has no such ratio.
    """
    beside: Panels = {d: [] for d in DIRECTIONS}
    if isinstance(ratio, str):
        best, choice = sorted(_of_source(evaluation.best, source), key=lambda one: one.k), ratio
        if not best:
            raise ConfigError("nothing was evaluated", accepted="an evaluation with at least one budget")
        controls = sorted(_of_source(evaluation.random_best, BAND_SOURCE), key=lambda one: one.k)
        points = _panels(best, lambda one: best_point(one, str(one.k), metric, choice))
        random = _panels(controls, lambda one: random_best_point(one, str(one.k), metric, choice))
        if choice == "best":
            beside = _panels(best, lambda one: best_point(one, str(one.k), metric, "held-out"))
        at = "each budget's best ratio" if choice == "best" else "the held-out choice of the ratio"
    else:
        rows = _of_source(evaluation.grid, source)
        _check("ratio", ratio, [row.ratio for row in rows])
        points = _panels(_at(rows, ratio=ratio), lambda row: row_point(row, str(row.k), metric))
        random = _panels(
            _at(_of_source(evaluation.random, BAND_SOURCE), ratio=ratio),
            lambda row: random_point(row, str(row.k), metric),
        )
        at = f"ratio {ratio:g}"
    traces = {
        d: [*band(random[d]), *curve(points[d]), *curve(beside[d], HELD_OUT_NAME, dashed=True)] for d in DIRECTIONS
    }
    alt = _in_words(f"{metric.upper()} over the budget K at {at}.", points, random, "K = ")
    ks = sorted({int(point.x) for d in DIRECTIONS for point in points[d]})
    return two_panels(
        traces,
        alt,
        x_title="Budget K (neurons)",
        y_title=_axis_title(metric),
        type="category",
        categoryorder="array",
        categoryarray=[str(k) for k in ks],
    )


def _of_source(rows: Iterable[Sourced], source: str) -> list[Sourced]:
    return [row for row in rows if row.source == source]


def _at(rows: Iterable[Cell], *, k: int | None = None, ratio: float | None = None) -> list[Cell]:
    """The rows with this budget or this ratio, in the order of the x axis."""
    found = [row for row in rows if (row.k == k if ratio is None else _same(row.ratio, ratio))]
    return sorted(found, key=lambda row: (row.k, row.ratio))


def _panels(rows: Iterable[Any], point: Callable[[Any], Point]) -> Panels:
    rows = list(rows)
    return {d: [point(row) for row in rows if row.direction == d] for d in DIRECTIONS}


def _signs(best: Best, metric: Metric) -> list[go.Scatter]:
    """A ring around the point of the best ratio, and a mark for its held-out value."""
    ring = best_point(best, best.ratio, metric, "best")
    diamond = best_point(best, best.ratio, metric, "held-out")
    signs = [mark(ring, BEST_NAME, "circle-open", MARK), mark(diamond, HELD_OUT_NAME, "diamond-open", TASK)]
    return [sign for sign, point in zip(signs, (ring, diamond), strict=True) if point.y is not None]


def _check(name: str, value: float, known: Iterable[float]) -> None:
    accepted = sorted(set(known))
    if not any(_same(value, one) for one in accepted):
        raise ConfigError(
            f"no intervention with {name} {value:g} was evaluated",
            accepted=first_of(f"{one:g}" for one in accepted) or "an evaluation with interventions",
        )


def _same(one: float, other: float) -> bool:
    """Whether two ratios are equal; a slider may give 0.30000000000000004 for 0.3."""
    return isclose(one, other, abs_tol=1e-9)


def _axis_title(metric: Metric) -> str:
    return f"{metric.upper()} (% of baseline {BASE[metric]})"


def _in_words(title: str, points: Panels, random: Panels, axis: str) -> str:
    sentences = [title]
    for direction in DIRECTIONS:
        defined = [point for point in points[direction] if point.y is not None]
        sentence = f"{direction.capitalize()}: "
        if defined:
            ends = min(defined, key=_height), max(defined, key=_height)
            low, high = (f"{signed(_height(end))}% at {axis}{_place(end)}" for end in ends)
            sentence += f"from {low} to {high}"
        else:
            sentence += "undefined everywhere"
        missing = len(points[direction]) - len(defined)
        if defined and missing:
            sentence += f", undefined at {missing} of {len(points[direction])} points"
        ranges = [point.interval for point in random[direction] if point.interval is not None]
        if ranges:
            low_end, high_end = min(low for low, _ in ranges), max(high for _, high in ranges)
            sentence += f"; random sets between {signed(low_end)}% and {signed(high_end)}%"
        sentences.append(sentence + ".")
    return " ".join(sentences)


def _height(point: Point) -> float:
    assert point.y is not None
    return point.y


def _place(point: Point) -> str:
    return point.x if isinstance(point.x, str) else f"{point.x:g}"
