"""Colours, sizes and the layout that every figure shares.

Backgrounds are transparent and texts take the page's colour: a figure stands on light and on dark pages.
The colours are Okabe and Ito's, readable on both, told apart with any colour vision; they tell nothing alone.
"""

import html
from collections.abc import Iterable

import plotly.graph_objects as go

GOOD, BAD = "#0072B2", "#D55E00"
GOOD_PALE, BAD_PALE = "#6087A0", "#9E7459"
TASK, MARK, NEUTRAL = "#009E73", "#E69F00", "#7F8790"
SERIES = (TASK, "#56B4E9", "#CC79A7", "#7A5CA8", "#B8860B", "#5F9E2F", "#A0522D", "#3A7CA5", "#8A8A3A")
"colours of methods beside each other; each also has its own pattern"
PATTERNS = ("", "/", "x", ".", "\\", "+", "-", "|", "/")
FAINT, BAND, HALF = "rgba(127,135,144,0.13)", "rgba(127,135,144,0.28)", "rgba(127,135,144,0.5)"
GRID = BAND
CLEAR = "rgba(0,0,0,0)"
TICK_SIZE, TITLE_SIZE = 14, 16
MINUS = "\N{MINUS SIGN}"


def dress(figure: go.Figure, alt: str, height: int) -> go.Figure:
    """Gives a figure the shared layout and `alt`, its text for those who can't see it (`describe` reads it).

    height: pixels; the width is the page's.
    """
    figure.update_layout(
        # Not the session's default template, which Streamlit replaces by one with placeholder colours.
        template="none",
        height=height,
        meta={"alt": alt},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        margin={"l": 72, "r": 16, "t": 16, "b": 56},
        font={"size": TICK_SIZE},
        hoverlabel={"align": "left", "font": {"size": TICK_SIZE}},
        legend={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.02,
            "yanchor": "bottom",
            "bgcolor": CLEAR,
            "font": {"size": TICK_SIZE},
        },
        bargap=0.25,
        modebar={"bgcolor": CLEAR, "color": NEUTRAL, "remove": ["select2d", "lasso2d"]},
    )
    axis = {
        "gridcolor": GRID,
        "zeroline": False,
        "automargin": True,
        "fixedrange": True,
        # Invisible ticks keep the labels off the bars.
        "ticks": "outside",
        "ticklen": 6,
        "tickcolor": CLEAR,
        "tickfont": {"size": TICK_SIZE},
        "title": {"font": {"size": TITLE_SIZE}, "standoff": 12},
    }
    figure.update_xaxes(**axis, showgrid=False)
    figure.update_yaxes(**axis, showgrid=True)
    return figure


def describe(figure: go.Figure) -> str:
    """What a figure shows, in words: the text for screen readers."""
    return figure.layout.meta["alt"]


def zero_line(figure: go.Figure) -> None:
    """A clear line at zero on every y axis."""
    figure.update_yaxes(zeroline=True, zerolinecolor=NEUTRAL, zerolinewidth=2)


def around(values: Iterable[float], room: float = 0.12) -> list[float]:
    """The range of an axis that holds zero and all of `values`, with a share of room at both ends."""
    known = [0.0, *values]
    low, high = min(known), max(known)
    more = room * (high - low) or 1.0
    return [low - more, high + more]


def layer_axis(figure: go.Figure, n_layers: int) -> None:
    """The x axis as layers 0 … L-1, with few enough ticks for any screen."""
    step = next((step for step in (1, 2, 5, 10) if n_layers <= 20 * step), 20)
    figure.update_xaxes(
        title_text="Layer (0 is next to the input)",
        range=[-0.5, n_layers - 0.5],
        tick0=0,
        dtick=step,
        showgrid=False,
    )


def plain(text: str) -> str:
    """Text from a dataset or a user as Plotly shows it letter by letter: its own tags are not obeyed."""
    return html.escape(text, quote=False)


def wrapped(text: str, width: int, lines: int) -> str:
    """`text` as a tick label: at most `lines` lines of about `width` letters, the rest as an ellipsis."""
    rows = [""]
    for word in text.split():
        if rows[-1] and len(rows[-1]) + 1 + len(word) > width:
            rows.append("")
        rows[-1] = f"{rows[-1]} {word}".strip()
    rows = [row if len(row) <= width else row[: width - 1] + "…" for row in rows]
    if len(rows) > lines:
        last = rows[lines - 1]
        if len(last) + 2 > width:
            last = last[: width - 2].rpartition(" ")[0] or last[: width - 2]
        rows = [*rows[: lines - 1], f"{last} …"]
    return "<br>".join(plain(row) for row in rows)


def percent(value: float, digits: int = 0) -> str:
    """A share as percent: 0.234 → 23%."""
    return f"{100 * value:.{digits}f}%"


def signed(value: float, digits: int = 1) -> str:
    """A number with its sign: 12.34 → +12.3; zero has none."""
    rounded = round(value, digits)
    return f"{rounded:+.{digits}f}".replace("-", MINUS) if rounded else f"{0:.{digits}f}"


def counted(n: int, noun: str) -> str:
    """`3 good neurons`, `1 good neuron`, `no good neurons`."""
    return f"{n or 'no'} {noun}{'' if n == 1 else 's'}"
