"""One-time words. Code that comes with a model is run only for a user who can read the server's terminal. No torch."""

import hmac
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from neuron_core.errors import RunError
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import RunConfig
from neuron_core.service.permissions import runs_code

TRIES = 5
"how many wrong words make a word void"
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass
class _Word:
    word: str
    left: int = TRIES


def on_terminal(line: str) -> None:
    """Writes a line to the standard error of the server's process."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


class Trust:
    """The models whose code was confirmed at the terminal. Any number of threads may share it."""

    def __init__(self, say: Callable[[str], None] = on_terminal) -> None:
        self._say = say
        self._lock = Lock()
        self._words: dict[tuple[str, str | None, str | None], _Word] = {}
        self._confirmed: set[tuple[str, str | None, str | None]] = set()

    def ask(self, spec: ModelSpec) -> None:
        """Prints a word for this model and revision at the terminal, unless one is waiting to be typed."""
        with self._lock:
            if _name(spec) in self._confirmed or _name(spec) in self._words:
                return
            word = "".join(secrets.choice(LETTERS) for _ in range(8))
            self._words[_name(spec)] = _Word(word)
        revision = f" (revision {spec.revision})" if spec.revision else ""
        source = ascii(spec.source[:200])
        if spec.architecture:
            revision += f", and the file {spec.architecture[:200]!a}"
        self._say(f"A page asks to run the Python code that comes with {source}{revision}. To allow it, type: {word}")

    def confirm(self, spec: ModelSpec, word: str) -> None:
        """Confirms a model's code by the word from the terminal. A word can be used once.

        RunError for a wrong word. After five wrong words, a new one must be asked for.
        """
        with self._lock:
            waiting = self._words.get(_name(spec))
            if waiting is None:
                raise RunError(
                    "no word was printed for this model", where=spec.source[:200], accepted="ask for one first"
                )
            if hmac.compare_digest(waiting.word.encode(), word.strip().lower().encode()):
                del self._words[_name(spec)]
                self._confirmed.add(_name(spec))
                return
            waiting.left -= 1
            if waiting.left == 0:
                del self._words[_name(spec)]
                raise RunError("five wrong words: this one is void", accepted="ask for another")
        raise RunError("this is not the word", accepted="the word that the terminal of the server printed last")

    def has(self, spec: ModelSpec) -> bool:
        """Whether code of this model and revision was confirmed since the server started."""
        with self._lock:
            return _name(spec) in self._confirmed

    def has_all(self, config: RunConfig) -> bool:
        """Whether the code of every model of a run was confirmed. True for models that come without code."""
        chooser = config.evaluation.comprehended_by if config.evaluation else None
        return all(self.has(spec) for spec in (config.model, chooser) if spec is not None and runs_code(spec))


def _name(spec: ModelSpec) -> tuple[str, str | None, str | None]:
    return spec.source, spec.revision, spec.architecture
