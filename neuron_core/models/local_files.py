"""The state of local files: what was read of a file stands only while its state is the same. No torch."""

import os
from pathlib import Path

from neuron_core.models.spec import ModelSpec
from neuron_core.paths import user_path


def files_state(spec: ModelSpec) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The state of the local files of a model, its adapter and its family. Empty where it has none: the embedded models
    and those of the hub.
    """
    if spec.is_embedded:
        return ()
    found: list[tuple[str, tuple[int, ...]]] = []
    for place in filter(None, (spec.source, spec.adapter, spec.architecture)):
        path = user_path(place)
        try:
            files = sorted(path.iterdir()) if path.is_dir() else [path] if path.is_file() else []
            found += [(str(file), file_state(file)) for file in files]
        except (OSError, ValueError):
            # A folder that may not be looked into. Whoever reads the model says so.
            found.append((place, ()))
    return tuple(found)


def changed_at(spec: ModelSpec) -> float:
    """When the local files of a model changed last, or took their places, in seconds since the epoch; 0 without any."""
    return max((max(state[:2]) / 1e9 for _, state in files_state(spec) if state), default=0.0)


def file_state(path: Path) -> tuple[int, ...]:
    """When a file changed last, its size and its number on the disk; empty where there is none.

    Restored files have old times of their content. The time at which a file took its place tells them apart.
    """
    try:
        state = os.stat(path)
    except (OSError, ValueError):
        return ()
    return state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino
