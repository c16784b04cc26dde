"""The server: Streamlit's, and before it a check of the host name in every request. frame.py is what it shows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from pages.shared.frame.hosts import KnownHosts


@asynccontextmanager
async def _lifespan(_: st.App) -> AsyncIterator[None]:
    yield
    # Ends the worker. A signal ends the server, so nothing that `atexit` holds would be called.
    st.cache_resource.clear()


app = st.App(Path(__file__).with_name("frame.py"), lifespan=_lifespan, middleware=[Middleware(KnownHosts)])
