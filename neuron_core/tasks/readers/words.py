"""Turns tables with one word per row and a column of sentence numbers into sentences of tokens and tags."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

from neuron_core.tasks.readers.source import BadRow, Row
from neuron_core.tasks.readers.tags import normal, prefixed

_WORDS = ("word", "token")
_TAGS = ("tag", "nertag", "ner", "entity", "label")
_SENTENCES = ("sentence", "sentenceid", "sentenceidx", "sentenceno", "sentid", "sentencenumber", "sent")
_LOOKED_AT = 500


def sentences_of_words(rows: Iterable[Row]) -> Iterator[Row]:
    """One row per sentence with `tokens` and `ner_tags`, numbered by its first word. Other tables pass unchanged.

    A word without a sentence number belongs to the sentence before it, because spreadsheets often leave such cells
    empty.
    """
    rows = iter(rows)
    first = list(islice(rows, _LOOKED_AT))
    columns = _columns([fields for _, fields in first if isinstance(fields, dict)])
    if columns is None:
        yield from chain(first, rows)
        return
    sentence, word, tag = columns
    current, start = "", 0
    tokens: list[str] = []
    tags: list[str] = []
    for number, fields in chain(first, rows):
        if isinstance(fields, BadRow):
            yield number, fields
            continue
        own = str(fields.get(sentence) or "").strip()
        if own and own != current and tokens:
            yield start, {"tokens": tokens, "ner_tags": tags}
            tokens, tags = [], []
        current = own or current
        start = start if tokens else number
        tokens.append(str(fields.get(word)).strip() or "_")
        tags.append(str(fields.get(tag)).strip())
    if tokens:
        yield start, {"tokens": tokens, "ner_tags": tags}


def _columns(rows: list[dict[str, Any]]) -> tuple[str, str, str] | None:
    """The columns of sentence, word and tag; None unless all three exist and the tags have prefixes."""
    if not rows:
        return None
    plain = {re.sub(r"[\W_]", "", column).lower(): column for column in reversed(rows[0])}
    found = [next((plain[n] for n in names if n in plain), None) for names in (_SENTENCES, _WORDS, _TAGS)]
    sentence, word, tag = found
    if sentence is None or word is None or tag is None:
        return None
    tags = normal([str(fields.get(tag)).strip() for fields in rows])
    return (sentence, word, tag) if prefixed(tags) else None
