"""A visitor of the app without a browser: a websocket that asks for pages and reads what comes, as a browser does."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import urlopen

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

ROOT = Path(__file__).resolve().parent.parent
START_S, PAGE_S = 120.0, 300.0
MOST_BYTES = 1 << 28


@contextmanager
def server(store: Path, log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The app on a free port of this machine, with this store; its address without the scheme, and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    options = ["--server.address", "127.0.0.1", "--server.port", address.partition(":")[2]]
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *options],
            cwd=ROOT,
            env={**os.environ, "NEURONLLM_RUNS": str(store)},
            stdout=out,
            stderr=out,
        )
    try:
        end = time.monotonic() + START_S
        while True:
            with suppress(OSError), urlopen(f"http://{address}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    break
            if time.monotonic() > end or process.poll() is not None:
                raise SystemExit(f"the app did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)
        yield address, process
    finally:
        process.terminate()
        process.wait()


class Visitor:
    """One session. Parts of a page that refresh themselves do so until the next page is opened."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.errors: list[str] = []
        "what the server said went wrong"
        self.buttons: dict[str, str] = {}
        "label → id, of the last page"
        self.unsaid = 0
        "pages whose end the server did not say: Streamlit loses it when a part refreshes itself in that moment"
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._query = ""
        self._page = ""
        self._whole = asyncio.Event()
        self._begun = False

    async def __aenter__(self) -> Self:
        self._socket = await connect(
            f"ws://{self._address}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            origin=f"http://{self._address}",  # type: ignore[arg-type]
            max_size=MOST_BYTES,
            ping_interval=None,
            open_timeout=PAGE_S,
        )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_timers()
        self._reader.cancel()
        await self._socket.close()

    async def open(self, page: str, query: str = "") -> float:
        """Seconds until a page is whole. page: as in the address, empty for the first one."""
        self._stop_timers()
        self._page, self._query, self.buttons = page, query, {}
        return await self._ask()

    async def click(self, label: str) -> float:
        """Presses a button of the page. KeyError where there is none of this label."""
        return await self._ask(button=self.buttons[label])

    async def _ask(self, button: str = "") -> float:
        self._whole.clear()
        self._begun = False
        began = time.perf_counter()
        await self._send(button=button)
        await asyncio.wait_for(self._whole.wait(), PAGE_S)
        return time.perf_counter() - began

    async def _send(self, fragment: str = "", button: str = "") -> None:
        message = BackMsg()
        message.rerun_script.query_string = self._query
        message.rerun_script.page_name = self._page
        if fragment:
            message.rerun_script.fragment_id = fragment
            message.rerun_script.is_auto_rerun = True
        if button:
            state = message.rerun_script.widget_states.widgets.add()
            state.id, state.trigger_value = button, True
        await self._socket.send(message.SerializeToString())

    async def _read(self) -> None:
        async for data in self._socket:
            message = ForwardMsg()
            message.ParseFromString(data if isinstance(data, bytes) else data.encode())
            kind = message.WhichOneof("type")
            if kind == "delta":
                self._begun |= not message.delta.fragment_id
                self._note(message.delta)
            elif kind == "auto_rerun":
                self._timers[message.auto_rerun.fragment_id] = asyncio.create_task(
                    self._again(message.auto_rerun.fragment_id, message.auto_rerun.interval)
                )
            elif kind == "stop_auto_rerun":
                for fragment in message.stop_auto_rerun.fragment_ids:
                    if timer := self._timers.pop(fragment, None):
                        timer.cancel()
            elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                self._whole.set()
            elif (
                kind == "script_finished"
                and message.script_finished == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
                and self._begun
                and not self._whole.is_set()
            ):
                # A part is drawn anew only after the page was drawn.
                self.unsaid += 1
                self._whole.set()

    def _note(self, delta: Any) -> None:
        element = delta.new_element
        if element.WhichOneof("type") == "exception":
            self.errors.append(f"{element.exception.type}: {element.exception.message}")
        elif element.WhichOneof("type") == "alert" and element.alert.format == Alert.ERROR:
            self.errors.append(element.alert.body)
        elif element.WhichOneof("type") == "button":
            self.buttons[element.button.label] = element.button.id

    async def _again(self, fragment: str, interval: float) -> None:
        with suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(interval)
                await self._send(fragment)

    def _stop_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers = {}
