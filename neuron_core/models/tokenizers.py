"""A model's tokenizer is a program by the model's author: what it may do, and what its failures become. No torch."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

from neuron_core.errors import ModelError, NeuronCoreError
from neuron_core.models.reasons import reason_of

MOST_GROWTH = 1000
"how many times longer a text may become by the replacements of a tokenizer"


@contextmanager
def tokenizer_errors() -> Iterator[None]:
    """ModelError for whatever a tokenizer ends with, a panic of its Rust code included, which is no Exception."""
    try:
        yield
    except NeuronCoreError:
        raise
    except BaseException as error:
        if not _is_failure(error):
            raise
        what = f"the model's tokenizer fails: {reason_of(error)}"
        raise ModelError(what, accepted="a whole and working tokenizer") from error


@contextmanager
def tokenizer_files(folder: Path) -> Iterator[None]:
    """ModelError, which names the file where it can be told, for whatever reading a tokenizer's files ends with. What
    asks for a package or for trust goes through.
    """
    try:
        yield
    except (NeuronCoreError, ImportError):
        raise
    except BaseException as error:
        if not _is_failure(error) or "trust_remote_code" in str(error):
            raise
        said = _damage(folder / "tokenizer.json") or f"its tokenizer can't be read: {reason_of(error)}"
        accepted = "the whole tokenizer, fetched or copied anew"
        raise ModelError(f"the model can't be loaded: {said}", where=str(folder), accepted=accepted) from error


def _is_failure(error: BaseException) -> bool:
    """Whether it is an error of the tokenizer: a panic of its Rust code is no Exception."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def _damage(path: Path) -> str | None:
    """What is wrong with a tokenizer.json, as its own reader says it; None if nothing is, or there is no such file."""
    from tokenizers import Tokenizer

    try:
        if path.is_file():
            Tokenizer.from_file(str(path))
    except BaseException as error:
        if not _is_failure(error):
            raise
        return f"{path.name} is damaged: {reason_of(error)}"
    return None


def decode(tokenizer: Any, token_ids: Sequence[int]) -> str:
    """The text of these tokens. All texts are made here."""
    with tokenizer_errors():
        return str(tokenizer.decode(token_ids))


def check_made(tokenizer: Any, where: str) -> None:
    """ModelError for a longest text that is no number, with which no text could be cut, and for replacements that could
    fill the memory with the text of one prompt, which nothing would stop.
    """
    longest = getattr(tokenizer, "model_max_length", 0)
    if not isinstance(longest, int | float):
        raise ModelError(
            f"the tokenizer's model_max_length is {str(longest)[:60]!r}", where=where, accepted="a number of tokens"
        )
    own = getattr(tokenizer, "backend_tokenizer", None)
    for part in (getattr(own, "normalizer", None), getattr(own, "decoder", None)):
        if part is not None and (growth := _growth(json.loads(part.__getstate__()))) > MOST_GROWTH:
            raise ModelError(
                f"the tokenizer's replacements can make a text {growth:,} times longer",
                where=where,
                accepted=f"at most {MOST_GROWTH:,} times",
            )


def _growth(said: dict[str, Any]) -> int:
    """At most how many times longer a text becomes. said: a normalizer or decoder, as tokenizer.json has it."""
    if said["type"] == "Replace":
        # A regular expression may match between any two letters.
        return max(1, len(said["content"]) + ("Regex" in said["pattern"]))
    return prod(map(_growth, said.get("normalizers") or said.get("decoders") or ()))
