"""Modules stay for good, so Python's search for garbage leaves them out. Streamlit would search after every page and
every refresh of a part: `.streamlit/config.toml` turns that off.
"""

import gc
import sys
from threading import Lock

_lock = Lock()
_known = 0


def settle() -> None:
    """Whenever modules were imported since the last time: has the collector leave out what is in memory now.

    Walking through the modules of this app takes more than a tenth of a second. What is left out and is no longer
    needed goes the next time.
    """
    global _known
    if len(sys.modules) == _known or not _lock.acquire(blocking=False):
        return
    try:
        _known = len(sys.modules)
        gc.unfreeze()
        gc.collect()
        gc.freeze()
    finally:
        _lock.release()
