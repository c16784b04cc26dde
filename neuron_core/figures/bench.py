"""The benchmark as a figure: seconds per question for each implementation, on a logarithmic axis. No torch."""

from typing import Any

import plotly.graph_objects as go

from neuron_core.figures.theme import BAD, MARK, NEUTRAL, TASK, apply_theme, plain

WAYS = {
    "floor_s": ("bare matrix multiplications", NEUTRAL),
    "fast_s": ("fast exact form", TASK),
    "captum_s": ("Captum", MARK),
    "reference_s": ("full-sequence reference", BAD),
}
BACKGROUND, TEXT = "white", "#31333F"


def bench_figure(result: dict[str, Any]) -> go.Figure:
    """Bars for each setting (prompt length, steps, other model), with one colour per implementation.

    An implementation that was not measured has no bar. The figure is saved as a file of its own, so it has a title and
    a background.
    """
    usual = {**result["attribution"], "T": result["T"], "m": result["m"], "model": result["model"]}
    measured = [usual, *result["settings"]]
    figure = go.Figure()
    for key, (name, colour) in WAYS.items():
        known = [each for each in measured if each[key] is not None]
        if known:
            figure.add_bar(
                name=name,
                x=[_setting(each, result["model"]) for each in known],
                y=[each[key] for each in known],
                text=[f"{each[key]:,.0f}" if each[key] >= 10 else f"{each[key]:.2g}" for each in known],
                textposition="outside",
                textangle=0,
                textfont={"size": 11},
                cliponaxis=False,
                marker={"color": colour},
            )
    where = ", ".join(result[name] for name in ("model", "dtype", "device"))
    heading = f"Attribution of one question, seconds. {where}"
    bars = "; ".join(
        f"{_setting(each, result['model']).replace('<br>', ', ')}: "
        + ", ".join(f"{name} {each[key]:.3g} s" for key, (name, _) in WAYS.items() if each[key] is not None)
        for each in measured
    )
    apply_theme(figure, f"{heading}. {bars}.", height=520)
    figure.update_layout(
        title={"text": plain(heading), "x": 0.01, "xanchor": "left", "font": {"size": 15, "color": TEXT}},
        barmode="group",
        margin={"t": 96},
        paper_bgcolor=BACKGROUND,
        plot_bgcolor=BACKGROUND,
        font={"color": TEXT},
    )
    figure.update_yaxes(type="log", dtick=1, title="seconds per question")
    return figure


def _setting(each: dict[str, Any], usual: str) -> str:
    label = f"T = {each['T']:,}<br>m = {each['m']}"
    return label if each["model"] == usual else f"{label}<br>{plain(each['model'].split(',')[0])}"
