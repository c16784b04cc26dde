"""The way of every page through app.py."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import streamlit as st

from pages.shared.frame import session

_FRAMED: ContextVar[bool] = ContextVar("framed", default=False)


def navigation() -> Any:
    """Page config and all pages in the order of the work; gives the page that the address names."""
    # An emoji: other icons of a page come over the network.
    st.set_page_config(page_title="NeuronLLM Explorer", page_icon="🧠", layout="wide", initial_sidebar_state=340)
    return st.navigation(
        [
            st.Page(session.START, title="Start", icon=":material/home:", default=True),
            st.Page(session.DATA, title="Data", icon=":material/dataset:"),
            st.Page(session.QUESTIONS, title="Questions", icon=":material/quiz:"),
            st.Page(session.ATTRIBUTION, title="Attribution", icon=":material/search_insights:"),
            st.Page(session.LAYERS, title="Layers", icon=":material/layers:"),
            st.Page(session.NEURON, title="Neuron", icon=":material/neurology:"),
            st.Page(session.CROSS_TASK, title="Cross-task", icon=":material/grid_view:"),
            st.Page(session.CONTROL, title="Control", icon=":material/tune:"),
            st.Page(session.QUESTION, title="Question", icon=":material/help_center:"),
            st.Page(session.PLAYGROUND, title="Playground", icon=":material/edit_note:"),
            st.Page(session.METHODS, title="Methods", icon=":material/leaderboard:"),
            st.Page(session.RUNS, title="Runs", icon=":material/history:"),
        ]
    )


@contextmanager
def framed() -> Iterator[None]:
    """A page runs inside it."""
    token = _FRAMED.set(True)
    try:
        yield
    finally:
        _FRAMED.reset(token)


def through_frame() -> None:
    """The first line of every page.

    Beside a folder called `pages`, Streamlit runs a page by itself until some session has called
    st.navigation: a link to a page, opened first after the server's start, would miss app.py. Calling it here
    and running again mends that.
    """
    if not _FRAMED.get():
        navigation()
        st.rerun()
