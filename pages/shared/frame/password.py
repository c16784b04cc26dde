"""The password of a server, where whoever runs it set one."""

from functools import cache

import streamlit as st

from neuron_core.service.passwords import Gate
from pages.shared.frame.guard import guard
from pages.shared.frame.uploads import remember_session


def ask_password() -> None:
    """Stops here until this session gave the password of NEURONLLM_PASSWORD; without one, nobody is asked."""
    gate = _gate()
    if not gate.is_set or st.session_state.get("password_given"):
        return
    with st.form("password", width=360):
        said = st.text_input("Password", type="password")
        if st.form_submit_button("Open", type="primary"):
            with guard():
                gate.check(said)
                st.session_state["password_given"] = True
                remember_session()
                st.rerun()
    st.stop()


@cache
def _gate() -> Gate:
    """One for the whole server: wrong words count, whoever sends them, and no browser can have them forgotten."""
    return Gate.of_environment()
