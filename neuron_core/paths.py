"""Files that come with the program, next to the package in a checkout and inside it once installed; and how a single
file is read and written.
"""

import errno
import hashlib
import secrets
import stat
from contextlib import suppress
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
INSTALLED_APP = PACKAGE / "_app"
"created when the package is built; a checkout does not have it"
APP_FOLDER = INSTALLED_APP if INSTALLED_APP.is_dir() else PACKAGE.parent
"the folder with app.py, frame.py, pages, assets and .streamlit"
ASSETS = APP_FOLDER / "assets"
"the folder with the bundled tasks, the adapter, the finished demo runs and the neutral text"


def read_regular(path: Path) -> bytes:
    """The content of a file. OSError for what is no regular file: a pipe would never end, nor a device such as
    /dev/zero.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is a pipe, a device or a folder, not a file")
    return path.read_bytes()


def user_path(name: str) -> Path:
    """The path that somebody typed, with the home folder in place of a ~; as it is if there is no such user."""
    with suppress(RuntimeError):
        return Path(name).expanduser()
    return Path(name)


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all: a reader sees what it held before, or the new content. OSError if the disk
    refuses; nothing is left of the new content then.
    """
    part = path.with_name(f".{path.name[:80]}.{secrets.token_hex(6)}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


@cache
def code_digest(*names: str) -> str:
    """16 hex digits of a sha256 over the program files of these folders and files of the package."""
    digest = hashlib.sha256()
    for name in names:
        folder = PACKAGE / name
        for path in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder]:
            digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
