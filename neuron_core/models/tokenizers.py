"""A model's tokenizer is a program by the model's author: what it may do, and what its failures become. No torch."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any

from neuron_core.errors import ModelError, NeuronCoreError

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
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"the model's tokenizer fails: {first}", accepted="a whole and working tokenizer") from error


def decode(tokenizer: Any, token_ids: Sequence[int]) -> str:
    """The text of these tokens. All texts are made here."""
    with tokenizer_errors():
        return str(tokenizer.decode(token_ids))


def check_growth(tokenizer: Any, where: str) -> None:
    """ModelError for replacements that could fill the memory with the text of one prompt, which nothing would stop."""
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
