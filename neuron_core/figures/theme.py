"""The colours, sizes and layout that all figures share.

Backgrounds are transparent and texts have the colour of the page, so that figures fit light and dark pages. The colours
are those of Okabe and Ito, which can be told apart with any colour vision. Nothing is shown by colour alone.
"""

import html
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator

import plotly.graph_objects as go

GOOD, BAD = "#0072B2", "#D55E00"
GOOD_PALE, BAD_PALE = "#6087A0", "#9E7459"
TASK, MARK, NEUTRAL = "#009E73", "#E69F00", "#7F8790"
SERIES = (TASK, "#56B4E9", "#CC79A7", "#7A5CA8", "#B8860B", "#5F9E2F", "#A0522D", "#3A7CA5", "#8A8A3A")
"colours of methods in one figure; each colour has its own pattern as well"
PATTERNS = ("", "/", "x", ".", "\\", "+", "-", "|", "/")
FAINT, BAND, HALF = "rgba(127,135,144,0.13)", "rgba(127,135,144,0.28)", "rgba(127,135,144,0.5)"
GRID = BAND
CLEAR = "rgba(0,0,0,0)"
TICK_SIZE, TITLE_SIZE = 14, 16
NAME_WIDTH, NAME_LINES = 18, 3
"letters of a line, and lines, of a category on an axis"
PARTING = " ,;:_-/."
"signs that no line of a name begins or ends with where its middle is left out"
MINUS = "\N{MINUS SIGN}"
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def apply_theme(figure: go.Figure, alt: str, height: int) -> go.Figure:
    """Gives a figure the shared layout and its alternative text `alt`, which `describe` returns.

    height: in pixels. The width is that of the page.
    """
    figure.update_layout(
        # The default template is avoided: Streamlit replaces it by one with placeholder colours.
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
    """The alternative text of a figure, for screen readers."""
    return figure.layout.meta["alt"]


def zero_line(figure: go.Figure) -> None:
    """A clear line at zero on every y axis."""
    figure.update_yaxes(zeroline=True, zerolinecolor=NEUTRAL, zerolinewidth=2)


def around(values: Iterable[float], room: float = 0.12) -> list[float]:
    """The range of an axis that contains zero and all values, with a margin at both ends."""
    known = [0.0, *values]
    low, high = min(known), max(known)
    more = room * (high - low) or 1.0
    return [low - more, high + more]


def layer_axis(figure: go.Figure, n_layers: int) -> None:
    """Makes the x axis show layers 0 to L-1, with few enough ticks for any screen."""
    step = next((step for step in (1, 2, 5, 10) if n_layers <= 20 * step), 20)
    figure.update_xaxes(
        title_text="Layer (0 is next to the input)",
        range=[-0.5, n_layers - 0.5],
        tick0=0,
        dtick=step,
        showgrid=False,
    )


def mixed(low: str, high: str, share: float) -> str:
    """The colour at `share` of the way from one colour to another, as Plotly's colour scales mix them. #RRGGBB."""
    ends = ([int(one[place : place + 2], 16) for place in (1, 3, 5)] for one in (low, high))
    return "#" + "".join(f"{round(a + share * (b - a)):02X}" for a, b in zip(*ends, strict=True))


def ink(ground: str) -> str:
    """Black or white, whichever is read better on this colour, #RRGGBB: the contrast is 4.5:1 or more on any."""
    return "#000000" if _luminance(ground) > 0.179 else "#FFFFFF"


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def plain(text: str) -> str:
    """Escapes a text from a dataset, a run's file or a user, so that Plotly shows tags, entities and the `%{…}` of
    templates in it as they are written.
    """
    return html.escape(text, quote=False).replace("%{", "&#37;{")


def name_categories(figure: go.Figure, x: Iterable[str] = (), y: Iterable[str] = ()) -> None:
    """Shows the categories of the axes, such as names of tasks, as they are written, long ones in several lines.

    Without this, Plotly reads tags in them, and long names take the room of what they name. The categories themselves
    stay as they are, so that clicks and the data of the figure name them.
    """
    for names, update in ((list(x), figure.update_xaxes), (list(y), figure.update_yaxes)):
        if any(plain(name) != name or _columns(name) > NAME_WIDTH for name in names):
            update(tickmode="array", tickvals=names, ticktext=[name_label(name) for name in names])


def name_label(name: str) -> str:
    """A name as a tick label of few short lines, broken after a space or a sign, or anywhere where none are written.

    Of a longer one the middle is left out: names often differ at their ends only.
    """
    rows = [""]
    for part in re.findall(r"[^\s_\-/.\u2e80-\uffef]*(?:[\s_\-/.\u2e80-\uffef]|$)", name):
        if rows[-1] and _columns(rows[-1] + part.rstrip()) > NAME_WIDTH:
            rows.append("")
        rows[-1] += part
    if len(rows) > NAME_LINES or any(_columns(row.strip()) > NAME_WIDTH for row in rows):
        head, tail = _within(name, NAME_WIDTH - 1), _within(name[::-1], NAME_WIDTH)[::-1]
        # Not with half a word, unless little else would be left.
        whole = tail.partition(" ")[2]
        tail = whole if 2 * _columns(whole) >= NAME_WIDTH and name[-len(tail) - 1] != " " else tail
        rows = [f"{head.rstrip(PARTING)}…", tail.lstrip(PARTING)]
    return "<br>".join(plain(row.strip()) for row in rows)


def label_size(names: Iterable[str]) -> tuple[int, int]:
    """How large the tick labels of these names are: letters of the widest line, and lines of the tallest one."""
    labels = [html.unescape(name_label(name)).split("<br>") for name in names]
    return max((_columns(row) for rows in labels for row in rows), default=0), max(map(len, labels), default=0)


def wrapped(text: str, width: int, lines: int) -> str:
    """The text as a tick label: at most `lines` lines of about `width` letters, then an ellipsis."""
    rows = [""]
    for word in _words(text, width):
        if rows[-1] and _columns(rows[-1]) + 1 + _columns(word) > width:
            rows.append("")
        rows[-1] = f"{rows[-1]} {word}".strip()
    rows = [row if _columns(row) <= width else row[: width - 1] + "…" for row in rows]
    if len(rows) > lines:
        last = rows[lines - 1]
        if _columns(last) + 2 > width:
            while _columns(last) + 2 > width:
                last = last[:-1]
            last = last.rpartition(" ")[0] or last
        rows = [*rows[: lines - 1], f"{last} …"]
    return "<br>".join(plain(row) for row in rows)


def _columns(text: str) -> int:
    """Width of a text in letters; a Chinese, Japanese or Korean sign is two wide."""
    return len(text) + sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)


def _within(text: str, width: int) -> str:
    """As much of the beginning of a text as has this width."""
    while _columns(text) > width:
        text = text[:-1]
    return text


def _words(text: str, width: int) -> Iterator[str]:
    """The words of a text. One that has no spaces because its script writes none is parted at `width`."""
    for word in text.split():
        if len(word) == _columns(word):
            yield word
            continue
        part = ""
        for sign in word:
            if part and _columns(part + sign) > width:
                yield part
                part = ""
            part += sign
        yield part


def percent(value: float, digits: int = 0) -> str:
    """A share in percent: 0.234 becomes `23%`."""
    return f"{100 * value:.{digits}f}%"


def signed(value: float, digits: int = 1) -> str:
    """A number with its sign: 12.34 becomes `+12.3`. Zero has no sign."""
    rounded = round(value, digits)
    return f"{rounded:+.{digits}f}".replace("-", MINUS) if rounded else f"{0:.{digits}f}"


def significant(value: float, digits: int = 3, *, sign: bool = False) -> str:
    """A number with `digits` significant figures: 0.1234 becomes 0.123, 0.0000798 becomes 7.98×10⁻⁵, 12345 becomes
    12,345.

    sign: puts a plus before positive numbers.
    """
    if not math.isfinite(value) or value == 0:
        return "0" if value == 0 else str(value)
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    exponent = int(power)
    if -3 <= exponent < 6:
        said = (
            f"{float(f'{mantissa}e{power}'):,.{max(0, digits - 1 - exponent)}f}"
            if exponent < digits
            else f"{value:,.0f}"
        )
    else:
        said = f"{mantissa}×10{str(exponent).translate(RAISED)}"
    return ("+" if sign and value > 0 else "") + said.replace("-", MINUS)


def three_figures(value: float) -> str:
    """Three significant figures; a number that has fewer, as a ratio of 0.5, as it is."""
    short = f"{value:.3g}"
    return short.replace("-", MINUS) if "e" not in short and float(short) == value else significant(value)


def counted(n: int, noun: str) -> str:
    """A number with a noun: `3 good neurons`, `1 good neuron`, `no good neurons`, `1,000 good neurons`."""
    return f"{f'{n:,}' if n else 'no'} {noun}{'' if n == 1 else 's'}"
