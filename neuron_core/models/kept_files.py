"""A folder of files that is made once and read often: whether it is still what was made. No torch."""

import json
from contextlib import suppress
from pathlib import Path

from neuron_core.models.spec import sha256_of
from neuron_core.paths import read_regular, replace_file

NAME, CHECKED = "files.json", "checked.json"
"name, SHA-256 and state of every file of the folder; and what `kept_checks` writes there later"


def keep_states(folder: Path) -> None:
    """Writes the hash and the state of every file into the folder. OSError if the disk refuses."""
    _write(folder, {name: sha256_of(folder / name) for name in sorted(_names(folder))})


def is_whole(folder: Path) -> bool:
    """Whether the folder holds exactly the files that were there when `keep_states` was called, unchanged.

    A file that nobody has written to since then is not read: its size, its inode and its times tell. Any other is
    hashed.
    """
    try:
        said = json.loads(read_regular(folder / NAME))
        hashes = {str(name): str(one["sha256"]) for name, one in said.items()}
        if _names(folder) != set(hashes):
            return False
        touched = [name for name in hashes if said[name]["state"] != _state(folder / name)]
        if any(sha256_of(folder / name) != hashes[name] for name in touched):
            return False
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    if touched:
        # A copied folder, for instance. Where nothing can be written, these files are hashed each time.
        with suppress(OSError):
            _write(folder, hashes)
    return True


def _write(folder: Path, hashes: dict[str, str]) -> None:
    said = {name: {"sha256": found, "state": _state(folder / name)} for name, found in hashes.items()}
    replace_file(folder / NAME, json.dumps(said, indent=1).encode())


def _names(folder: Path) -> set[str]:
    """The files of the folder, without NAME, CHECKED and those that begin with a dot."""
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")} - {NAME, CHECKED}


def _state(path: Path) -> list[int]:
    """Whoever writes to a file changes the last of these times, which nobody can set."""
    found = path.stat()
    return [found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns]
