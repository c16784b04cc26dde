"""A map of the scores of a whole model, layers by neurons."""

import numpy as np
import plotly.graph_objects as go

from neuron_core.analysis.task_layers import ScoreMap
from neuron_core.figures.theme import BAD, FAINT, GOOD, MARK, NEUTRAL, apply_theme, counted, significant


def score_heatmap(found: ScoreMap) -> go.Figure:
    """The strongest score in every bin of neighbouring neurons, by layer.

    Colours follow the cube root of the score; otherwise a few neurons would leave all others pale. The second trace
    answers clicks with the customdata {"neuron": "3.17", "layer", "index", "role"} of the bin's strongest neuron.
    """
    n_layers, n_bins = found.scores.shape
    roots = np.cbrt(found.scores)
    most = float(np.abs(roots).max(initial=0)) or 1.0
    ends = [(b * found.width, min((b + 1) * found.width, found.n_neurons) - 1) for b in range(n_bins)]
    figure = go.Figure(
        go.Heatmap(
            x=list(range(n_bins)),
            y=list(range(n_layers)),
            z=roots.tolist(),
            zmin=-most,
            zmax=most,
            colorscale=[[0.0, BAD], [0.5, FAINT], [1.0, GOOD]],
            showscale=True,
            colorbar={
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 1.01,
                "yanchor": "bottom",
                "len": 0.9,
                "tickvals": [-most, 0, most],
                "ticktext": [f"bad {significant(-(most**3))}", "0", f"good {significant(most**3)}"],
                "thickness": 12,
                "outlinewidth": 0,
            },
            hoverinfo="skip",
            name="scores",
        )
    )
    cells = [(layer, b) for layer in range(n_layers) for b in range(n_bins) if found.n_scored[layer, b]]
    hover, where = [], []
    for layer, b in cells:
        first, last = ends[b]
        index, score = int(found.index[layer, b]), float(found.scores[layer, b])
        of = "" if first == last else f"<br>strongest of neurons {layer}.{first} to {layer}.{last}"
        with_score = "" if first == last else f", {found.n_scored[layer, b]} of them with a score"
        role = "good" if score > 0 else "bad"
        hover.append(f"<b>neuron {layer}.{index}</b>, {role}, score {significant(score, sign=True)}{of}{with_score}")
        where.append({"neuron": f"{layer}.{index}", "layer": layer, "index": index, "role": role})
    figure.add_trace(
        go.Scatter(
            x=[b for _, b in cells],
            y=[layer for layer, _ in cells],
            mode="markers",
            marker={"symbol": "square-open", "size": 9, "color": MARK, "opacity": 0, "line": {"width": 2}},
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 0}},
            customdata=where,
            hovertext=hover,
            hoverinfo="text",
            showlegend=False,
            name="cells",
        )
    )
    n_scored = int(found.n_scored.sum())
    alt = f"Task scores of {counted(n_scored, 'neuron')} by layer and place within the layer."
    if n_scored:
        best = np.unravel_index(int(found.scores.argmax()), found.scores.shape)
        worst = np.unravel_index(int(found.scores.argmin()), found.scores.shape)
        ends_said = [
            f"{i}.{found.index[i, b]} ({significant(float(found.scores[i, b]), sign=True)})" for i, b in (best, worst)
        ]
        alt += f" Highest: neuron {ends_said[0]}; lowest: neuron {ends_said[1]}."
    apply_theme(figure, alt, height=max(280, 120 + 14 * n_layers))
    figure.update_layout(hovermode="closest", hoverdistance=-1, margin={"t": 64})
    step = max(1, n_bins // 4)
    ticks = list(range(0, n_bins, step))
    each = "" if found.width == 1 else f", {found.width} a cell"
    figure.update_xaxes(
        title_text=f"Neuron of the layer{each}",
        tickvals=ticks,
        ticktext=[str(ends[b][0]) for b in ticks],
        tickangle=0,
        range=[-0.5, n_bins - 0.5],
    )
    figure.update_yaxes(
        title_text="Layer (0 is next to the input)",
        showgrid=False,
        range=[-0.5, n_layers - 0.5],
        tick0=0,
        dtick=1 if n_layers <= 20 else 5 if n_layers <= 60 else 10,
        linecolor=NEUTRAL,
    )
    return figure
