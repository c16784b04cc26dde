"""Files and folders that commands write: where none can be written is said before anything is computed."""

import os
from collections.abc import Callable
from pathlib import Path

from neuron_core.errors import ConfigError


def check_output(path: Path | None, option: str) -> None:
    """ConfigError if no file can be written there. Does nothing without a path. option: for the message."""
    if path is not None:
        _check(path, option, _why_no_file, "the path of a file in a folder that exists and can be written to")


def check_folder(path: Path, option: str) -> None:
    """ConfigError if this is no folder and none can be made there. option: for the message."""
    _check(path, option, _why_no_folder, "a folder that can be written to, or the name of a new one")


def _check(path: Path, option: str, why_not: Callable[[Path], str], accepted: str) -> None:
    try:
        why = why_not(path.expanduser().absolute())
    # The home folder of an unknown user, a zero byte, or a name that is too long.
    except (OSError, RuntimeError, ValueError) as error:
        why = str(getattr(error, "strerror", None) or error)
    if why:
        raise ConfigError(f"{option} can't be written: {why}", where=str(path), accepted=accepted)


def _why_no_file(path: Path) -> str:
    if path.is_dir():
        return "a folder has this name"
    if not path.parent.is_dir():
        return "its folder does not exist"
    return "" if os.access(path.parent, os.W_OK) or path.exists() else "its folder may not be written to"


def _why_no_folder(path: Path) -> str:
    found = next(one for one in (path, *path.parents) if one.exists())
    if not found.is_dir():
        return f"{found} is a file"
    return "" if os.access(found, os.W_OK) else f"{found} may not be written to"
