"""The frame: navigation, the sidebar, what is being worked on, and one page."""

import streamlit as st

from pages.shared.frame import framed, navigation
from pages.shared.guard import guard
from pages.shared.jobs import job_panel
from pages.shared.sidebar import sidebar

page = navigation()
st.title("NeuronLLM Explorer" if page.title == "Start" else page.title)
with guard():
    job_panel(sidebar())
with guard(), framed():
    page.run()
