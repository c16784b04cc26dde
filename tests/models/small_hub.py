"""A hub on 127.0.0.1 with the few routes that huggingface_hub asks for when it fetches a model."""

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REVISIONS = ("main", COMMIT)
GATED, CUT_OFF, BROKEN, SLOW = "some/gated", "some/cut-off", "some/broken", "some/slow"
"""ids with a way of their own: no entry without a token, connections that end too early, errors of the server, answers
after `PAUSE_S`"""
PAUSE_S = 1.5
TOKEN, OTHER_TOKEN = "hf_right", "hf_valid_but_not_granted"

_RESOLVE = re.compile(r"/(?P<id>[\w.-]+/[\w.-]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
_API = re.compile(r"/api/models/(?P<id>[\w.-]+/[\w.-]+)/(?P<what>revision|tree)/(?P<revision>[^/?]+)")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    repositories: dict[str, Path]

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""

    def _answer(self, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        asked = _RESOLVE.fullmatch(path) or _API.fullmatch(path)
        folder = self.repositories.get(asked["id"]) if asked else None
        if asked is None or folder is None:
            return self._error(404, "RepoNotFound")
        if asked["id"] == BROKEN:
            return self._error(500, None)
        if asked["id"] == SLOW:
            time.sleep(PAUSE_S)
        if asked["revision"] not in REVISIONS:
            return self._error(404, "RevisionNotFound")
        if (
            asked["id"] == GATED
            and self.headers.get("Authorization") != f"Bearer {TOKEN}"
            and "file" in asked.groupdict()
        ):
            valid = self.headers.get("Authorization") == f"Bearer {OTHER_TOKEN}"
            return self._error(403 if valid else 401, "GatedRepo")
        if "file" in asked.groupdict():
            return self._file(asked["id"], folder / asked["file"], body)
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        if asked["what"] == "revision":
            return self._json({"id": asked["id"], "sha": COMMIT, "siblings": []}, body)
        listing = [
            {
                "type": "file",
                "path": str(file.relative_to(folder)),
                "size": file.stat().st_size,
                "oid": hashlib.sha1(file.read_bytes()).hexdigest(),
            }
            for file in files
        ]
        return self._json(listing, body)

    def _file(self, ident: str, file: Path, body: bool) -> None:
        if not file.is_file():
            return self._error(404, "EntryNotFound")
        content = file.read_bytes()
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if not body:
            return
        half = len(content) // 2
        if ident == CUT_OFF and file.suffix == ".safetensors":
            self.wfile.write(content[start:half])
            self.close_connection = True
        else:
            self.wfile.write(content[start:])

    def _json(self, value: object, body: bool) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _error(self, status: int, code: str | None) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def small_hub(repositories: dict[str, Path]) -> Iterator[str]:
    """Serves these folders under their ids; gives the address for HF_ENDPOINT."""
    handler = type("Handler", (_Handler,), {"repositories": repositories})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
