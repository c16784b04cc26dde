"""The questions of a large run as the JSON that they were read from, parsed one by one when asked for. No torch.

A hundred thousand questions take 0.2 GB as JSON, several times as much as objects, and seconds to parse.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import overload

from pydantic import TypeAdapter, ValidationError

from neuron_core.errors import RunError
from neuron_core.qatt.proxies import ProxyQuestion

_BEGIN = b'{"id":"'
"how a question begins; it can't be a part of a text, because quotation marks in texts are escaped"
_QUESTION: TypeAdapter[ProxyQuestion] = TypeAdapter(ProxyQuestion)


class StoredQuestions(Sequence[ProxyQuestion]):
    """Questions as a read-only sequence. It is equal to a tuple of the same questions."""

    def __init__(self, data: bytes) -> None:
        """data: the questions as JSON objects with commas between them, as `setting_to_json` writes them."""
        starts, at = [], data.find(_BEGIN)
        while at >= 0:
            starts.append(at)
            at = data.find(_BEGIN, at + 1)
        self._data = data
        self._starts = [*starts, len(data) + 1]

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, place: int) -> ProxyQuestion: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[ProxyQuestion, ...]: ...

    def __getitem__(self, place: int | slice) -> ProxyQuestion | tuple[ProxyQuestion, ...]:
        places = range(len(self))[place]
        return self._parsed(places) if isinstance(places, int) else tuple(map(self._parsed, places))

    def __iter__(self) -> Iterator[ProxyQuestion]:
        return (_question(self._data[start : end - 1]) for start, end in pairwise(self._starts))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, StoredQuestions) and self._data == other._data:
            return True
        if not isinstance(other, Sequence) or len(self) != len(other):
            return NotImplemented if not isinstance(other, Sequence) else False
        return all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def _parsed(self, place: int) -> ProxyQuestion:
        return _question(self._data[self._starts[place] : self._starts[place + 1] - 1])


def _question(data: bytes) -> ProxyQuestion:
    """RunError for what is no question."""
    try:
        return _QUESTION.validate_json(data)
    except ValidationError as error:
        what = f"a question of this run can't be read: {error.errors()[0]['msg']}"
        raise RunError(what, where="setting.json", accepted="Repair, or Delete") from None
