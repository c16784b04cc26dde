"""What is read once each time a page is drawn: several parts of a page list the same runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from neuron_core.runs import summary
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.summary import RunSummary

T = TypeVar("T")

_read: ContextVar[dict[Any, Any] | None] = ContextVar("read", default=None)


@contextmanager
def reading() -> Iterator[None]:
    """A page is drawn inside it. Outside of it, everything is read whenever it is asked for."""
    token = _read.set({})
    try:
        yield
    finally:
        _read.reset(token)


def once(what: Any, read: Callable[[], T]) -> T:
    """What `read` gave first while this page is drawn. what: names it, hashable."""
    known = _read.get()
    if known is None:
        return read()
    if what not in known:
        known[what] = read()
    found: T = known[what]
    return found


def summary_of(run: RunFolder) -> RunSummary:
    """As `neuron_core.runs.summary.summary_of`."""
    return once(("summary", str(run.path)), lambda: summary.summary_of(run))
