"""Presentation mode: one run on a wall, without sidebar, captions and buttons, in larger type."""

import plotly.graph_objects as go
import streamlit as st

from neuron_core.figures.theme import TICK_SIZE, TITLE_SIZE
from pages.shared.frame import session

ORDER = {
    "Overview": session.OVERVIEW,
    "Layers": session.LAYERS,
    "Control": session.CONTROL,
    "Question": session.QUESTION,
}
STYLE = """<style>
html {font-size: 22.4px}
[data-testid=stSidebar], [data-testid=stSidebarCollapsedControl], [data-testid=stExpandSidebarButton],
[data-testid=stHeader], [data-testid=stMain] :is([data-testid=stCaptionContainer], [data-testid=stExpander],
.st-key-job, [data-testid=stButton], [data-testid=stDownloadButton], [data-testid=stPopover],
[data-testid=stButtonGroup], [data-testid=stSelectbox], [data-testid=stMultiSelect],
[data-testid=stNumberInput], [data-testid=stTextInput], [data-testid=stSlider], [data-testid=stCheckbox],
[data-testid=stPageLink], [data-testid=stDataFrame], .st-key-neurons_of_layer,
[data-testid=stLayoutWrapper]:has(> .st-key-neurons_of_layer))
{display: none !important}
[data-testid=stMain] .st-key-stage :is([data-testid=stButton], [data-testid=stPageLink]) {display: block !important}
/* Beside the title, where nothing else stands. */
.st-key-stage {position: fixed; right: 1rem; top: .6rem; width: auto; opacity: .3; font-size: .7rem}
.st-key-stage:hover, .st-key-stage:focus-within {opacity: 1}
[data-testid=stMainBlockContainer] {padding-top: 1.2rem}
.st-key-map_of_layers .hm text {font-size: 20px !important}
</style>"""
# Of the type in figures, which has pixels of its own.
LARGER = 1.4


def enlarge(figure: go.Figure) -> None:
    """The figure's type as large as the page's."""
    # Legends and titles stand in the upper margin.
    top = figure.layout.margin.t or 0
    figure.update_layout(height=1.2 * figure.layout.height + (LARGER - 1) * top, margin_t=LARGER * top)
    for font in (figure.layout.font, figure.layout.legend.font):
        font.size = LARGER * font.size
    figure.for_each_annotation(lambda note: note.update(font_size=LARGER * (note.font.size or TITLE_SIZE)))
    # Numbers in cells and on bars; those that have no size of their own follow the figure's.
    figure.for_each_trace(
        lambda trace: trace.update(textfont_size=LARGER * trace.textfont.size),
        selector=lambda trace: "textfont" in trace and isinstance(trace.textfont.size, int | float),
    )
    for axis in (figure.for_each_xaxis, figure.for_each_yaxis):
        axis(
            lambda one: one.update(
                tickfont_size=LARGER * (one.tickfont.size or TICK_SIZE),
                title_font_size=LARGER * (one.title.font.size or TITLE_SIZE),
            )
        )


def pixels(width: int) -> int:
    """The width of what holds type: larger in a presentation, as the type is."""
    return round(LARGER * width) if presenting() else width


def presenting() -> bool:
    """Whether the address asks for it; it stays so from page to page until it is ended."""
    if "present" in st.query_params:
        st.session_state["presenting"] = st.query_params["present"] == "1"
    return bool(st.session_state.get("presenting"))


def stage(title: str) -> None:
    """Hides what is not for the wall; the arrow keys press the two links."""
    st.html(STYLE)
    pages = list(ORDER.values())
    place = list(ORDER).index(title) if title in ORDER else 0
    address = {"run": session.shown_id() or "", "present": "1"}
    with st.container(horizontal=True, vertical_alignment="center", key="stage"):
        for key, to, icon in (
            ("present_previous", place - 1, ":material/arrow_back:"),
            ("present_next", place + 1, ":material/arrow_forward:"),
        ):
            page = pages[to % len(pages)]
            with st.container(key=key, width="content"):
                name = list(ORDER)[to % len(pages)]
                st.page_link(page, label=name, icon=icon, query_params=address)
        if st.button("End the presentation", key="present_end", type="tertiary", icon=":material/close:"):
            st.session_state["presenting"] = False
            st.query_params.pop("present", None)
            st.rerun()
