"""Heatmaps of the effect of each task's neurons on each task. No torch."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from neuron_core.analysis.parts import PartMatrix
from neuron_core.errors import ConfigError
from neuron_core.figures.theme import BAD, CLEAR, GOOD, MARK, TITLE_SIZE, apply_theme, name_categories, plain

MEASURE_TITLES = {
    "content_margin": "Content margin (nats)",
    "content_acc": "Content accuracy",
    "acc_letters_removed": "Accuracy, letters removed",
    "acc": "Accuracy",
    "rac": "RAC (%)",
    "rac_content": "RAC, content part (%)",
    "rac_letters": "RAC, letter part (%)",
}
NOTHING = "#EEF1F4"


def part_heatmaps(matrices: Sequence[PartMatrix], measure: str = "content_margin", *, share: bool = True) -> go.Figure:
    """One panel per matrix. Rows: tasks whose neurons are used. Columns: evaluated tasks. The diagonal is framed.

    share: the measure divided by the unmodified model's, so that 1 means no change; RAC and its parts stay in percent.
    A rising measure is blue, a falling one orange. The second trace of each panel answers clicks with the customdata
    {"source", "evaluated", "direction"}. Raises ConfigError without a matrix.
    """
    if not matrices:
        raise ConfigError("a figure needs a matrix and got no matrix", accepted="one matrix or more")
    shared = share and not measure.startswith("rac")
    # Short: three matrices stand side by side on a page, and a title that is wider than its matrix is cut off.
    titles = [f"<b>{one.direction.capitalize()}</b>, K = {one.k}" for one in matrices]
    figure = make_subplots(1, len(matrices), shared_yaxes=True, horizontal_spacing=0.05, subplot_titles=titles)
    numbers = [one.values(measure, share=shared) for one in matrices]
    middle = 1.0 if shared else 0.0
    most = max(1e-9, *(float(np.nanmax(np.abs(values - middle), initial=0.0)) for values in numbers))
    digits = 0 if measure.startswith("rac") else 2
    title = f"{MEASURE_TITLES[measure]}, share of the unmodified model's" if shared else MEASURE_TITLES[measure]
    for column, (one, values) in enumerate(zip(matrices, numbers, strict=True), start=1):
        words = [["" if np.isnan(v) else plain(f"{v:.{digits}f}") for v in row] for row in values.tolist()]
        figure.add_trace(
            go.Heatmap(
                x=list(one.tasks),
                y=list(one.sources),
                z=[[None if np.isnan(v) else v - middle for v in row] for row in values.tolist()],
                zmin=-most,
                zmax=most,
                colorscale=[[0, BAD], [0.5, NOTHING], [1, GOOD]],
                showscale=False,
                xgap=3,
                ygap=3,
                text=words,
                texttemplate="%{text}",
                textfont={"weight": 600},
                hoverinfo="skip",
                name=one.direction,
            ),
            row=1,
            col=column,
        )
        cells = [(task, source) for source in one.sources for task in one.tasks]
        figure.add_trace(
            go.Scatter(
                x=[task for task, _ in cells],
                y=[source for _, source in cells],
                mode="markers",
                marker={"symbol": "square", "size": 44, "color": CLEAR},
                customdata=[
                    {"source": source, "evaluated": task, "direction": one.direction} for task, source in cells
                ],
                text=[
                    f"neurons of {plain(source)}, evaluated on {plain(task)}: {cell or 'not run'}"
                    for (task, source), cell in zip(cells, [w for row in words for w in row], strict=True)
                ],
                hovertemplate="%{text}<extra></extra>",
                showlegend=False,
            ),
            row=1,
            col=column,
        )
        for task in one.tasks:
            if task in one.sources:
                x, y = one.tasks.index(task), one.sources.index(task)
                frame = {"x0": x - 0.48, "x1": x + 0.48, "y0": y - 0.48, "y1": y + 0.48}
                figure.add_shape(type="rect", line={"color": MARK, "width": 3}, row=1, col=column, **frame)
    apply_theme(figure, f"{title}. {_own_in_words(matrices, measure)}", height=150 + 64 * len(matrices[0].sources))
    figure.update_annotations(font={"size": TITLE_SIZE})
    figure.update_layout(hovermode="closest", hoverdistance=-1, margin={"t": 56})
    figure.update_xaxes(title_text="Evaluated on")
    name_categories(figure, matrices[0].tasks, matrices[0].sources)
    figure.update_yaxes(title_text="Neurons of", autorange="reversed", showgrid=False, col=1)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def _own_in_words(matrices: Sequence[PartMatrix], measure: str) -> str:
    """Says on how many tasks the task's own neurons have the strongest effect."""
    words = []
    for one in matrices:
        own = one.own_is_strongest(measure)
        words.append(f"{one.direction}: own neurons are the strongest on {sum(own.values())} of {len(own)} tasks")
    return "; ".join(words)
