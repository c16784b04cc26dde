"""A folder with a config and results: where its files lie, and how they are read and written. No torch."""

import hashlib
import io
import secrets
import shutil
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from neuron_core.errors import ConfigError, RunError
from neuron_core.runs.config import RunConfig, config_from_json, config_to_json
from neuron_core.runs.files import (
    FORMAT,
    UNSEALED,
    Seal,
    damaged,
    disk_errors,
    make_folder,
    place_of,
    read_bytes,
    seal,
    unseal,
    write_file,
)
from neuron_core.runs.units import UnitLog

CONFIG = "config.json"
COMMENT = b"sha256 "
KEPT_CONFIGS = 4096
HOLD = {"scores.units": "letter_probabilities", "examples.units": "/good", "evaluation.units": "values"}
"file of units → the array by which its units are told from those of the other two"
MOST_UNPACKED, MOST_TIMES = 256_000_000, 20
"bytes of an .npz that is unpacked whatever its size is, and how many times its size a larger one may hold"
UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    NotImplementedError,
    SyntaxError,
    MemoryError,
    BadZipFile,
    zlib.error,
    struct.error,
)
"what numpy and zipfile raise for an .npz that is damaged"


@contextmanager
def entries_of(path: Path) -> Iterator[None]:
    """RunError where a file does not have the entries that the block asks it for."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, f"its entries are not those of this file ({error})") from None


@lru_cache(maxsize=KEPT_CONFIGS)
def _config_at(path: Path, state: tuple[int, ...]) -> tuple[RunConfig, Seal]:
    """What a config.json of this modification time, size and inode says. Every look at a run asks for it."""
    data, marks = unseal(read_bytes(path), path)
    if "/" in marks.results or "\\" in marks.results or marks.results.startswith("."):
        raise damaged(path, "it names a folder outside of the run")
    try:
        return config_from_json(data), marks
    except ConfigError as error:
        raise RunError(f"{error.what}", where=f"{path} {error.where or ''}".strip()) from None


class ResultFiles:
    """Reads and writes the files of a run folder. Subclasses add the kinds of results.

    config.json names the folder with the results of the run's evaluation: the run folder itself for the first
    evaluation, evaluation-N for a later one. So config.json alone decides which evaluation is the run's.
    """

    def __init__(self, path: Path, evaluation_folder: str = "") -> None:
        """evaluation_folder: the folder of an evaluation that is not finished. This object then reads and writes its
        files.
        """
        if not (path / CONFIG).is_file():
            raise RunError("this is not a run folder", where=str(path), accepted="a folder with config.json")
        self.path = path
        self.id = path.name
        self.evaluation_folder = evaluation_folder
        self._logs: dict[Path, UnitLog] = {}

    def config(self) -> RunConfig:
        """The settings of the run. RunError when config.json is damaged."""
        return self._config()[0]

    @property
    def marks(self) -> Seal:
        """The identity and format of this run."""
        return self._config()[1]

    @property
    def strict(self) -> bool:
        """Whether every file of this run must be sealed and every unit must have a key: not in runs of format 1."""
        return self.marks.format >= FORMAT

    @property
    def results(self) -> Path:
        """The folder with the files of this evaluation."""
        folder = self.evaluation_folder or self.marks.results
        return self.path / folder if folder else self.path

    def _config(self) -> tuple[RunConfig, Seal]:
        path = (self.path / self.evaluation_folder if self.evaluation_folder else self.path) / CONFIG
        try:
            found = path.stat()
        except OSError as error:
            raise RunError(f"the config of this run can't be read: {error.strerror}", where=str(path)) from None
        config, marks = _config_at(path, (found.st_mtime_ns, found.st_size, found.st_ino))
        self.check_place(path, marks)
        return config, marks

    def write_config(self, config: RunConfig, results: str = "", marks: Seal | None = None) -> None:
        """Replaces config.json. results: the folder of the evaluation that is the run's from now on."""
        marks = marks or self.marks
        path = (self.path / self.evaluation_folder if self.evaluation_folder else self.path) / CONFIG
        write_file(path, seal(config_to_json(config), Seal(marks.run, marks.format, results, self._place(path))))

    def _units(self, folder: Path) -> set[int]:
        """Numbers of the units that have a file of their own in this folder."""
        return {int(path.stem) for path in folder.glob("*.npz") if path.stem.isdecimal()}

    def _log(self, path: Path) -> UnitLog:
        return self._logs.setdefault(path, UnitLog(path, HOLD[path.name]))

    def _read_arrays(self, path: Path) -> dict[str, NDArray[Any]]:
        """The arrays of an .npz file. It ends with a zip comment that holds the SHA-256 of all bytes before. RunError
        when the file is damaged.
        """
        data = read_bytes(path)
        begun, said = data[:-64], data[-64:]
        if begun.endswith(COMMENT):
            if hashlib.sha256(begun).hexdigest().encode() != said:
                raise damaged(path, "its checksum is wrong")
        elif self.strict:
            raise damaged(path, "it can't be read, or has no checksum")
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                unpacked = sum(one.file_size for one in file.zip.infolist())
                if unpacked > max(MOST_UNPACKED, MOST_TIMES * len(data)):
                    raise damaged(path, f"{len(data)} bytes that claim to unpack to {unpacked}")
                return dict(file)
        except UNREADABLE as error:
            raise RunError(
                f"a result file can't be read: {error}", where=str(path), accepted="Repair, or Delete"
            ) from None

    def _write_arrays(self, path: Path, arrays: Mapping[str, NDArray[Any]], *, compressed: bool = False) -> None:
        """Writes an .npz with its checksum. Compressing scores takes long and saves little, unless they are rounded."""
        make_folder(path.parent)
        buffer = io.BytesIO()
        (np.savez_compressed if compressed else np.savez)(buffer, **arrays)  # type: ignore[arg-type]
        # The length of a zip file's comment is in its last two bytes.
        begun = buffer.getvalue()[:-2] + struct.pack("<H", len(COMMENT) + 64) + COMMENT
        write_file(path, begun + hashlib.sha256(begun).hexdigest().encode())

    def _read_json(self, path: Path) -> bytes:
        """The JSON of a file of this run. RunError when the file is damaged, or is another one that lies in its
        place: of another run, or of another evaluation, neuron or set of this run.
        """
        data, marks = unseal(read_bytes(path), path)
        mine = self._owner()
        if mine.format >= FORMAT and not marks.run:
            raise damaged(path, "its checksum is missing")
        if marks.run and mine.run and marks.run != mine.run:
            raise damaged(path, "it is another run's")
        self.check_place(path, marks)
        return data

    def _write_json(self, path: Path, text: str) -> None:
        mine = self._owner()
        write_file(path, seal(text, Seal(mine.run, mine.format, place=self._place(path))))

    def check_place(self, path: Path, marks: Seal) -> None:
        """RunError when the seal says that a file was written in another place of the run."""
        if marks.place and marks.place != self._place(path):
            raise damaged(path, "it is another file of the run")

    def _place(self, path: Path) -> str:
        return place_of(path.relative_to(self.path).as_posix())

    def _owner(self) -> Seal:
        """The seal of the config or, if the config is damaged, that of the status, so that the status can still be
        read.
        """
        try:
            return self.marks
        except RunError:
            path = self.path / "status.json"
            try:
                return unseal(read_bytes(path), path)[1]
            except RunError:
                return UNSEALED


def new_identity() -> str:
    """64 random bits that identify a run, also when its folder is renamed."""
    return secrets.token_hex(8)


def remove_folder(path: Path) -> None:
    """Renames a folder and then removes it. After a crash, the rest of it is in a folder `.deleted-…`."""
    gone = path.with_name(f".deleted-{path.name}-{secrets.token_hex(4)}")
    with disk_errors(path):
        path.rename(gone)
        shutil.rmtree(gone)
