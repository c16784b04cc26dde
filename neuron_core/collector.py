"""Keeps Python's search for garbage away from the modules of torch and transformers, which stay for good. No torch."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LOADS_MODELS = "neuron_core.models.loading"
"the module after whose import torch and transformers are there"


def leave_out_modules() -> None:
    """Has the search leave out everything that is in memory now, and later what `importing` brings. For a process of
    our own at its start; in a user's process, garbage of the user would stay for good as well.
    """
    gc.freeze()


@contextmanager
def importing() -> Iterator[None]:
    """No search for garbage while torch and transformers are imported. Does nothing if they are there already.

    The imports make some 400,000 objects, of which almost all stay. The search would walk through them dozens of times,
    which takes a fifth of the imports' time.
    """
    if LOADS_MODELS in sys.modules:
        yield
        return
    enabled, left_out = gc.isenabled(), gc.get_freeze_count() > 0
    gc.disable()
    try:
        yield
    finally:
        # Otherwise the next search, which looks at young objects, would walk through all of them.
        gc.freeze()
        if not left_out:
            gc.unfreeze()
        if enabled:
            gc.enable()
