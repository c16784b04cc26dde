"""Figures over the layers of a model: good and bad neurons, scores, completeness gaps."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from neuron_core.analysis.layers import LayerCounts, Role, layer_scores
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.errors import ConfigError
from neuron_core.figures.theme import (
    BAD,
    BAD_PALE,
    FAINT,
    GOOD,
    GOOD_PALE,
    HALF,
    NEUTRAL,
    TICK_SIZE,
    apply_theme,
    counted,
    layer_axis,
    percent,
    signed,
    significant,
    zero_line,
)

WIDE, NARROW = 700, 385
"pixels of all layers together, in a window 1280 wide"
LEAST_SIZE = 7
ROW_LABELS: dict[Role, str] = {"good": "good +", "bad": "bad −"}


def layer_heatmap(counts: LayerCounts, k: int, *, narrow: bool = False) -> go.Figure:
    """The numbers of good and of bad neurons in each layer, as a heatmap with two rows. Zeros are left empty.

    narrow: the figure has about half a page; its numbers are smaller, and left to the pointer where a layer has no
    room for two digits.

    Heatmaps do not answer clicks, so a second trace does, with the customdata {"role": "good", "layer": 3}.
    """
    n_layers = len(counts.good)
    values = np.stack([-counts.bad, counts.good])
    most = max(1, int(np.abs(values).max(initial=0)))
    size = _number_size(n_layers, most, NARROW if narrow else WIDE)
    figure = go.Figure(
        go.Heatmap(
            x=list(range(n_layers)),
            y=[ROW_LABELS["bad"], ROW_LABELS["good"]],
            z=values.tolist(),
            zmin=-most,
            zmax=most,
            colorscale=_two_sided(most),
            showscale=False,
            xgap=2 if n_layers <= 48 else 1,
            ygap=6,
            text=[[str(abs(n)) if n else "" for n in row] for row in values.tolist()],
            texttemplate="%{text}" if size else None,
            textfont={"weight": 600, "size": size or TICK_SIZE},
            hoverinfo="skip",
            name="neurons",
        )
    )
    figure.add_trace(_cells(counts, k))
    apply_theme(figure, _heatmap_in_words(counts, k), height=280)
    # Without a distance limit the nearest cell answers, wherever the pointer is in it.
    figure.update_layout(hovermode="closest", hoverdistance=-1, font={"size": 15}, margin={"t": 32})
    layer_axis(figure, n_layers)
    figure.update_yaxes(showgrid=False, ticks="", tickfont={"size": 16})
    return figure


def layer_score_bars(ranking: NeuronRanking, unit: str = "probability") -> go.Figure:
    """The sum of all positive and of all negative task scores of each layer, as bars above and below zero.

    unit: the unit of the target. customdata as in `layer_heatmap`.
    """
    sums = layer_scores(ranking)
    layers = list(range(ranking.n_layers))
    figure = go.Figure()
    roles: tuple[tuple[Role, str, str, NDArray[np.float64], NDArray[np.int64]], ...] = (
        ("good", "positive scores", GOOD, sums.positive, sums.n_positive),
        ("bad", "negative scores", BAD, sums.negative, sums.n_negative),
    )
    for role, name, colour, totals, numbers in roles:
        sign = name.split()[0]
        figure.add_trace(
            go.Bar(
                x=layers,
                y=totals.tolist(),
                name=name,
                marker={"color": colour, "line": {"width": 0}},
                customdata=[{"role": role, "layer": layer} for layer in layers],
                hovertext=[
                    f"layer {layer}, {counted(n, 'neuron')} with a {sign} score"
                    f"<br>sum {significant(total, sign=True)} ({unit})"
                    for layer, n, total in zip(layers, numbers.tolist(), totals.tolist(), strict=True)
                ],
                hoverinfo="text",
            )
        )
    apply_theme(figure, _scores_in_words(sums.positive, sums.negative), height=360)
    figure.update_layout(barmode="relative")
    layer_axis(figure, ranking.n_layers)
    figure.update_yaxes(title_text=f"Sum of task scores ({unit})")
    zero_line(figure)
    return figure


def completeness_bars(mean: NDArray[np.float64], spread: NDArray[np.float64]) -> go.Figure:
    """The completeness gap of each layer, with its standard deviation over questions.

    mean, spread: shape (L,), shares of Σ|IG_l|, as returned by `neuron_core.analysis.layers.layer_gaps`.
    Raises ConfigError if the two have different lengths.
    """
    if len(mean) != len(spread):
        raise ConfigError(f"{len(mean)} gaps with {len(spread)} spreads", accepted="one spread per layer")
    layers = list(range(len(mean)))
    means, spreads = (100 * np.asarray(mean)).tolist(), (100 * np.asarray(spread)).tolist()
    figure = go.Figure(
        go.Bar(
            x=layers,
            y=means,
            name="completeness gap",
            marker={"color": HALF, "line": {"width": 0}},
            error_y={"type": "data", "array": spreads, "color": NEUTRAL, "thickness": 2, "width": 3},
            customdata=[{"layer": layer} for layer in layers],
            hovertext=[
                f"layer {layer}<br>completeness gap {signed(gap)}% of the layer's attribution"
                f"<br>standard deviation over questions {deviation:.1f}%"
                for layer, gap, deviation in zip(layers, means, spreads, strict=True)
            ],
            hoverinfo="text",
        )
    )
    worst = int(np.argmax(np.abs(means))) if layers else 0
    alt = f"Bar chart of the completeness gap of {counted(len(layers), 'layer')}, in percent of Σ|IG|."
    if layers:
        alt += f" It is furthest from zero in layer {worst}: {signed(means[worst])}%."
    apply_theme(figure, alt, height=320)
    layer_axis(figure, len(layers))
    figure.update_yaxes(title_text="Completeness gap (% of Σ|IG|)")
    zero_line(figure)
    return figure


def _number_size(n_layers: int, most: int, width: int) -> int | None:
    """Pixels of the numbers in cells so that the largest fits into one; None if it would be too small to read."""
    # A bold digit is about 0.6 of its size wide.
    fits = int((width / n_layers - 3) / (0.6 * len(str(most))))
    return min(TICK_SIZE, fits) if fits >= LEAST_SIZE else None


def _two_sided(most: int) -> list[list[Any]]:
    """A colour scale from -most to most: faint at 0, otherwise dark enough for white numbers."""
    edge = 0.25 / most
    return [
        [0.0, BAD],
        [0.5 - edge, BAD_PALE],
        [0.5 - edge, FAINT],
        [0.5 + edge, FAINT],
        [0.5 + edge, GOOD_PALE],
        [1.0, GOOD],
    ]


def _cells(counts: LayerCounts, k: int) -> go.Scatter:
    """An invisible square in every cell. The square that was clicked shows its outline."""
    n_layers = len(counts.good)
    roles: tuple[tuple[Role, NDArray[np.int64], NDArray[np.float64]], ...] = (
        ("good", counts.good, counts.good_share),
        ("bad", counts.bad, counts.bad_share),
    )
    where: list[dict[str, Any]] = []
    texts = []
    for role, numbers, shares in roles:
        total = int(numbers.sum())
        of_total = f"{total}" if total >= k else f"the {total} there are, {k} were asked for"
        for layer, (n, share) in enumerate(zip(numbers.tolist(), shares.tolist(), strict=True)):
            where.append({"role": role, "layer": layer})
            part = f" ({percent(share)} of {of_total})" if n else ""
            texts.append(f"layer {layer}, {counted(n, f'{role} neuron')}{part}")
    return go.Scatter(
        x=[cell["layer"] for cell in where],
        y=[ROW_LABELS[cell["role"]] for cell in where],
        mode="markers",
        marker={
            "symbol": "square-open",
            "size": 30 if n_layers <= 16 else 18 if n_layers <= 40 else 12,
            "color": NEUTRAL,
            "opacity": 0,
            "line": {"width": 3},
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 0}},
        customdata=where,
        hovertext=texts,
        hoverinfo="text",
        showlegend=False,
        name="cells",
    )


def _heatmap_in_words(counts: LayerCounts, k: int) -> str:
    sentences = [f"Good and bad neurons by layer, {counted(len(counts.good), 'layer')}, K = {k}."]
    for role, numbers in (("good", counts.good), ("bad", counts.bad)):
        total = int(numbers.sum())
        sentence = counted(total, f"{role} neuron").capitalize()
        if total:
            most = np.flatnonzero(numbers == numbers.max()).tolist()
            layers, each = ", ".join(str(layer) for layer in most), "" if len(most) == 1 else " each"
            sentence += f", most in layer{'s' if each else ''} {layers} ({numbers.max()}{each})"
        sentences.append(sentence + ".")
    return " ".join(sentences)


def _scores_in_words(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> str:
    text = f"Bar chart of the sums of positive and of negative task scores in {counted(len(positive), 'layer')}."
    if not positive.any() and not negative.any():
        return text + " All are zero."
    top, bottom = int(positive.argmax()), int(negative.argmin())
    return (
        f"{text} The highest positive sum is {significant(positive[top], sign=True)} in layer {top}, "
        f"the lowest negative sum {significant(negative[bottom], sign=True)} in layer {bottom}."
    )
