"""What a page tells the browser: the address that is complete, what is being worked on, whether it presents."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st


def tell_browser(**state: Any) -> None:
    """Runs the browser's part with this state: `address` (what an address without it lacks), `working`, `present`."""
    said = json.dumps(state, sort_keys=True).replace("<", "\\u003c")
    with st.container(key="browser"):
        st.html(f"<script>{_script()}\nwindow.neuronllm.say({said});</script>", unsafe_allow_javascript=True)


@cache
def _script() -> str:
    return Path(__file__).with_name("browser.js").read_text(encoding="utf-8")
