"""Requests past every page: files are taken only from sessions that may upload, and only as many as fit."""

import os
from collections.abc import Iterator
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from neuron_core.service.passwords import VARIABLE
from pages.shared.inputs.tasks import allowed

UPLOAD, METRICS = "/_stcore/upload_file/", "/_stcore/metrics"
MOST_OF_SESSION, MOST_OF_ALL = 420 * 2**20, 2**31
"bytes of uploaded files that are kept in memory: two of the largest for a session"
MOST_KNOWN = 10_000
_known: dict[str, None] = {}
"sessions that gave the password, the oldest first"


def remember_session() -> None:
    """The session that runs now gave the password."""
    context = get_script_run_ctx()
    if context is not None:
        _known[context.session_id] = None
        while len(_known) > MOST_KNOWN:
            del _known[next(iter(_known))]


class Uploads:
    """Refuses files from sessions that may not upload or did not give the password, and the server's metrics where
    visitors are limited. Streamlit takes files from every session, whatever its page shows.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        why = refusal(scope) if scope["type"] == "http" else None
        if why is None:
            await self._app(scope, receive, send)
        else:
            await PlainTextResponse(f"{why}\n", 403)(scope, receive, send)


def refusal(scope: Scope) -> str | None:
    """Why a request is refused; None where it is passed on."""
    path, asks = str(scope["path"]), bool(os.environ.get(VARIABLE))
    if path.endswith(METRICS) and (asks or allowed().why):
        return "The metrics of this server are not shown."
    if UPLOAD not in path or scope["method"] == "OPTIONS":
        return None
    session = path.partition(UPLOAD)[2].partition("/")[0]
    if not allowed().may("upload"):
        return "This server takes no files."
    if asks and session not in _known:
        return "This server takes files after its password only."
    if scope["method"] == "PUT" and not _has_room(session):
        return "This server keeps no more files of this session."
    return None


def _has_room(session: str) -> bool:
    sizes = dict(_stored())
    return sizes.get(session, 0) < MOST_OF_SESSION and sum(sizes.values()) < MOST_OF_ALL


def _stored() -> Iterator[tuple[str, int]]:
    """Bytes of the files of each session that are in memory."""
    manager: Any = runtime.get_instance().uploaded_file_mgr if runtime.exists() else None
    for session, files in list(getattr(manager, "file_storage", {}).items()):
        yield session, sum(len(file.data) for file in list(files.values()))
