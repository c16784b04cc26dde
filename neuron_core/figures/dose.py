"""Dose-response curves: measures against the strength of an intervention. No torch."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from neuron_core.figures.theme import BAD, GOOD, TITLE_SIZE, apply_theme

PANELS = {
    "content_margin": "Content margin (nats)",
    "acc": "Accuracy",
    "letter_spread": "Letter spread (nats)",
    "perplexity": "Perplexity",
}
COLOURS = {"enhancer": GOOD, "degrader": BAD}
DASHES = {"zero": "solid", "mean": "dot"}


def dose_lines(table: pd.DataFrame) -> go.Figure:
    """Measures against the factor of excited neurons: one panel per measure, one line per direction and silencing.

    table: columns direction, silence, excite and those of PANELS. excite 1 is the unmodified model.
    """
    figure = make_subplots(1, len(PANELS), horizontal_spacing=0.07, subplot_titles=list(PANELS.values()))
    lines = []
    for (direction, silence), group in table.groupby(["direction", "silence"], sort=False):
        for column, measure in enumerate(PANELS, start=1):
            figure.add_trace(
                go.Scatter(
                    x=group["excite"],
                    y=group[measure],
                    mode="lines+markers",
                    name=f"{direction}, silenced to {silence}",
                    legendgroup=f"{direction} {silence}",
                    showlegend=column == 1,
                    line={"color": COLOURS[str(direction)], "dash": DASHES[str(silence)]},
                    hovertemplate="x%{x:g}: %{y:.3g}<extra>" + f"{direction}, {silence}</extra>",
                ),
                row=1,
                col=column,
            )
        first, last = group["content_margin"].iloc[0], group["content_margin"].iloc[-1]
        lines.append(f"{direction}, silenced to {silence}: margin {first:.2f} to {last:.2f} nats")
    apply_theme(figure, f"Measures against the strength of the intervention. {'; '.join(lines)}.", height=340)
    figure.update_annotations(font={"size": TITLE_SIZE})
    figure.update_layout(margin={"t": 84}, legend={"y": 1.18})
    figure.update_xaxes(title_text="Factor of excited neurons")
    return figure
