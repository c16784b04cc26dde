"""The way of every page through frame.py."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote, urlsplit

import streamlit as st

from pages.shared.frame import session
from pages.shared.frame.guard import error_box

_FRAMED: ContextVar[bool] = ContextVar("framed", default=False)


def navigation() -> Any:
    """Page config and all pages in the order of the work; gives the page that the address names."""
    # An emoji: other icons of a page come over the network.
    st.set_page_config(page_title="NeuronLLM Explorer", page_icon="🧠", layout="wide", initial_sidebar_state=340)
    sections = {
        "": [st.Page(session.START, title="Start", icon=":material/home:", default=True)],
        "Prepare": [
            st.Page(session.DATA, title="Data", icon=":material/dataset:"),
            st.Page(session.QUESTIONS, title="Questions", icon=":material/quiz:"),
        ],
        "Find": [
            st.Page(session.ATTRIBUTION, title="Attribution", icon=":material/search_insights:"),
            st.Page(session.LAYERS, title="Layers", icon=":material/layers:"),
            st.Page(session.NEURON, title="Neuron", icon=":material/neurology:"),
            st.Page(session.CROSS_TASK, title="Cross-task", icon=":material/grid_view:"),
        ],
        "Test": [
            st.Page(session.CONTROL, title="Control", icon=":material/tune:"),
            st.Page(session.QUESTION, title="Question", icon=":material/help_center:"),
            st.Page(session.PLAYGROUND, title="Playground", icon=":material/edit_note:"),
        ],
        "Report": [
            st.Page(session.OVERVIEW, title="Overview", icon=":material/present_to_all:"),
            st.Page(session.METHODS, title="Methods", icon=":material/leaderboard:"),
            st.Page(session.RUNS, title="Runs", icon=":material/history:"),
        ],
    }
    known = {page.url_path for pages in sections.values() for page in pages}
    asked = _asked()
    if asked not in known and re.fullmatch(r"[\w-]+", asked):
        # A page of its own: Streamlit would show the first page under a dialog.
        sections[""].append(st.Page(_no_such_page(asked), title="Not found", url_path=asked, visibility="hidden"))
    return st.navigation(sections, expanded=True)


def _asked() -> str:
    """The page that the address names; empty for the first one."""
    return unquote(urlsplit(st.context.url or "").path.rstrip("/").rpartition("/")[2])


def _no_such_page(name: str) -> Any:
    def not_found() -> None:
        error_box(f"There is no page called {name}", "the address", "a page of the list on the left")

    return not_found


def follow_click() -> None:
    """On pages with neurons to click: the page of the one that a callback asked for; a callback can't leave a page."""
    if "open_neuron" in st.session_state:
        st.switch_page(session.NEURON, query_params={"run": session.shown_id() or ""})


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
    st.navigation: a link to a page, opened first after the server's start, would miss frame.py. Calling it here
    and running again mends that.
    """
    if not _FRAMED.get():
        navigation()
        st.rerun()
