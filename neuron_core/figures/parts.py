"""What an effect is made of, and what each task's sets do to each task's content. No torch."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from neuron_core.analysis.parts import PartMatrix
from neuron_core.control.results import Baseline, Best, GridRow, RandomRow
from neuron_core.errors import ConfigError
from neuron_core.figures.panels import TITLES
from neuron_core.figures.theme import BAD, CLEAR, GOOD, MARK, NEUTRAL, TASK, TITLE_SIZE, dress, plain, signed

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
    """One panel a matrix: sources of the neurons down, evaluated tasks across, the diagonal framed.

    share: as a share of the unmodified model's, 1 is no change; for RAC and its parts the percent as they are. Colour:
    blue where the measure rises, orange where it falls. The second trace of a panel answers clicks: customdata
    {"source", "evaluated", "direction"}. ConfigError for no matrix.
    """
    if not matrices:
        raise ConfigError("a figure of no matrix", accepted="one matrix or more")
    shared = share and not measure.startswith("rac")
    titles = [f"{TITLES[one.direction]}, K = {one.k}" for one in matrices]
    figure = make_subplots(1, len(matrices), shared_yaxes=True, horizontal_spacing=0.05, subplot_titles=titles)
    numbers = [one.values(measure, share=shared) for one in matrices]
    middle = 1.0 if shared else 0.0
    most = max(1e-9, *(float(np.nanmax(np.abs(values - middle), initial=0.0)) for values in numbers))
    digits = 0 if measure.startswith("rac") else 2
    title = f"{MEASURE_TITLES[measure]}, share of unmodified" if shared else MEASURE_TITLES[measure]
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
                    f"neurons of {source} on {task}: {said or 'not run'}"
                    for (task, source), said in zip(cells, [w for row in words for w in row], strict=True)
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
    dress(figure, f"{title}. {_own_in_words(matrices, measure)}", height=150 + 64 * len(matrices[0].sources))
    figure.update_annotations(font={"size": TITLE_SIZE})
    figure.update_layout(hovermode="closest", hoverdistance=-1, margin={"t": 56})
    figure.update_xaxes(title_text="Evaluated on")
    figure.update_yaxes(title_text="Neurons of", autorange="reversed", showgrid=False, col=1)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def effect_parts(rows: Sequence[tuple[str, GridRow | Best]]) -> go.Figure:
    """RAC as content part and letter part, one bar a row, with the 95% interval of the content part.

    rows: (what to call it, row of the grid, of the random band or of the best ratios). Rows without the two parts are
    left out.
    """
    shown = [(name, row) for name, row in rows if row.rac_content is not None and row.rac_letters is not None]
    figure = go.Figure()
    names = [name for name, _ in shown]
    for title, field, colour, pattern in (
        ("content", "rac_content", TASK, ""),
        ("letters", "rac_letters", NEUTRAL, "/"),
    ):
        values = [getattr(row, field) for _, row in shown]
        figure.add_bar(
            x=values,
            y=names,
            orientation="h",
            name=title,
            marker={"color": colour, "pattern": {"shape": pattern}},
            text=[signed(value, 1) for value in values],
            hovertemplate=f"%{{y}}, {title}: %{{x:.1f}}%<extra></extra>",
        )
    figure.update_layout(barmode="relative")
    said = "; ".join(f"{name}: content {row.rac_content:.1f}, letters {row.rac_letters:.1f}" for name, row in shown)
    dress(figure, f"RAC in percent as content and letters. {said}.", height=120 + 48 * len(shown))
    figure.update_xaxes(title_text="RAC (%), positive in the intended direction")
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(zeroline=True, zerolinecolor=NEUTRAL, zerolinewidth=2)
    return figure


def margin_bars(baseline: Baseline, rows: Sequence[tuple[str, GridRow | RandomRow]]) -> go.Figure:
    """Content margin in nats of the unmodified model and under each row, with its 95% interval.

    Of random sets the interval is the range over the seeds. Rows without a content margin are left out.
    """
    every: list[tuple[str, Baseline | GridRow]] = [("unmodified", baseline), *rows]
    shown = [(name, row) for name, row in every if row.content_margin is not None]
    values = [row.content_margin or 0.0 for _, row in shown]
    ends = [row.content_margin_interval or (value, value) for (_, row), value in zip(shown, values, strict=True)]
    figure = go.Figure(
        go.Bar(
            x=values,
            y=[name for name, _ in shown],
            orientation="h",
            marker={"color": [NEUTRAL, *[TASK] * (len(shown) - 1)]},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [high - value for (_, high), value in zip(ends, values, strict=True)],
                "arrayminus": [value - low for (low, _), value in zip(ends, values, strict=True)],
            },
            text=[plain(f"{value:.2f}") for value in values],
            textposition="inside",
            hovertemplate="%{y}: %{x:.2f} nats<extra></extra>",
            showlegend=False,
        )
    )
    said = "; ".join(f"{name} {value:.2f}" for (name, _), value in zip(shown, values, strict=True))
    dress(figure, f"Content margin in nats. {said}.", height=110 + 44 * len(shown))
    figure.update_xaxes(title_text=MEASURE_TITLES["content_margin"])
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(zeroline=True, zerolinecolor=NEUTRAL, zerolinewidth=2)
    return figure


def _own_in_words(matrices: Sequence[PartMatrix], measure: str) -> str:
    """How often a task's own neurons change it most."""
    said = []
    for one in matrices:
        own = one.own_is_strongest(measure)
        said.append(f"{one.direction}: own neurons are the strongest on {sum(own.values())} of {len(own)} tasks")
    return "; ".join(said)
