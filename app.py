"""The frame: page config, navigation, the sidebar, what is being worked on, and one page."""

import streamlit as st

from pages.shared import state
from pages.shared.guard import guard
from pages.shared.jobs import job_panel
from pages.shared.sidebar import sidebar

st.set_page_config(page_title="NeuronLLM Explorer", page_icon=":material/neurology:", layout="wide")

page = st.navigation(
    [
        st.Page(state.START, title="Start", icon=":material/home:", default=True),
        st.Page(state.QUESTIONS, title="Questions", icon=":material/quiz:"),
        st.Page(state.ATTRIBUTION, title="Attribution", icon=":material/search_insights:"),
        st.Page(state.LAYERS, title="Layers", icon=":material/layers:"),
        st.Page(state.CONTROL, title="Control", icon=":material/tune:"),
    ]
)
st.title("NeuronLLM Explorer" if page.title == "Start" else page.title)
with guard():
    job_panel(sidebar())
with guard():
    page.run()
