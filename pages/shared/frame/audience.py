"""How many sessions look at the app: what a page refreshes by itself is refreshed less often where many look."""

import time
from threading import Lock

import streamlit as st

AWAY_S = 60.0
"after which a session that asked for nothing is taken to be gone"
FEW = 10
"sessions for which everything is refreshed as often as it asks for"

_seen: dict[str, float] = {}
"session → when it asked for something last"
_lock = Lock()


def here() -> int:
    """Notes that this session looks, and says how many do."""
    now = time.monotonic()
    with _lock:
        _seen[st.session_state["owner"]] = now
        if len(_seen) > FEW:
            for owner in [owner for owner, last in _seen.items() if now - last > AWAY_S]:
                del _seen[owner]
        return len(_seen)


def every(seconds: float) -> float:
    """The seconds between two refreshes of a part of a page: as given for up to FEW sessions, more for more of them."""
    return seconds * max(1.0, here() / FEW)
