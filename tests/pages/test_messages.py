"""Messages that any browser may send to Streamlit itself, past every page."""

import asyncio
from types import SimpleNamespace

import pytest
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.state import SessionState
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from neuron_core.errors import RunError
from neuron_core.service.passwords import TRIES
from pages.shared.frame import password, uploads
from pages.shared.frame.engine import engine
from pages.shared.frame.uploads import Uploads


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


class Server:
    """Streamlit behind the check, in so far as it says what reached it."""

    def __init__(self):
        self.reached, self.app = [], Uploads(self._behind)

    async def _behind(self, scope, receive, send):
        self.reached.append(scope["path"])

    def asked(self, path, method="PUT"):
        """The status of a request that is refused; None for one that is passed on."""
        said = []

        async def send(message):
            said.append(message)

        asyncio.run(self.app({"type": "http", "path": path, "method": method, "headers": []}, None, send))
        return said[0]["status"] if said else None


FILE = "/_stcore/upload_file/session-1/file-1"


@pytest.mark.parametrize(
    ("environment", "address", "status"),
    [
        ({}, "127.0.0.1", None),
        ({"NEURONLLM_DEMO_MODE": "1"}, "127.0.0.1", 403),
        ({}, "0.0.0.0", 403),
        ({"NEURONLLM_ALLOW": "upload"}, "0.0.0.0", None),
        ({"NEURONLLM_ALLOW": "upload", "NEURONLLM_PASSWORD": "sesame"}, "0.0.0.0", 403),
        ({"NEURONLLM_PASSWORD": "sesame"}, "127.0.0.1", 403),
    ],
)
def test_files_are_taken_only_where_a_page_would_ask_for_them(monkeypatch, environment, address, status):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("streamlit.get_option", lambda name: address if name == "server.address" else None)
    server = Server()
    assert server.asked(FILE) == status
    assert server.asked(f"/base{FILE}") == status
    assert server.asked(FILE, "DELETE") == status
    assert server.reached == ([] if status else [FILE, f"/base{FILE}", FILE])
    assert server.asked("/", "GET") is None
    assert server.asked("/_stcore/metrics", "GET") == (403 if environment or address != "127.0.0.1" else None)


def test_a_session_that_gave_the_password_may_upload_and_no_other(monkeypatch):
    monkeypatch.setenv("NEURONLLM_PASSWORD", "sesame")
    monkeypatch.setattr(uploads, "get_script_run_ctx", lambda: SimpleNamespace(session_id="session-1"))
    monkeypatch.setattr(uploads, "_known", {})
    uploads.remember_session()
    assert Server().asked(FILE) is None
    assert Server().asked(FILE.replace("session-1", "session-2")) == 403


def test_a_session_keeps_only_so_many_files(monkeypatch):
    kept = {"session-1": {"a": SimpleNamespace(data=b"a" * 60), "b": SimpleNamespace(data=b"a" * 50)}}
    manager = SimpleNamespace(uploaded_file_mgr=SimpleNamespace(file_storage=kept))
    monkeypatch.setattr(uploads.runtime, "exists", lambda: True)
    monkeypatch.setattr(uploads.runtime, "get_instance", lambda: manager)
    monkeypatch.setattr(uploads, "MOST_OF_SESSION", 100)
    assert Server().asked(FILE) == 403
    assert Server().asked(FILE, "DELETE") is None
    assert Server().asked(FILE.replace("session-1", "session-2")) is None
    monkeypatch.setattr(uploads, "MOST_OF_ALL", 100)
    assert Server().asked(FILE.replace("session-1", "session-2")) == 403


def test_the_memory_of_uploaded_files_is_where_streamlit_keeps_them():
    manager = MemoryUploadedFileManager("/upload")
    manager.add_file("s", UploadedFileRec("f", "a.csv", "text/csv", b"12345"))
    assert [len(file.data) for file in manager.file_storage["s"].values()] == [5]
