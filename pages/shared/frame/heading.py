"""The head of every page: its title, the link to what it shows, and the styles of the app."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

# Less empty room around a page than Streamlit leaves; in a narrow window most of it would be that.
STYLE = """<style>
[data-testid=stMainBlockContainer] {padding: 3.6rem clamp(1.2rem, 3vw, 3.5rem) 4rem}
[data-testid=stMainBlockContainer] h1 {font-size: 1.9rem; padding: 0}
[data-testid=stMainBlockContainer] h2 {font-size: 1.35rem; padding: .6rem 0 .2rem}
[data-testid=stMainBlockContainer] h3 {font-size: 1.15rem; padding: .5rem 0 .2rem}
[data-testid=stCaptionContainer], [data-testid=stCaptionContainer] p {color: inherit !important}
[data-testid=stCaptionContainer] {opacity: .8}
:is(.st-key-browser, .st-key-preload) {position: absolute; height: 0; overflow: hidden}
.st-key-head {margin-bottom: -0.4rem}
[data-testid=stMain] .stMarkdownBadge {white-space: normal !important; overflow: visible !important}
[data-testid=stMetricValue] {white-space: nowrap}
[data-testid=stMain] [data-testid=stPageLink] * {white-space: normal; overflow: visible}
/* The dark theme's primary colour is too dark for words on its ground, and too light under white words. */
button[data-selected=true], button[data-selected=true] *, [data-testid=stSlider] * {color: inherit !important}
[data-testid=stBaseButton-primary], [data-testid=stMultiSelect] :has(> span[title]) {
  background-color: #0072B2 !important; border-color: #0072B2
}
/* A name that is longer than its box says so. */
[data-testid=stSelectbox] input {text-overflow: ellipsis}
/* As high as boxes, beside which they stand. */
[data-testid=stMain] [data-testid=stButtonGroup] button {min-height: 2.5rem}
/* All that is chosen is seen, in as many lines as it takes. */
[data-testid=stMultiSelectTagsContainer] {flex-wrap: wrap; height: auto; mask-image: none; row-gap: .25rem}
[data-testid=stMultiSelect] :has(> [data-testid=stMultiSelectTagsContainer]) {height: auto; max-height: none}
[data-testid=stMultiSelect] :has(> div > [data-testid=stMultiSelectTagsContainer]) {height: auto; max-height: none}
/* Cards of questions share the width of the page. */
[data-testid=stLayoutWrapper]:has(> [class*=st-key-proxy_card_]) {flex-grow: 1}
:focus-visible {outline: 2px solid #2A7FB8 !important; outline-offset: 2px}
/* What the pointer rests on in another figure. */
.point.neuronllm-marked, .point.neuronllm-marked path {
  opacity: 1 !important; stroke: #E69F00 !important; stroke-width: 3px !important; stroke-opacity: 1 !important
}
/* In a narrow window pictures of runs stand in two rows, bars below their question, numbers of cells are smaller. */
[data-testid=stColumn]:has(.st-key-overview_question) {min-width: min(100%, 24rem)}
[data-testid=stHorizontalBlock]:has(> * [class*=st-key-gallery_]) {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(max(11rem, 25% - 1rem), 1fr))
}
[data-testid=stColumn]:has([class*=st-key-gallery_]) {width: auto; min-width: 0}
@media (max-width: 1000px) {
  [data-testid=stPlotlyChart] :is(.hm, .textpoint) text {font-size: 9px !important}
}
@media (min-width: 1400px) {
  .st-key-map_of_layers .hm text {font-size: 11px !important}
}
/* In a narrow window the cards go below the curve; side by side, its buttons would be cut off. */
:is(.st-key-curve_of_cell, .st-key-map_of_layers), :has(> :is(.st-key-curve_of_cell, .st-key-map_of_layers)) {
  min-width: min(100%, 30rem)
}
</style>"""


def heading(title: str, present: bool) -> DeltaGenerator:
    """The title, and beside it how to pass the view on; gives the place beside the title for what is shown."""
    st.html(STYLE)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="head"):
        with st.container(horizontal=True, width="content", vertical_alignment="center"):
            st.title(title, anchor=False, width="content")
            place = st.container(width="content", key="run_title")
        if not present:
            with st.container(horizontal=True, width="content", vertical_alignment="center"):
                st.button("Copy link", key="copy_link", type="tertiary", icon=":material/link:")
                if st.button("Present", key="present", type="tertiary", icon=":material/slideshow:"):
                    st.query_params["present"] = "1"
                    st.rerun()
    return place
