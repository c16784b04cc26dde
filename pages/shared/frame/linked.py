"""What of a view stands in the address beside the run: a link or a reload shows the same again."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
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
    asked = _asked(parameter)
    if asked is None:
        return
    if isinstance(options, range):
        # Too many to look through or to list: the numbers of a field.
        found = [int(asked)] if asked.isdecimal() and int(asked) in options else []
        known = [f"{options[0]:,} to {options[-1]:,}"]
    else:
        found = [option for option in options if said(option) == asked]
        known = [said(option) for option in options]
    if found:
        st.session_state[key] = found[0]
    else:
        _unknown(parameter, asked, known)


def take_links(parameter: str, key: str, options: Sequence[str]) -> None:
    """As `take_link`, of a widget of which several options may be chosen."""
    asked = _asked(parameter)
    if asked is None:
        return
    names = next(csv.reader([asked]), [])
    st.session_state[key] = [name for name in names if name in options]
    if unknown := [name for name in names if name not in options]:
        _unknown(parameter, ", ".join(unknown), options)


def keep_links(parameter: str, values: Sequence[str], usual: Sequence[str]) -> None:
    """After such a widget: its values join the address, where they are not those that it begins with."""
    if list(values) != list(usual):
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(values)
        keep_link(parameter, line.getvalue())


def yes_no(value: bool) -> str:
    """What the address says of a switch."""
    return "yes" if value else "no"


def _asked(parameter: str) -> str | None:
    """What the address says, where that is new."""
    asked = st.query_params.get(parameter)
    seen = st.session_state.setdefault(SEEN, {})
    if asked is None or seen.get(parameter) == asked:
        return None
    seen[parameter] = asked
    return asked


def _unknown(parameter: str, asked: str, known: Iterable[str]) -> None:
    error_box(f"This view has no {parameter} {asked}", f"the address, ?{parameter}=", ", ".join(known))


def keep_link(parameter: str, value: Any) -> None:
    """After a widget: its value joins the address."""
    st.session_state.setdefault(NOW, {})[parameter] = str(value)


def view_address() -> dict[str, str]:
    """Everything that this run of the script has linked."""
    return dict(st.session_state.get(NOW, {}))
