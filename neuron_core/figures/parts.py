"""Heatmaps of the effect of each task's neurons on each task. No torch."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from neuron_core.analysis.parts import PartMatrix
from neuron_core.errors import ConfigError
from neuron_core.figures.cross import cell_numbers
from neuron_core.figures.theme import (
    BAD,
    CLEAR,
    GOOD,
    MARK,
    TITLE_SIZE,
    apply_theme,
    name_categories,
    plain,
    significant,
    wrapped,
)

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
NO_SHARE = "no share"


def part_heatmaps(
    matrices: Sequence[PartMatrix],
    measure: str = "content_margin",
    *,
    share: bool = True,
    titles: Sequence[tuple[str, str]] = (),
) -> go.Figure:
    """One panel per matrix. Rows: tasks whose neurons are used. Columns: evaluated tasks. The diagonal is framed.

    titles: of each panel, in two lines; without them, its direction and K. All panels have one scale of colours.
    share: the measure divided by the unmodified model's, so that 1 means no change; RAC and its parts stay in percent.
    Cells of a task on which the unmodified model's value is not positive say that there is no share.
    A rising measure is blue, a falling one orange. The second trace of each panel answers clicks with the customdata
    {"source", "evaluated", "direction"}. Raises ConfigError without a matrix.
    """
    if not matrices:
        raise ConfigError("a figure needs a matrix and got no matrix", accepted="one matrix or more")
    shared = share and not measure.startswith("rac")
    # Short: three matrices stand side by side on a page, and a title that is wider than its matrix is cut off.
    above = [f"<b>{plain(first)}</b><br>{wrapped(second, 24, 2)}" for first, second in titles] or [
        f"<b>{plain(one.direction.capitalize())}</b>, K = {one.k}" for one in matrices
    ]
    figure = make_subplots(1, len(matrices), shared_yaxes=True, horizontal_spacing=0.04, subplot_titles=above)
    numbers = [one.values(measure, share=shared) for one in matrices]
    middle = 1.0 if shared else 0.0
    most = max(1e-9, *(float(np.nanmax(np.abs(values - middle), initial=0.0)) for values in numbers))
    digits = 0 if measure.startswith("rac") else 2
    title = f"{MEASURE_TITLES[measure]}, share of the unmodified model's" if shared else MEASURE_TITLES[measure]
    written = [[["" if np.isnan(v) else plain(f"{v:.{digits}f}") for v in row] for row in one] for one in numbers]
    for column, (one, values, words) in enumerate(zip(matrices, numbers, written, strict=True), start=1):
        shareless = one.without_share(measure) if shared else {}
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
                hoverinfo="skip",
                name=plain(one.direction),
            ),
            row=1,
            col=column,
        )
        cells = [(task, source) for source in one.sources for task in one.tasks]
        flat = [word for row in words for word in row]
        empty = [NO_SHARE if task in shareless and (source, task) in one.cells else "not run" for task, source in cells]
        figure.add_trace(
            go.Scatter(
                x=[task for task, _ in cells],
                y=[source for _, source in cells],
                mode="markers+text",
                marker={"symbol": "square", "size": 44, "color": CLEAR},
                customdata=[
                    {"source": source, "evaluated": task, "direction": one.direction} for task, source in cells
                ],
                text=["" if word else why for word, why in zip(flat, empty, strict=True)],
                hovertext=[
                    f"neurons of {plain(source)}, evaluated on {plain(task)}: {word or why}"
                    for (task, source), word, why in zip(cells, flat, empty, strict=True)
                ],
                hovertemplate="%{hovertext}<extra></extra>",
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
    # Last, so that the traces of a panel keep their places.
    for column, (one, values, words) in enumerate(zip(matrices, numbers, written, strict=True), start=1):
        figure.add_trace(cell_numbers(one.tasks, one.sources, words, (values - middle) / most), row=1, col=column)
    said = filter(None, (_own_in_words(matrices, measure), no_share_in_words(matrices, measure) if shared else ""))
    apply_theme(figure, f"{title}. {'. '.join(said)}", height=150 + 64 * len(matrices[0].sources))
    figure.update_annotations(font={"size": TITLE_SIZE})
    figure.update_layout(hovermode="closest", hoverdistance=-1, margin={"t": 96 if titles else 56})
    figure.update_xaxes(title_text="Evaluated on")
    name_categories(figure, matrices[0].tasks, matrices[0].sources)
    figure.update_yaxes(title_text="Neurons of", autorange="reversed", showgrid=False, col=1)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def no_share_in_words(matrices: Sequence[PartMatrix], measure: str = "content_margin") -> str:
    """Why cells of a measure have no share: the tasks and the unmodified model's values; empty where all have one."""
    found = {task: value for one in matrices for task, value in one.without_share(measure).items()}
    if not found:
        return ""
    values = ", ".join(f"{task} ({significant(value)})" for task, value in found.items())
    return f"No share where the unmodified model's value is not above 0: {values}"


def _own_in_words(matrices: Sequence[PartMatrix], measure: str) -> str:
    """Says on how many tasks the task's own neurons have the strongest effect."""
    words = []
    for one in matrices:
        own = one.own_is_strongest(measure)
        words.append(f"{one.direction}: own neurons are the strongest on {sum(own.values())} of {len(own)} tasks")
    return "; ".join(words)
