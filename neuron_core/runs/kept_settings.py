"""Settings of runs that were read, shared by all objects that look at these runs. No torch."""

from collections import OrderedDict
from pathlib import Path
from threading import Lock

from neuron_core.runs.setting import Setting

MOST_BYTES = 1 << 29
"of setting files; a run of 100,000 questions has one of 0.2 GB, which takes a second to check and as much memory"
State = tuple[int, ...]

_kept: OrderedDict[Path, tuple[State, Setting, int]] = OrderedDict()
"file → its state, what it says, its bytes; the one asked for last is the last one"
_lock = Lock()


def kept_setting(path: Path, state: State) -> Setting | None:
    """What the file of this state says, where that is known."""
    with _lock:
        found = _kept.get(path)
        if found is None or found[0] != state:
            return None
        _kept.move_to_end(path)
        return found[1]


def keep_setting(path: Path, state: State, setting: Setting, n_bytes: int) -> None:
    """Keeps it, unless it is larger than MOST_BYTES. Those that nobody asked for the longest go when all files together
    have more.
    """
    if n_bytes > MOST_BYTES:
        return
    with _lock:
        _kept[path] = state, setting, n_bytes
        _kept.move_to_end(path)
        while sum(size for _, _, size in _kept.values()) > MOST_BYTES:
            _kept.popitem(last=False)
