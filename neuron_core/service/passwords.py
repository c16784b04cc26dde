"""The password of a server, with a limit on how often it can be guessed. No torch."""

import hashlib
import hmac
import os
import time
from collections.abc import Callable, Mapping
from threading import Lock

from neuron_core.errors import RunError

VARIABLE = "NEURONLLM_PASSWORD"
TRIES, WINDOW_S = 10, 60.0


class Gate:
    """Checks passwords. After ten wrong ones within a minute, whoever sent them, all are refused. Any number of threads
    may share it.
    """

    def __init__(self, password: str, now: Callable[[], float] = time.monotonic) -> None:
        self._digest = hashlib.sha256(password.encode()).digest() if password else b""
        self._now, self._lock = now, Lock()
        self._wrong: list[float] = []

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> "Gate":
        return cls(environment.get(VARIABLE, ""))

    @property
    def is_set(self) -> bool:
        return bool(self._digest)

    def check(self, said: str) -> None:
        """RunError for a wrong password, and for any password after too many wrong ones. The time that a comparison
        takes does not depend on the password.
        """
        with self._lock:
            now = self._now()
            self._wrong = [at for at in self._wrong if now - at < WINDOW_S]
            if len(self._wrong) >= TRIES:
                wait = WINDOW_S - (now - self._wrong[0])
                raise RunError("too many wrong passwords", accepted=f"the right one, in {wait:.0f} s")
            if not hmac.compare_digest(hashlib.sha256(said.encode()).digest(), self._digest):
                self._wrong.append(now)
                raise RunError(
                    "this is not the password", accepted=f"the password that the server was started with ({VARIABLE})"
                )
