"""Pages take turns. Python computes one at a time anyway; as threads that interrupt each other, fifty take twice as
long, and some of them far longer than others.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Semaphore

LONGEST_S = 0.5
"how long a page keeps the next one waiting"

_next = Semaphore()
_before = Event()
_before.set()


@contextmanager
def turn() -> Iterator[None]:
    """Waits until the page that asked before is done, or has kept this one waiting for LONGEST_S."""
    global _before
    mine = Event()
    with _next:
        before, _before = _before, mine
        before.wait(LONGEST_S)
    try:
        yield
    finally:
        mine.set()
