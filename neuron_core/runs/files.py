"""How runs write files: whole, synced, and sealed with a checksum that is verified when they are read. No torch.

A JSON file of a run ends with its seal: the run that it belongs to, the format that it was written in, and the SHA-256
of all bytes before. Runs of format 1 have no seals, and their files are read without a check.
"""

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout

from neuron_core.errors import RunError

FORMAT = 2
"of run folders: 1 has neither seals nor keys of units"
PART = ".part"
LONGEST_SEAL = 2000
"bytes, with the longest name of a folder that a file system takes"
_SEAL = re.compile(rb',?\s*"sealed":\s*(\{[^{}]*\})\s*\}\s*\Z')


class Disk:
    """The six operations by which runs change a disk. Tests replace them by a simulated disk."""

    def write(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)

    def append(self, path: Path, data: bytes) -> None:
        with path.open("ab") as file:
            file.write(data)

    def truncate(self, path: Path, size: int) -> None:
        os.truncate(path, size)

    def sync(self, path: Path) -> None:
        """When this returns, what was written to the file survives a power cut."""
        number = os.open(path, os.O_RDWR)
        try:
            os.fsync(number)
        finally:
            os.close(number)

    def rename(self, old: Path, new: Path) -> None:
        os.replace(old, new)

    def sync_folder(self, path: Path) -> None:
        """When this returns, new names in this folder survive a power cut. Windows keeps them without a call."""
        if os.name == "nt":
            return
        number = os.open(path, os.O_RDONLY)
        try:
            # Some network file systems refuse it for folders.
            with suppress(OSError):
                os.fsync(number)
        finally:
            os.close(number)


disk = Disk()


def write_file(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all: to a temporary file beside it, which is synced and renamed. RunError if the
    disk refuses.
    """
    # A random name, so that two processes that write the same file do not share a temporary file.
    temporary = path.with_name(f".{path.name[:80]}.{secrets.token_hex(6)}{PART}")
    with disk_errors(path):
        try:
            disk.write(temporary, data)
            disk.sync(temporary)
            disk.rename(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        disk.sync_folder(path.parent)


def make_folder(path: Path, *, fresh: bool = False, parents: bool = False) -> None:
    """Makes a folder whose name survives a power cut. fresh: RunError when it exists already.

    Without `parents`, RunError when its parent folder is gone, so that a deleted run is not made again.
    """
    if not parents and path.is_symlink():
        raise damaged(path, NO_FILE)
    with disk_errors(path):
        if path.is_dir() and not fresh:
            return
        path.mkdir(parents=parents, exist_ok=not fresh)
        disk.sync_folder(path.parent)


def remove(path: Path) -> None:
    """Removes a file, or a folder with all that is in it. Of a link, only the link. RunError if the disk refuses."""
    with disk_errors(path):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """RunError, which says what can be done, in place of an OSError of the block."""
    try:
        yield
    except Timeout:
        raise
    except OSError as error:
        raise _run_error(error, path) from error


def _run_error(error: OSError, path: Path) -> RunError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RunError(
            "the disk is full", where=str(path), accepted="free some space, then Resume: what is done stays"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return RunError("this may not be written", where=str(path), accepted="a folder that this user may write to")
    if error.errno == errno.ENOENT:
        return RunError("the folder of this file is gone", where=str(path), accepted="a run that is still there")
    if error.errno == errno.EEXIST:
        return RunError("a file or folder of this name exists already", where=str(path), accepted="another name")
    return RunError(
        f"the disk refuses: {error.strerror or error}",
        where=str(path),
        accepted="a folder that this user may write to, on a disk that works",
    )


@dataclass(frozen=True)
class Seal:
    """The entries of a file's seal."""

    run: str = ""
    "identity of the run that the file belongs to; empty for files that belong to no run"
    format: int = 1
    results: str = ""
    "in config.json alone: the folder of the evaluation shown; empty for the run's first"
    place: str = ""
    "which file of the run this is, see `place_of`; empty in files of earlier versions, which may lie anywhere"


UNSEALED = Seal()
NO_FILE = "it is a link, a folder, a pipe or a device, not a file"
MOST_BYTES = 1 << 31
"of a file that is read as a whole"


def place_of(name: str) -> str:
    """16 hex digits that tell a file of a run from its other files. name: its path within the run."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def seal(text: str, marks: Seal) -> bytes:
    """The JSON object in `text` with its seal as the last entry. ValueError for anything but an object."""
    body = text.rstrip()
    if not body.endswith("}"):
        raise ValueError("only a JSON object is sealed")
    said = {"run": marks.run, "format": marks.format, "results": marks.results}
    if marks.place:
        said["place"] = marks.place
    comma = "" if body[:-1].rstrip().endswith("{") else ","
    begun = f'{body[:-1].rstrip()}{comma}\n"sealed": {json.dumps(said)[:-1]}, "sha256": "'.encode()
    return begun + hashlib.sha256(begun).hexdigest().encode() + b'"}}\n'


def unseal(data: bytes, path: Path) -> tuple[bytes, Seal]:
    """The JSON without its seal, and the seal, or UNSEALED if there is none. RunError when the checksum is wrong."""
    # Files of many questions are tens of megabytes; the seal is their end.
    found = _SEAL.search(data, max(0, len(data) - LONGEST_SEAL))
    if found is None:
        if b'"sealed"' in data[-600:]:
            raise damaged(path, "its checksum is wrong")
        return data, UNSEALED
    try:
        said = json.loads(found[1])
        ends = data.rindex(said["sha256"].encode())
        good = hashlib.sha256(data[:ends]).hexdigest() == said["sha256"]
        marks = Seal(str(said["run"]), int(said["format"]), str(said["results"]), str(said.get("place", "")))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise damaged(path, "its checksum is wrong") from None
    if not good:
        raise damaged(path, "its checksum is wrong")
    if marks.format > FORMAT:
        raise RunError(
            f"this was written by a newer version (format {marks.format})", where=str(path), accepted=f"up to {FORMAT}"
        )
    return data[: found.start()] + b"}", marks


def damaged(path: Path, why: str) -> RunError:
    """The error for a file that does not contain what was written to it."""
    return RunError(f"a file of this run is damaged: {why}", where=str(path), accepted="Repair, or Delete")


def check_regular(path: Path) -> None:
    """RunError when something else than a regular file lies here: a link, a pipe, a device. A run folder from elsewhere
    must neither be waited for nor be written through. Does nothing where there is no file.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISREG(mode):
        raise damaged(path, NO_FILE)


def read_bytes(path: Path) -> bytes:
    """The content of a file of a run. RunError when it can't be read, is no regular file, or is larger than any is."""
    check_regular(path)
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise damaged(path, f"it has {size:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise RunError(f"a file of this run can't be read: {error.strerror or error}", where=str(path)) from None
