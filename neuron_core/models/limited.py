"""Bounds the time and the memory of a program by somebody else that runs inside this one. No torch."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

SECONDS, BYTES = 10.0, 1 << 30


@contextmanager
def limited(file: str, seconds: float = SECONDS, most_bytes: int = BYTES) -> Iterator[None]:
    """Raises TimeoutError or MemoryError in Python code that takes longer, or needs more memory.

    file: the name under which the program was compiled. Its every line is looked at, and every call that it makes. A
    single step of the interpreter can't be stopped.
    """
    end, most = time.monotonic() + seconds, _peak() + most_bytes

    def look(frame: FrameType, event: str, arg: Any) -> Any:
        if time.monotonic() > end:
            raise TimeoutError(f"it takes longer than {seconds:g} s")
        if _peak() > most:
            raise MemoryError(f"it takes more than {most_bytes / 1e9:.0f} GB of memory")
        return look if frame.f_code.co_filename == file else None

    before = sys.gettrace()
    sys.settrace(look)
    try:
        yield
    finally:
        sys.settrace(before)


def _peak() -> int:
    """The most memory that this process has held, in bytes; 0 where nothing says it."""
    if resource is None:
        return 0
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found if sys.platform == "darwin" else found * 1024
