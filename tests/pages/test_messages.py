"""Messages that any browser may send to Streamlit itself, past every page."""

from types import SimpleNamespace

import pytest
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.state import SessionState

from neuron_core.errors import RunError
from neuron_core.service.passwords import TRIES
from pages.shared.frame import password
from pages.shared.frame.engine import engine


def clear_caches() -> None:
    """What Streamlit does for a browser that sends `clear_cache`: nobody is asked whether it may."""
    AppSession._handle_clear_cache_request(SimpleNamespace(_session_state=SessionState()))


def test_a_browser_that_empties_the_caches_ends_nobodys_work(runs, monkeypatch):
    before, closed = engine(), []
    monkeypatch.setattr(before, "close", lambda: closed.append(True))
    clear_caches()
    assert engine() is before
    assert not closed


def test_a_browser_that_empties_the_caches_gets_no_more_guesses_at_the_password(monkeypatch):
    monkeypatch.setenv("NEURONLLM_PASSWORD", "open sesame")
    password._gate.cache_clear()
    try:
        for _ in range(TRIES):
            with pytest.raises(RunError, match="not the password"):
                password._gate().check("a guess")
        clear_caches()
        with pytest.raises(RunError, match="too many"):
            password._gate().check("open sesame")
    finally:
        password._gate.cache_clear()
