"""Reads the header of a GGUF file: its keys, and where each tensor lies. No torch.

Counts and lengths in the file may be wrong. Each is compared with the bytes that are left before anything is allocated,
and the size of the header is limited, so that a damaged or hostile file leads to an error at once.
Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import mmap
import re
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path

from neuron_core.errors import ModelError

Value = str | int | float | bool | list[int] | list[float] | list[bool] | None

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MOST_BYTES = 1 << 26
"largest header in bytes; a vocabulary of 260,000 tokens with its merges takes 20 MB"
MOST_STRINGS = 1 << 21
"most texts in all arrays together, because each is read in a step of its own"
MOST_ENTRIES = 1 << 16
"most keys, and most tensors"
MOST_KEPT = 1 << 16
"most numbers in all arrays together, without those of the tokenizer, whose values are not kept"
MOST_DIMENSIONS = 4
PART = re.compile(r"(?P<stem>.+)-\d{5}-of-(?P<of>\d{5})\.gguf", re.IGNORECASE)
STRING, ARRAY = 8, 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"struct's letter of each number type"


@dataclass(frozen=True)
class GgufTensor:
    """Where one tensor lies, and how it is stored."""

    shape: tuple[int, ...]
    "in the order of torch, rows first; the file has the other order"
    type_name: str
    "F32, F16, BF16, Q4_K, …"
    start: int
    "first byte in the file"
    n_bytes: int

    @property
    def n_elements(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True)
class GgufHeader:
    """What a GGUF file says about its model."""

    path: Path
    keys: dict[str, Value]
    "None stands for an array whose values are not kept: of strings, and those of the tokenizer"
    lengths: dict[str, int]
    "number of entries of each array"
    tensors: dict[str, GgufTensor]

    @property
    def family(self) -> str:
        """`general.architecture`."""
        return str(self.keys["general.architecture"])


def read_gguf_header(path: Path) -> GgufHeader:
    """Reads keys and the table of tensors, but no weights.

    ModelError when the file is absent, empty, no GGUF file or one part of several, when its header is damaged or larger
    than the limits, and when the file ends before its last tensor.
    """
    if not path.is_file():
        raise ModelError(
            "there is no such GGUF file",
            where=str(path),
            accepted="the path of a file here; a file of the hub must be downloaded",
        )
    size = path.stat().st_size
    with path.open("rb") as file:
        magic = file.read(len(MAGIC))
        if magic != MAGIC:
            what = "is empty" if not magic else "is not a GGUF file"
            raise ModelError(
                f"the model can't be loaded: the file {what}", where=str(path), accepted="a file that begins with GGUF"
            )
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            try:
                return _header(path, _Cursor(content, min(size, MOST_BYTES)), size)
            except (struct.error, UnicodeDecodeError, KeyError, ValueError) as error:
                raise ModelError(
                    f"the model can't be loaded: the header of the weights file is damaged ({_reason(error)})",
                    where=str(path),
                    accepted="the whole file, fetched or copied anew",
                ) from None


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it lacks {error.args[0]}"
    return "a text is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


class _Cursor:
    """Reads forward. ValueError before anything would be read beyond the end."""

    def __init__(self, content: mmap.mmap, end: int) -> None:
        self.content, self.end, self.at = content, end, len(MAGIC)
        self.n_strings = self.n_kept = 0

    def need(self, n_bytes: int) -> None:
        if n_bytes > self.end - self.at:
            raise ValueError(f"it claims {n_bytes} more bytes at byte {self.at}, where {self.end - self.at} are left")

    def numbers(self, letters: str, count: int = 1) -> tuple[int | float | bool, ...]:
        self.need(count * struct.calcsize(f"<{letters}"))
        found = struct.unpack_from(f"<{count}{letters}" if len(letters) == 1 else f"<{letters}", self.content, self.at)
        self.at += count * struct.calcsize(f"<{letters}")
        return found

    def number(self, letter: str) -> int:
        return int(self.numbers(letter)[0])

    def text(self) -> str:
        length = self.number("Q")
        self.need(length)
        self.at += length
        return self.content[self.at - length : self.at].decode("utf-8")

    def skip_texts(self, count: int) -> None:
        self.need(8 * count)
        self.n_strings += count
        if self.n_strings > MOST_STRINGS:
            raise ValueError(f"it claims {self.n_strings} texts; {MOST_STRINGS} are accepted")
        length_at, at, end, content = struct.Struct("<Q").unpack_from, self.at, self.end, self.content
        for _ in range(count):
            if end - at < 8:
                raise ValueError("it ends inside a list of texts")
            at += 8 + length_at(content, at)[0]
            if at > end:
                raise ValueError(f"a text of a list ends {at - end} bytes behind the header's bound")
        self.at = at


def _header(path: Path, at: _Cursor, size: int) -> GgufHeader:
    version = at.number("I")
    if version not in VERSIONS:
        raise ValueError(f"version {version}; {' and '.join(map(str, VERSIONS))} are read")
    n_tensors, n_keys = at.number("Q"), at.number("Q")
    # Least bytes: a key has a length, a type and a byte; a tensor has a length, a count, a type and an offset.
    for count, least, what in ((n_keys, 13, "keys"), (n_tensors, 24, "tensors")):
        if count > MOST_ENTRIES or count * least > at.end:
            raise ValueError(f"it claims {count} {what}")
    keys: dict[str, Value] = {}
    lengths: dict[str, int] = {}
    for _ in range(n_keys):
        name = at.text()
        if name in keys:
            raise ValueError(f"the key {name!r} is there twice")
        keys[name] = _value(name, at, lengths)
    _check_parts(path, keys.get("split.count", 1))
    if not isinstance(keys["general.architecture"], str):
        raise ValueError("general.architecture is no text")
    places = [_place(at) for _ in range(n_tensors)]
    alignment = keys.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20 or alignment & (alignment - 1):
        raise ValueError(f"general.alignment {alignment}")
    data = -(-at.at // alignment) * alignment
    tensors: dict[str, GgufTensor] = {}
    for name, shape, type_id, offset in places:
        if name in tensors:
            raise ValueError(f"the tensor {name!r} is there twice")
        tensors[name] = tensor = _tensor(name, shape, type_id, data + offset)
        if tensor.start + tensor.n_bytes > size:
            raise ModelError(
                f"the model can't be loaded: the file ends before its tensor {name}",
                where=str(path),
                accepted="the whole file, fetched or copied anew",
            )
    return GgufHeader(path, keys, lengths, tensors)


def _check_parts(path: Path, n_parts: Value) -> None:
    """ModelError for one part of several. All parts but the first lack most keys."""
    if not isinstance(n_parts, int) or n_parts <= 1:
        return
    named = PART.fullmatch(path.name)
    first = f"{named['stem']}-00001-of-{named['of']}.gguf" if named else "FIRST-PART.gguf"
    whole = f"{named['stem']}.gguf" if named else "WHOLE.gguf"
    raise ModelError(
        f"the model can't be loaded: this file is one of {n_parts} parts",
        where=str(path),
        accepted=f"one file: llama-gguf-split --merge {first} {whole}",
    )


def _value(name: str, at: _Cursor, lengths: dict[str, int]) -> Value:
    kind = at.number("I")
    if kind == STRING:
        return at.text()
    if kind in _SCALARS:
        return at.numbers(_SCALARS[kind])[0]
    if kind != ARRAY:
        raise ValueError(f"the key {name!r} has a value of the unknown type {kind}")
    kind, count = at.number("I"), at.number("Q")
    lengths[name] = count
    if kind == STRING:
        at.skip_texts(count)
        return None
    if kind not in _SCALARS:
        raise ValueError(f"the key {name!r} is a list of the unknown type {kind}")
    letter = _SCALARS[kind]
    at.need(count * struct.calcsize(letter))
    if name.startswith("tokenizer."):
        at.at += count * struct.calcsize(letter)
        return None
    at.n_kept += count
    if at.n_kept > MOST_KEPT:
        raise ValueError(f"its lists have {at.n_kept} numbers; {MOST_KEPT} are accepted")
    return list(at.numbers(letter, count))


def _place(at: _Cursor) -> tuple[str, tuple[int, ...], int, int]:
    name, n_dimensions = at.text(), at.number("I")
    if n_dimensions > MOST_DIMENSIONS:
        raise ValueError(f"the tensor {name!r} claims {n_dimensions} dimensions")
    sizes = at.numbers("Q", n_dimensions) if n_dimensions else ()
    return name, tuple(int(size) for size in reversed(sizes)), at.number("I"), at.number("Q")


def _tensor(name: str, shape: tuple[int, ...], type_id: int, start: int) -> GgufTensor:
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    try:
        kind = GGMLQuantizationType(type_id)
    except ValueError:
        raise ValueError(f"the tensor {name!r} has the unknown type {type_id}") from None
    block, block_bytes = GGML_QUANT_SIZES[kind]
    if shape and shape[-1] % block:
        raise ValueError(f"the tensor {name!r} has rows of {shape[-1]}, which {kind.name} can't hold")
    return GgufTensor(shape, kind.name, start, prod(shape) // block * block_bytes)
