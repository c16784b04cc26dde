"""The server: Streamlit's, and before it a check of the host name in every request. frame.py is what it shows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from pages.shared.frame.engine import end_engines
from pages.shared.frame.hosts import KnownHosts


@asynccontextmanager
async def _lifespan(_: st.App) -> AsyncIterator[None]:
    yield
    # A signal ends the server, so nothing that `atexit` holds would be called.
    end_engines()


app = st.App(Path(__file__).with_name("frame.py"), lifespan=_lifespan, middleware=[Middleware(KnownHosts)])
