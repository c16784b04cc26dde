"""The worker process as the handle sees it: requests are sent, replies are received, its end is noticed. No torch."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue

from neuron_core.service.passwords import VARIABLE
from neuron_core.service.permissions import Permissions
from neuron_core.service.protocol import REPLY, Reply, Request, from_line, to_line
from neuron_core.threads import openmp_settings

PROJECT = Path(__file__).resolve().parents[2]


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a worker. It needs the token of the hub, but not the password of the server."""
    return {name: value for name, value in environment.items() if name != VARIABLE}


class WorkerProcess:
    """Starts `python -m neuron_core.service.worker_process`. One thread writes requests to it, another starts it and
    reads its replies.

    The reading thread calls on_reply with every reply, and on_end once at the end: with the name of the signal that
    ended the process, or with its exit code. No method blocks.
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
        command = [
            *(sys.executable, "-m", "neuron_core.service.worker_process", str(os.getpid())),
            *("--store", str(root.resolve()), "--permissions", permissions.to_json()),
        ]
        environment = {**without_secrets(os.environ), **openmp_settings(os.environ), "PYTHONPATH": path}
        started: Future[subprocess.Popen[bytes]] = Future()
        # The handle lives until the server ends: neither thread may keep the server alive.
        threading.Thread(
            target=self._work, args=(command, environment, started), name="worker replies", daemon=True
        ).start()
        self._process = started.result()
        threading.Thread(target=self._write, name="worker requests", daemon=True).start()

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
        try:
            with self._process.stdin as pipe:
                while (request := self._outbox.get()) is not None:
                    pipe.write(to_line(request))
                    pipe.flush()
        except BrokenPipeError:
            # The worker has ended, and the reading thread says so.
            return
        except OSError:
            # The worker can't be told anything any more. The thread's traceback goes to the server's log.
            self._process.kill()
            raise

    def _work(self, command: list[str], environment: dict[str, str], started: Future[subprocess.Popen[bytes]]) -> None:
        """Starts the process and reads its replies until it ends.

        On Linux, the kernel ends the worker with the thread that started it. A page's thread ends after a moment, this
        one ends with the worker or with the server.
        """
        try:
            pipe = subprocess.PIPE
            process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment)
        except BaseException as error:
            started.set_exception(error)
            return
        started.set_result(process)
        self._read(process)

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        try:
            with process.stdout as pipe:
                for line in pipe:
                    self._on_reply(from_line(line, REPLY))
        except Exception:
            # A reply that can't be read, or a mistake in a callback. The thread's traceback goes to the server's log.
            process.kill()
            raise
        finally:
            code = process.wait()
            self._outbox.put(None)
            self._on_end(signal.Signals(-code).name if code < 0 else f"exit code {code}")
