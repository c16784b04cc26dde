"""The server: Streamlit's, and before it checks of every request. frame.py is what it shows.

Run as a script, as AppTest runs it, this file shows the same without a server.
"""

import runpy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.shared.frame.engine import end_engines
from pages.shared.frame.hosts import KnownHosts
from pages.shared.frame.uploads import Uploads
from pages.shared.frame.warm import warm


@asynccontextmanager
async def _lifespan(_: st.App) -> AsyncIterator[None]:
    warm()
    yield
    # A signal ends the server, so nothing that `atexit` holds would be called.
    end_engines()


SHOWN = Path(__file__).with_name("frame.py")

if get_script_run_ctx(suppress_warning=True) is None:
    app = st.App(SHOWN, lifespan=_lifespan, middleware=[Middleware(KnownHosts), Middleware(Uploads)])
else:
    runpy.run_path(str(SHOWN))
