"""Modules stay for good, so Python's search for garbage leaves them out. Streamlit would search after every page and
every refresh of a part: `.streamlit/config.toml` turns that off, and the app searches now and then.
"""

import gc
import sys
import time
from threading import Lock

EVERY_S = 10.0
"between two searches at least; a session that has ended holds three file descriptors until it is found"

_lock = Lock()
_known = 0
_last = 0.0


def settle() -> None:
    """Searches for garbage, EVERY_S after the last time or later. Whenever modules were imported since then, the search
    leaves out what is in memory from now on.

    Walking through the modules of this app takes more than a tenth of a second. What is left out and is no longer
    needed goes the next time that modules were imported.
    """
    global _known, _last
    imported = len(sys.modules) != _known
    if not (imported or time.monotonic() - _last >= EVERY_S) or not _lock.acquire(blocking=False):
        return
    try:
        if imported:
            _known = len(sys.modules)
            gc.unfreeze()
        gc.collect()
        if imported:
            gc.freeze()
        _last = time.monotonic()
    finally:
        _lock.release()
