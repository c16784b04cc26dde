"""The frame: navigation, the sidebar, what is being worked on, and one page."""

import streamlit as st

from pages.shared.frame.guard import guard
from pages.shared.frame.job_panel import job_panel
from pages.shared.frame.navigation import framed, navigation
from pages.shared.frame.sidebar import sidebar

# Less empty room around a page than Streamlit leaves; in a narrow window most of it would be that.
ROOM = "<style>[data-testid=stMainBlockContainer] {padding: 4rem clamp(1.5rem, 4vw, 4rem) 4rem}</style>"

page = navigation()
st.html(ROOM)
st.title("NeuronLLM Explorer" if page.title == "Start" else page.title)
with guard():
    job_panel(sidebar())
with guard(), framed():
    page.run()
