"""A log of units: a file with one record for each unit, for instance a question. Records are appended and synced.
No torch.

A record is a prefix (sign, number, key, lengths, CRC-32), a JSON header that names the arrays with a CRC-32 of each,
and their bytes. A record that is damaged, was cut off by a crash, or is of another log counts as absent. If a unit was
written twice, the later record counts.
"""

import json
import struct
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from neuron_core.errors import RunError
from neuron_core.runs import files
from neuron_core.runs.files import check_regular, damaged, disk_errors, write_file

SIGN = b"\x93NU2"
_PREFIX = struct.Struct("<4sq16sIQI")
MOST_HEADER = 1 << 20
KINDS = "fiubU"
"numpy kinds of arrays that a log may hold: numbers and text, no objects"


@dataclass(frozen=True)
class _Place:
    start: int
    "byte at which the header begins"
    header: int
    data: int
    key: str


class UnitLog:
    """The units in one file. Readers may read while one writer appends."""

    def __init__(self, path: Path, holds: str = "") -> None:
        """holds: the name of an array that each unit has, or the end of this name. A record without it is a unit of
        another log that lies in this one's place. It counts as absent.
        """
        self.path = path
        self._holds = f'{holds}", '.encode() if holds else b""
        self._places: dict[int, _Place] = {}
        self._end = 0
        "byte up to which the file was scanned"
        self._whole = 0
        "byte at which the last whole record ends"
        self._inode = 0
        self._replaced = 0
        "bytes of records whose unit was written again"

    def numbers(self, key: str | None = None) -> set[int]:
        """Numbers of the units that are there, or of those with this key."""
        self._look()
        return {number for number, place in self._places.items() if key is None or place.key == key}

    def has(self, number: int, key: str | None = None) -> bool:
        """Whether a unit is there and, if a key is given, has it."""
        self._look()
        place = self._places.get(number)
        return place is not None and (key is None or place.key == key)

    def places(self) -> dict[int, int]:
        """Byte at which each unit begins. It changes when a unit is written again."""
        self._look()
        return {number: place.start for number, place in self._places.items()}

    def append(self, number: int, arrays: Mapping[str, NDArray[Any]], key: str = "") -> None:
        """Adds a unit, which is on the disk when this returns. RunError when the disk refuses."""
        self._look()
        record = _record(number, arrays, key)
        with disk_errors(self.path):
            is_new = not self.path.exists()
            if not is_new and self.path.stat().st_size > self._whole:
                # A crash left a part of a record.
                files.disk.truncate(self.path, self._whole)
            try:
                files.disk.append(self.path, record)
                files.disk.sync(self.path)
            except OSError:
                with suppress(OSError):
                    files.disk.truncate(self.path, self._whole)
                raise
            if is_new:
                files.disk.sync_folder(self.path.parent)
        self._end = self._whole
        self._look()

    def read(self, number: int, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
        """The arrays of a unit, or those with these names. RunError when one is damaged; KeyError when the unit is
        absent.
        """
        return next(self.read_each([number], names))

    def read_each(
        self, numbers: Iterable[int], names: Collection[str] | None = None
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """As `read`, for many units in turn: the file is opened once."""
        self._look()
        try:
            with self.path.open("rb") as file:
                for number in numbers:
                    yield _arrays(file, self._places[number], names, self.path, number)
        except OSError as error:
            raise RunError(f"a result file can't be read: {error.strerror}", where=str(self.path)) from None

    def broken(self) -> set[int]:
        """Numbers of the units with a damaged array. Reads the whole file."""
        found, left = set(), sorted(self.numbers(), key=self.places().__getitem__)
        while left:
            units, n_whole = self.read_each(left), 0
            try:
                while next(units, None) is not None:
                    n_whole += 1
                break
            except RunError:
                found.add(left[n_whole])
                left = left[n_whole + 1 :]
        return found

    def keep(self, numbers: Collection[int]) -> None:
        """Writes the log again with these units only."""
        self._look()
        places = [self._places[number] for number in self._places if number in numbers]
        with disk_errors(self.path):
            whole = self.path.read_bytes()
            data = b"".join(whole[p.start - _PREFIX.size : p.start + p.header + p.data] for p in places)
            write_file(self.path, data)
        self._places, self._end, self._whole, self._replaced = {}, 0, 0, 0
        self._look()

    def lost_bytes(self) -> int:
        """Number of bytes that belong to no whole record, because of damage or a crash."""
        self._look()
        if not self.path.exists():
            return 0
        known = sum(_PREFIX.size + place.header + place.data for place in self._places.values())
        return self.path.stat().st_size - known - self._replaced

    def _look(self) -> None:
        """Scans what was appended since the last scan. RunError when the file can't be read."""
        check_regular(self.path)
        try:
            state = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            self._places, self._end, self._whole, self._replaced = {}, 0, 0, 0
            return
        except OSError as error:
            raise RunError(f"a result file can't be read: {error.strerror}", where=str(self.path)) from None
        if state.st_size < self._end or state.st_ino != self._inode:
            self._places, self._end, self._whole, self._inode, self._replaced = {}, 0, 0, state.st_ino, 0
        if state.st_size == self._end:
            return
        with self.path.open("rb") as file:
            at = self._whole
            while at < state.st_size:
                found = _record_at(file, at, state.st_size, self._holds)
                if found is None:
                    at = _next_sign(file, at + 1)
                    if at < 0:
                        break
                    continue
                number, place = found
                if number in self._places:
                    before = self._places[number]
                    self._replaced += _PREFIX.size + before.header + before.data
                self._places[number] = place
                at = self._whole = place.start + place.header + place.data
        self._end = state.st_size


def _record(number: int, arrays: Mapping[str, NDArray[Any]], key: str) -> bytes:
    said, parts = [], []
    for name, value in arrays.items():
        array = np.ascontiguousarray(value).reshape(np.shape(value))
        if array.dtype.kind not in KINDS:
            raise ValueError(f"an array of {array.dtype} in {name}")
        data = array.tobytes()
        said.append([name, array.dtype.str, list(array.shape), len(data), zlib.crc32(data)])
        parts.append(data)
    header = json.dumps(said).encode()
    data = b"".join(parts)
    prefix = _PREFIX.pack(SIGN, number, key.encode(), len(header), len(data), 0)[:-4]
    return prefix + struct.pack("<I", zlib.crc32(header, zlib.crc32(prefix))) + header + data


def _record_at(file: BinaryIO, at: int, size: int, holds: bytes) -> tuple[int, _Place] | None:
    file.seek(at)
    prefix = file.read(_PREFIX.size)
    if len(prefix) < _PREFIX.size:
        return None
    sign, number, key, n_header, n_data, crc = _PREFIX.unpack(prefix)
    start = at + _PREFIX.size
    if sign != SIGN or n_header > MOST_HEADER or start + n_header + n_data > size:
        return None
    header = file.read(n_header)
    if zlib.crc32(header, zlib.crc32(prefix[:-4])) != crc or holds not in header:
        return None
    return number, _Place(start, n_header, n_data, key.rstrip(b"\0").decode("ascii", "replace"))


def _next_sign(file: BinaryIO, at: int) -> int:
    """The byte at which the next record may begin, or -1."""
    file.seek(at)
    before = b""
    while block := file.read(1 << 20):
        found = (before + block).find(SIGN)
        if found >= 0:
            return at - len(before) + found
        at += len(block)
        before = block[-3:]
    return -1


def _arrays(
    file: BinaryIO, place: _Place, names: Collection[str] | None, path: Path, number: int
) -> dict[str, NDArray[Any]]:
    file.seek(place.start)
    at, found = place.start + place.header, {}
    for name, dtype, shape, n_bytes, crc in json.loads(file.read(place.header)):
        if names is None or name in names:
            file.seek(at)
            data = file.read(n_bytes)
            kind = np.dtype(dtype)
            whole = kind.kind in KINDS and prod(shape) * kind.itemsize == n_bytes == len(data)
            if not whole or zlib.crc32(data) != crc:
                raise damaged(path, f"unit {number} is not what was written")
            found[name] = np.frombuffer(data, kind).reshape(shape).copy()
        at += n_bytes
    return found
