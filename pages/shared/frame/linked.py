"""What of a view stands in the address beside the run: a link or a reload shows the same again."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

from pages.shared.frame.guard import error_box

T = TypeVar("T")
SEEN, NOW, PAGE = "linked_seen", "linked_now", "linked_page"


def begin_view(page: str) -> None:
    """At the start of a run of the script: nothing is linked yet; another page reads its address anew."""
    st.session_state[NOW] = {}
    if st.session_state.get(PAGE) != page:
        st.session_state[SEEN], st.session_state[PAGE] = {}, page


def take_link(parameter: str, key: str, options: Sequence[T], said: Callable[[T], str] = str) -> None:
    """Before a widget: the option that the address names becomes its value; one that is none is said."""
    asked = st.query_params.get(parameter)
    seen = st.session_state.setdefault(SEEN, {})
    if asked is None or seen.get(parameter) == asked:
        return
    seen[parameter] = asked
    found = [option for option in options if said(option) == asked]
    if found:
        st.session_state[key] = found[0]
    else:
        known = ", ".join(map(said, options))
        error_box(f"This view has no {parameter} {asked}", f"the address, ?{parameter}=", known)


def keep_link(parameter: str, value: Any) -> None:
    """After a widget: its value joins the address."""
    st.session_state.setdefault(NOW, {})[parameter] = str(value)


def view_address() -> dict[str, str]:
    """Everything that this run of the script has linked."""
    return dict(st.session_state.get(NOW, {}))
