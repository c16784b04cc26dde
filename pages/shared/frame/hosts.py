"""Requests that name another host than this app get nothing from it, not even the empty page."""

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

REFUSAL = (
    "This app does not answer to the host name of this request. Open it by the address that it printed when it "
    "started. The owner of the server allows other names with NEURONLLM_HOSTS, or with server.allowedHosts where "
    "Streamlit was started directly.\n"
)
MISDIRECTED = 421
POLICY = 1008
"why a websocket is closed"


class KnownHosts:
    """Answers requests whose Host header is none of `server.allowedHosts`, and passes on all others.

    Streamlit itself checks the name at the websocket alone.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        names = Headers(scope=scope).getlist("host")
        if len(names) == 1 and is_host_allowed(names[0]):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            # The server turns this into an answer with status 403.
            await send({"type": "websocket.close", "code": POLICY})
        else:
            await PlainTextResponse(REFUSAL, MISDIRECTED)(scope, receive, send)
