"""The bench as a figure: seconds a question of every way, on one logarithmic axis. No torch."""

from typing import Any

import plotly.graph_objects as go

WAYS = {
    "floor_s": "bare matrix multiplications",
    "fast_s": "fast exact form",
    "captum_s": "Captum",
    "reference_s": "full-sequence reference",
}


def bench_figure(result: dict[str, Any]) -> go.Figure:
    """Bars by setting (prompt length and steps), one colour a way; what was not measured has no bar."""
    usual = {**result["attribution"], "T": result["T"], "m": result["m"]}
    measured = [usual, *result["settings"]]
    figure = go.Figure()
    for key, name in WAYS.items():
        known = [each for each in measured if each[key] is not None]
        if known:
            figure.add_bar(
                name=name,
                x=[f"T = {each['T']}, m = {each['m']}" for each in known],
                y=[each[key] for each in known],
                text=[f"{each[key]:.3g}" for each in known],
            )
    figure.update_layout(
        title=f"Attribution of one question: {result['model']}, {result['dtype']}, {result['device']}",
        barmode="group",
        legend={"orientation": "h", "y": -0.2},
    )
    figure.update_yaxes(type="log", title="seconds a question")
    return figure
