"""The worker process as the handle sees it: send requests, receive replies, notice its end. No torch."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue

from neuron_core.service.passwords import VARIABLE
from neuron_core.service.permissions import Permissions
from neuron_core.service.protocol import REPLY, Reply, Request, from_line, to_line
from neuron_core.threads import waiting

PROJECT = Path(__file__).resolve().parents[2]


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """What a worker is started with: it needs the token of the hub, never the password of the server."""
    return {name: value for name, value in environment.items() if name != VARIABLE}


class WorkerProcess:
    """Starts `python -m neuron_core.service.worker`, with one thread that writes to it and one that reads from it.

    The reading thread calls on_reply for every reply, and at last on_end once, with the way in which the process
    ended. No method blocks.
    """

    def __init__(
        self,
        root: Path,
        permissions: Permissions,
        on_reply: Callable[[Reply], None],
        on_end: Callable[[str], None],
    ) -> None:
        self._on_reply, self._on_end = on_reply, on_end
        self._outbox: SimpleQueue[Request | None] = SimpleQueue()
        path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "neuron_core.service.worker", "--store", str(root.resolve())),
                *("--permissions", permissions.to_json()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**without_secrets(os.environ), **waiting(os.environ), "PYTHONPATH": path},
        )
        # The handle lives until the server ends: neither thread may keep the server alive.
        threading.Thread(target=self._write, name="worker requests", daemon=True).start()
        threading.Thread(target=self._read, name="worker replies", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, request: Request) -> None:
        """Queues a request. If the pipe is full, only the writing thread waits, never the caller."""
        self._outbox.put(request)

    def end_input(self) -> None:
        """Closes the input of the worker, which then ends after the question that it is working on."""
        self._outbox.put(None)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def _write(self) -> None:
        assert self._process.stdin is not None
        # A broken pipe is the worker's end, and the reading thread's to tell.
        with suppress(OSError), self._process.stdin as pipe:
            while (request := self._outbox.get()) is not None:
                pipe.write(to_line(request))
                pipe.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            with self._process.stdout as pipe:
                for line in pipe:
                    self._on_reply(from_line(line, REPLY))
        except Exception:
            # A worker that nobody understands is of no use; the thread's traceback goes to the server's log.
            self._process.kill()
            raise
        finally:
            code = self._process.wait()
            self._outbox.put(None)
            self._on_end(signal.Signals(-code).name if code < 0 else f"exit code {code}")
