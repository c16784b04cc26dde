"""Parts of a page that are made when somebody opens them."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def unfolded(label: str, key: str, icon: str | None = None) -> DeltaGenerator | None:
    """An expander, closed at first; gives it while it is open, else None.

    What a closed expander holds would be drawn all the same, out of sight: code alone loads 1.5 MB of program into the
    browser before a page is finished.
    """
    box = st.expander(label, key=key, icon=icon, on_change="rerun")
    return box if box.open else None


def stay(*keys: str) -> None:
    """Before the expanders of these keys: what is open stays open on the next page, where Streamlit would close it."""
    for key in keys:
        was = f"{key}_was_open"
        st.session_state[was] = st.session_state.setdefault(key, st.session_state.get(was, False))
