"""What every figure keeps to, so that it stands on light and dark pages and alone."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
import pytest

from neuron_core.analysis.layers import LayerCounts
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.figures.baseline import letter_bars
from neuron_core.figures.control import budget_curves, ratio_curves
from neuron_core.figures.cross import LETTER, LINE, overlap_heatmap
from neuron_core.figures.layers import completeness_bars, layer_heatmap, layer_score_bars
from neuron_core.figures.question import option_bars
from neuron_core.figures.theme import (
    CLEAR,
    NAME_WIDTH,
    counted,
    describe,
    label_size,
    name_categories,
    name_label,
    percent,
    plain,
    signed,
    significant,
    wrapped,
)
from tests.figures.rows import baseline, best, evaluation, grid_row, random_best, random_row

RANKING = NeuronRanking(np.array([[0, 1], [1, 2]], dtype=np.int32), np.array([1.0, -1.0], dtype=np.float32), 0, 2, 8, 2)
COUNTS = LayerCounts(np.array([1, 0]), np.array([0, 1]), np.array([1.0, 0.0]), np.array([0.0, 1.0]))
EVALUATION = evaluation(
    [grid_row(10, 0.4), grid_row(10, 0.4, "degrader", rac=None, interval=None)],
    [random_row(10, 0.4)],
    [best(10)],
    [random_best(10)],
)
FIGURES: dict[str, Callable[[], go.Figure]] = {
    "layer_heatmap": lambda: layer_heatmap(COUNTS, 1),
    "layer_score_bars": lambda: layer_score_bars(RANKING),
    "completeness_bars": lambda: completeness_bars(np.array([0.1, 0.2]), np.array([0.0, 0.1])),
    "ratio_curves": lambda: ratio_curves(EVALUATION, 10, "rac"),
    "budget_curves": lambda: budget_curves(EVALUATION, "best", "rac"),
    "option_bars": lambda: option_bars((0.25,) * 4, (0.25,) * 4, 0, ("A", "B", "C", "D")),
    "letter_bars": lambda: letter_bars(baseline()),
}


@pytest.fixture(params=FIGURES)
def figure(request: pytest.FixtureRequest) -> go.Figure:
    return FIGURES[request.param]()


def fonts(node: Any, key: str = "") -> Iterator[dict[str, Any]]:
    """Every font of a figure's JSON."""
    if isinstance(node, dict):
        if "font" in key:
            yield node
        for name, value in node.items():
            yield from fonts(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from fonts(value, key)


def test_text_takes_the_colour_of_the_page(figure):
    found = list(fonts(figure.to_plotly_json()))
    assert found
    assert all("color" not in font for font in found)


def test_the_page_shines_through(figure):
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == CLEAR


def test_text_is_large_enough_for_a_wall(figure):
    sizes = [font["size"] for font in fonts(figure.to_plotly_json()) if "size" in font]
    assert min(sizes) >= 14


def test_every_figure_has_words_for_those_who_can_not_see_it(figure):
    assert describe(figure) == figure.layout.meta["alt"]
    assert describe(figure).endswith(".")
    assert "<" not in describe(figure)


def test_axes_have_titles_and_figures_have_none(figure):
    assert figure.layout.title.text is None
    assert figure.layout.xaxis.title.text
    # Rows of the map are named one by one.
    assert figure.layout.yaxis.title.text or list(figure.data[0].y) == ["bad −", "good +"]


def test_marks_have_their_own_colour_and_take_none_from_a_theme(figure):
    for trace in figure.data:
        colour = trace.colorscale if trace.type == "heatmap" else (trace.marker.color or trace.line.color)
        assert colour is not None


@pytest.mark.parametrize("name", FIGURES)
def test_the_default_template_of_the_session_leaves_no_trace(name, monkeypatch):
    alone = FIGURES[name]().to_plotly_json()
    monkeypatch.setattr(pio.templates, "default", "plotly_dark")
    assert FIGURES[name]().to_plotly_json() == alone


def test_words_of_numbers():
    assert (percent(0.2345), percent(0.2345, 1)) == ("23%", "23.4%")
    assert (signed(12.34), signed(-2.0), signed(-0.01), signed(0.0), signed(0.5, 2)) == (
        "+12.3",
        "−2.0",
        "0.0",
        "0.0",
        "+0.50",
    )
    assert (counted(0, "neuron"), counted(1, "neuron"), counted(2, "neuron")) == (
        "no neurons",
        "1 neuron",
        "2 neurons",
    )
    assert counted(12_000, "row") == "12,000 rows"


def test_labels_are_wrapped_at_words_and_cut_with_an_ellipsis():
    assert wrapped("one two three", width=7, lines=3) == "one two<br>three"
    assert wrapped("one two three four", width=5, lines=2) == "one<br>two …"
    assert wrapped("incomprehensible", width=6, lines=2) == "incom…"
    assert wrapped("", width=6, lines=2) == ""


def test_a_wrapped_label_is_cut_before_it_is_escaped():
    assert wrapped("<<<<<< x", width=6, lines=1) == "&lt;&lt;&lt;&lt; …"
    assert plain("a < b & c") == "a &lt; b &amp; c"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0"),
        (0.0000798, "7.98×10⁻⁵"),
        (-0.0000798, "−7.98×10⁻⁵"),
        (0.001234, "0.00123"),
        (0.12, "0.120"),
        (-9.9999, "−10.0"),
        (12.34, "12.3"),
        (999.6, "1,000"),
        (12345.6, "12,346"),
        (2.5e7, "2.50×10⁷"),
    ],
)
def test_three_significant_figures_without_rows_of_zeros(value, said):
    assert significant(value) == said


def test_a_sign_is_shown_where_it_is_asked_for():
    assert (significant(0.5, sign=True), significant(-0.5, sign=True), significant(0, sign=True)) == (
        "+0.500",
        "−0.500",
        "0",
    )


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("sentiment", "sentiment"),
        ("Support tickets by product line", "Support tickets by<br>product line"),
        ("named_entities_of_news_2025 (ab6cde)", "named_entities_of_<br>news_2025 (ab6cde)"),
        ("x" * 36 + " (ab6cde)", "x" * 17 + "…<br>" + "x" * 9 + " (ab6cde)"),
        ("客户支持工单分类客户支持工单分类", "客户支持工单分类客<br>户支持工单分类"),
        ("客" * 30 + "分类", "客" * 8 + "…<br>" + "客" * 7 + "分类"),
        ("<i>", "&lt;i&gt;"),
    ],
)
def test_a_name_on_an_axis_takes_few_lines_and_keeps_its_end(name, label):
    assert name_label(name) == label


def test_long_names_leave_room_for_the_matrix_and_short_ones_stay_as_they_are():
    names = ["Support tickets by product line", "sentiment"]
    table = pd.DataFrame(np.eye(2), index=names, columns=names)
    figure = overlap_heatmap(table, "good for", "bad for")
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        assert list(axis.ticktext) == [name_label(name) for name in names]
        # What a click names.
        assert list(axis.tickvals) == names
    assert list(figure.data[0].x) == names
    short = overlap_heatmap(pd.DataFrame(np.eye(2), index=["a", "b"], columns=["a", "b"]), "good for", "bad for")
    assert short.layout.xaxis.ticktext is None


def test_no_line_of_a_shortened_name_begins_with_half_a_word_or_a_comma():
    assert name_label("Customer messages of the northern branches, autumn 2026") == "Customer messages…<br>autumn 2026"


def test_rows_of_a_matrix_are_as_high_as_their_names_and_upright_names_take_nothing_from_them():
    def matrix(names: list[str]) -> int:
        return overlap_heatmap(pd.DataFrame(np.eye(3), index=names, columns=names), "good for", "bad for").layout.height

    tall, short = "客户服务工单-退款与投诉全部-第二季度汇总表", "a"
    assert name_label(tall).count("<br>") == 2
    letters, lines = label_size([tall, short])
    assert (letters <= NAME_WIDTH, lines) == (True, 3)
    assert matrix([tall, short, "b"]) - matrix([short, "c", "b"]) >= 3 * (3 * LINE - 56) + LETTER * (letters - 1)


def test_a_text_without_spaces_is_parted_by_what_its_signs_take():
    assert wrapped("客户支持工单分类", width=8, lines=3) == "客户支持<br>工单分类"
    assert wrapped("客户支持工单分类", width=8, lines=1) == "客户支 …"


def test_a_long_name_of_a_category_stands_in_several_lines():
    figure = go.Figure(go.Bar(x=["Customer messages of the northern branches", "ner"], y=[1, 2]))
    name_categories(figure, figure.data[0].x)
    assert list(figure.layout.xaxis.ticktext) == ["Customer messages<br>of the northern<br>branches", "ner"]
    # The category itself stays: clicks name it.
    assert list(figure.layout.xaxis.tickvals) == ["Customer messages of the northern branches", "ner"]
