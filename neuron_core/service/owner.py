"""Who asks: the session of the app that calls the handle. No torch."""

from contextvars import ContextVar

OWNER: ContextVar[str] = ContextVar("owner", default="")
"a random name of the session; empty outside the app"
