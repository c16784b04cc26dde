"""Heatmaps of the effect of each task's neurons on each task (paper, Figures 2 and 4). No torch."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from neuron_core.analysis.cross import CrossMatrix
from neuron_core.errors import ConfigError
from neuron_core.figures.panels import TITLES
from neuron_core.figures.theme import (
    BAD,
    CLEAR,
    GOOD,
    TITLE_SIZE,
    apply_theme,
    ink,
    label_size,
    mixed,
    name_categories,
    plain,
    wrapped,
)

Metric = Literal["rac", "rcc"]
LETTER, LINE = 8, 21
"pixels of a tick label: the width of a letter, the height of a line"
NOTHING = "#EEF1F4"
"colour of no effect and of no overlap; light and opaque, so that numbers are readable on light and dark pages"


def cross_heatmaps(matrices: Sequence[CrossMatrix], metric: Metric = "rac") -> go.Figure:
    """One panel per direction. Rows: evaluated tasks. Columns: tasks whose neurons are used. Cells: RAC/RCC or Fail.

    Colour shows the metric in percent: blue in the intended direction, orange against it. The second trace of a panel
    answers clicks with the customdata {"evaluated", "source", "direction"}. Raises ConfigError for no matrix or
    different tasks.
    """
    if not matrices or len({matrix.tasks for matrix in matrices}) > 1:
        raise ConfigError("matrices of different tasks", accepted="one matrix per direction, all with the same tasks")
    titles = [TITLES[matrix.direction] for matrix in matrices]
    figure = make_subplots(1, len(matrices), shared_yaxes=True, horizontal_spacing=0.05, subplot_titles=titles)
    tasks = list(matrices[0].tasks)
    values = [getattr(matrix, metric) for matrix in matrices]
    most = max(1.0, float(np.nanmax([np.nanmax(np.abs(one), initial=0.0) for one in values])))
    for column, (matrix, numbers) in enumerate(zip(matrices, values, strict=True), start=1):
        words = matrix.words()
        figure.add_trace(
            go.Heatmap(
                x=tasks,
                y=tasks,
                z=[[None if np.isnan(value) else value for value in row] for row in numbers.tolist()],
                zmin=-most,
                zmax=most,
                colorscale=[[0, BAD], [0.5, NOTHING], [1, GOOD]],
                showscale=column == len(matrices),
                colorbar={"title": {"text": f"{metric.upper()} (%)"}},
                xgap=3,
                ygap=3,
                hoverinfo="skip",
                name=plain(matrix.direction),
            ),
            row=1,
            col=column,
        )
        figure.add_trace(_cells(matrix, words, numbers), row=1, col=column)
        said = [[wrapped(text.replace("-", "−"), 20, 3) for text in row] for row in words]
        figure.add_trace(cell_numbers(tasks, tasks, said, numbers / most), row=1, col=column)
    apply_theme(figure, _in_words(matrices), height=160 + 88 * len(tasks))
    figure.update_annotations(font={"size": TITLE_SIZE})
    figure.update_layout(hovermode="closest", hoverdistance=-1, margin={"t": 56})
    figure.update_xaxes(title_text="Neurons of")
    name_categories(figure, tasks, tasks)
    figure.update_yaxes(title_text="Evaluated on", autorange="reversed", showgrid=False, col=1)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def overlap_heatmap(table: pd.DataFrame, rows: str, columns: str) -> go.Figure:
    """A matrix of Jaccard overlaps, tasks by tasks. rows, columns: titles of the two axes, such as "good for"."""
    numbers = table.to_numpy(dtype=float)
    figure = go.Figure(
        go.Heatmap(
            x=[str(task) for task in table.columns],
            y=[str(task) for task in table.index],
            z=[[None if np.isnan(value) else value for value in row] for row in numbers.tolist()],
            zmin=0,
            zmax=1,
            colorscale=[[0, NOTHING], [1, GOOD]],
            colorbar={"title": {"text": "Jaccard"}},
            xgap=3,
            ygap=3,
            text=[["undefined" if np.isnan(value) else f"{value:.2f}" for value in row] for row in numbers.tolist()],
            hovertext=[
                [f"{plain(rows)} {plain(str(one))}, {plain(columns)} {plain(str(two))}" for two in table.columns]
                for one in table.index
            ],
            hovertemplate="%{hovertext}: %{text}<extra></extra>",
        )
    )
    columns_named, rows_named = [str(task) for task in table.columns], [str(task) for task in table.index]
    figure.add_trace(cell_numbers(columns_named, rows_named, figure.data[0].text, numbers))
    sentences = [
        f"{one} and {two}: {'undefined' if np.isnan(numbers[i, j]) else f'{numbers[i, j]:.2f}'}."
        for i, one in enumerate(table.index)
        for j, two in enumerate(table.columns)
    ]
    # The rows keep their height under upright labels of any length, and are as high as their own labels.
    letters, _ = label_size(columns_named)
    _, lines = label_size(rows_named)
    height = 76 + LETTER * letters + max(56, LINE * lines) * len(table)
    alt = f"Jaccard overlap of neurons {rows} and {columns} each task. {' '.join(sentences)}"
    apply_theme(figure, alt, height)
    name_categories(figure, map(str, table.columns), map(str, table.index))
    # Upright: the columns are narrower than the names.
    figure.update_xaxes(title_text=plain(columns.capitalize()), tickangle=-90)
    figure.update_yaxes(title_text=plain(rows.capitalize()), autorange="reversed", showgrid=False)
    return figure


def _cells(matrix: CrossMatrix, words: list[list[str]], numbers: NDArray[np.float64]) -> go.Scatter:
    """An invisible square in every cell with its full text for the pointer, and the text of cells without colour."""
    where, texts, shown = [], [], []
    for i, evaluated in enumerate(matrix.tasks):
        for j, source in enumerate(matrix.tasks):
            where.append({"evaluated": evaluated, "source": source, "direction": matrix.direction})
            texts.append(
                f"neurons of <b>{plain(source)}</b> on <b>{plain(evaluated)}</b>, ratio {matrix.ratios[j]:g}"
                f"<br>RAC/RCC {words[i][j]}"
            )
            shown.append(wrapped(words[i][j], 12, 3) if np.isnan(numbers[i, j]) else "")
    return go.Scatter(
        x=[cell["source"] for cell in where],
        y=[cell["evaluated"] for cell in where],
        mode="markers+text",
        text=shown,
        marker={"symbol": "square", "size": 56, "color": CLEAR, "line": {"width": 0}},
        customdata=where,
        hovertext=texts,
        hoverinfo="text",
        showlegend=False,
        name="cells",
    )


def cell_numbers(
    x: Sequence[str], y: Sequence[str], said: Sequence[Sequence[str]], shares: NDArray[np.float64]
) -> go.Scatter:
    """What is written in coloured cells, black or white by the colour below. Plotly's own choice is hard to read on
    middle tones.

    shares: from -1 (BAD) over 0 (NOTHING) to 1 (GOOD), shape (len(y), len(x)); a cell with NaN has no colour and no
    text here.
    """
    cells = [(i, j) for i in range(len(y)) for j in range(len(x)) if not np.isnan(shares[i, j])]
    grounds = [mixed(NOTHING, GOOD if shares[cell] >= 0 else BAD, min(1.0, abs(shares[cell]))) for cell in cells]
    return go.Scatter(
        x=[x[j] for _, j in cells],
        y=[y[i] for i, _ in cells],
        mode="text",
        text=[said[i][j] for i, j in cells],
        textfont={"weight": 600, "color": [ink(ground) for ground in grounds]},
        hoverinfo="skip",
        showlegend=False,
        name="numbers",
    )


def _in_words(matrices: Sequence[CrossMatrix]) -> str:
    sentences = ["What the neurons of each task do to each task, RAC/RCC in percent."]
    for matrix in matrices:
        for evaluated, row in zip(matrix.tasks, matrix.words(), strict=True):
            cells = ", ".join(f"{source} {text}" for source, text in zip(matrix.tasks, row, strict=True))
            sentences.append(f"{matrix.direction.capitalize()} on {evaluated}, neurons of: {cells}.")
    return " ".join(sentences)
