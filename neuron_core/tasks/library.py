"""Saves the user's own tasks: checked examples as files with absolute paths, which a run finds from any folder."""

import hashlib
import re
import stat
from pathlib import Path

from neuron_core.errors import TaskError
from neuron_core.paths import replace_file
from neuron_core.tasks.export import examples_jsonl
from neuron_core.tasks.task import Task

_NAME = re.compile(r"(?P<title>.+)-(?P<digest>[0-9a-f]{12})\.jsonl")
TITLE_LENGTH = 60
TITLE = ".title"
"ending of the file beside a kept task that holds a title which its file's name can't say"


def keep(task: Task, folder: Path, title: str) -> Path:
    """Saves a task's examples in `folder` and returns the absolute path. The name holds the title and a content hash.

    The same examples under the same title give the same file. A title with signs that name no file everywhere is kept
    beside it. Raises TaskError if it can't be written.
    """
    content = examples_jsonl(task)
    given = _title(title)
    name = re.sub(r"[^\w ,&+()-]+", "-", given).strip("- ") or "task"
    path = folder.absolute() / f"{name}-{_digest(content)}.jsonl"
    try:
        if not path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            replace_file(path, content)
        if given and kept_title(path) != given:
            replace_file(path.with_suffix(TITLE), given.encode())
    except OSError as error:
        raise TaskError(f"the task can't be kept: {error.strerror}", where=str(path)) from None
    return path


def kept_tasks(folder: Path) -> tuple[Path, ...]:
    """The saved tasks of a folder, newest first; empty if there is no such folder. What is no file is none of them."""
    try:
        found = [path for path in folder.absolute().glob("*.jsonl") if _NAME.fullmatch(path.name)]
    except OSError as error:
        raise TaskError(f"the kept tasks can't be listed: {error.strerror}", where=str(folder)) from None
    written = {path: time for path in found if (time := _written(path)) is not None}
    return tuple(sorted(written, key=lambda path: (written[path], path), reverse=True))


def _written(path: Path) -> int | None:
    """When a file was written; None for anything else: a link into nothing, a pipe, a file that was just deleted."""
    try:
        found = path.stat()
        path.name.encode()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns if stat.S_ISREG(found.st_mode) else None


def discard(path: Path, folder: Path) -> None:
    """Deletes a saved task of `folder` for good. Raises TaskError if there is none, or if it can't be deleted."""
    if path not in kept_tasks(folder):
        raise TaskError("no such task is kept", where=path.name, accepted="a kept task of the list")
    try:
        path.unlink()
        path.with_suffix(TITLE).unlink(missing_ok=True)
    except OSError as error:
        raise TaskError(f"the task can't be deleted: {error.strerror}", where=str(path)) from None


def retitle(path: Path, folder: Path, title: str) -> None:
    """Gives a kept task of `folder` another title; its file stays where runs find it. TaskError where it is none."""
    if path not in kept_tasks(folder):
        raise TaskError("no such task is kept", where=path.name, accepted="a kept task of the list")
    name = _title(title)
    if not name:
        raise TaskError("the name is empty", accepted="at least one letter")
    try:
        replace_file(path.with_suffix(TITLE), name.encode())
    except OSError as error:
        raise TaskError(f"the title can't be kept: {error.strerror}", where=str(path)) from None


def kept_title(path: Path) -> str:
    """The title that a kept task was given last; of another file its name."""
    match = _NAME.fullmatch(path.name)
    return (_title_beside(path) or match["title"]) if match else path.name


def kept_name(path: Path) -> str | None:
    """The name of the task that a file keeps, told by the hash of its content; None for any other file."""
    match, path = _NAME.fullmatch(path.name), path.expanduser()
    return kept_title(path) if match and _digest(path.read_bytes()) == match["digest"] else None


def _title(said: str) -> str:
    """In one line, without signs that can't be shown, and not too long."""
    return " ".join("".join(sign for sign in said if sign.isprintable() or sign.isspace()).split())[
        :TITLE_LENGTH
    ].strip()


def _title_beside(path: Path) -> str:
    try:
        return path.with_suffix(TITLE).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def within(name: str, root: Path, variable: str) -> Path:
    """The absolute path of a file that must lie below `root` once links are followed.

    variable: the environment variable that sets the root; the message names it. Raises TaskError for a file outside of
    the root, and for a text that can't be a path.
    """
    try:
        path, allowed = Path(name).expanduser().absolute(), root.expanduser().resolve()
        inside = path.resolve().is_relative_to(allowed)
    # The home folder of an unknown user, a zero byte, or links that form a circle.
    except (OSError, RuntimeError, ValueError):
        raise TaskError(f"not the path of a file: {name[:200]!r}", accepted=f"a file below {root}") from None
    if not inside:
        raise TaskError(
            "this file is outside of the folder that the app may read",
            where=name[:200],
            accepted=f"a file below {allowed} (set by {variable})",
        )
    return path
