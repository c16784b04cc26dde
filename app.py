"""The frame: navigation, the sidebar, what is being worked on, and one page."""

import streamlit as st

from neuron_core.errors import NeuronCoreError
from pages.shared.frame import session
from pages.shared.frame.browser import tell_browser
from pages.shared.frame.draft import keep_draft, load_draft
from pages.shared.frame.guard import error_box, guard
from pages.shared.frame.job_panel import job_panel
from pages.shared.frame.navigation import framed, navigation
from pages.shared.frame.password import ask_password
from pages.shared.frame.sidebar import sidebar

# Less empty room around a page than Streamlit leaves; in a narrow window most of it would be that.
ROOM = """<style>
[data-testid=stMainBlockContainer] {padding: 3rem clamp(1.5rem, 4vw, 4rem) 4rem}
.st-key-browser {position: absolute; height: 0; overflow: hidden}
</style>"""

page = navigation()
st.html(ROOM)
ask_password()
st.title("NeuronLLM Explorer" if page.title == "Start" else page.title)
shown, missing = None, False
with guard():
    load_draft()
with guard():
    try:
        shown = sidebar()
    except NeuronCoreError as error:
        missing = True
        error_box(error.what, accepted="a run of the list on the left, or of the page Runs")
if page.title != "Not found" and not missing:
    with guard():
        job_panel(shown)
    with guard(), framed():
        page.run()
elif page.title == "Not found":
    page.run()
with guard():
    session.finish_address(keep_draft())
    tell_browser(address=session.address(), working=session.working())
