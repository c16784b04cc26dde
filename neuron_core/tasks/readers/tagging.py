"""Few-NERD (token, type) and CoNLL-2000 (word, part of speech, chunk tag): a token a line, a blank line a sentence."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from neuron_core.errors import TaskError
from neuron_core.tasks.readers.source import Note, Row, Source, text_of

_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LCB-": "{", "-RCB-": "}"}

Span = tuple[int, int, str]


def read_few_nerd(source: Source, note: Note) -> Iterator[Row]:
    """A row an entity, its number the line of its first token; the label is the coarse type.

    Tags `B-coarse_fine`, `I-coarse_fine` as well as the published `coarse-fine`.
    """
    without = 0
    for lines, words in _sentences(source, 2):
        tokens, tags = [word[0] for word in words], [word[1] for word in words]
        found = entities(tokens, tags)
        without += not found
        yield from ((lines[start], fields) for start, fields in found)
    if without:
        note(f"{without} sentences without an entity give no row")


def read_conll2000(source: Source, note: Note) -> Iterator[Row]:
    """A row a sentence, its number the line of its first word; the answer is `[NP the number] [VP grew]`."""
    for lines, words in _sentences(source, 3):
        yield lines[0], chunked([word[0] for word in words], [word[2] for word in words])


def spans(tags: Sequence[str]) -> list[Span]:
    """(first, end, type) of each run. B- begins one; I- and a bare type go on with a run of their type."""
    found: list[Span] = []
    for place, tag in enumerate(tags):
        if tag == "O":
            continue
        prefix, kind = (tag[0], tag[2:]) if tag[:2] in ("B-", "I-") else ("I", tag)
        if prefix == "I" and found and found[-1][1:] == (place, kind):
            found[-1] = (found[-1][0], place + 1, kind)
        else:
            found.append((place, place + 1, kind))
    return found


def entities(tokens: Sequence[str], tags: Sequence[str]) -> list[tuple[int, dict[str, Any]]]:
    """The first token and the row of each entity."""
    sentence = " ".join(tokens)
    return [
        (
            start,
            {"sentence": sentence, "entity": " ".join(tokens[start:end]), "label": re.split("[-_]", kind)[0]},
        )
        for start, end, kind in spans(tags)
    ]


def chunked(tokens: Sequence[str], tags: Sequence[str]) -> dict[str, Any]:
    """A sentence and its bracketed chunks; words outside of a chunk stand alone."""
    words = [_BRACKETS.get(token, token) for token in tokens]
    parts, done = [], 0
    for start, end, kind in spans(tags):
        parts += [*words[done:start], f"[{kind} {' '.join(words[start:end])}]"]
        done = end
    return {"sentence": " ".join(words), "answer": " ".join([*parts, *words[done:]])}


def split_line(line: str) -> list[str]:
    """Fields by tab where there is one: a token may hold a space of another kind."""
    return line.split("\t") if "\t" in line else line.split(" ")


def _sentences(source: Source, width: int) -> Iterator[tuple[list[int], list[list[str]]]]:
    lines: list[int] = []
    words: list[list[str]] = []
    for number, line in enumerate(text_of(source).split("\n"), start=1):
        if line.strip():
            fields = split_line(line.rstrip(" "))
            if len(fields) != width or not all(field.strip() for field in fields):
                raise TaskError(
                    f"a line has {len(fields)} fields, not {width}: {line[:60]!r}",
                    where=f"{source.where}, row {number}",
                    accepted="a token and its tag" if width == 2 else "a word, its part of speech and its chunk tag",
                )
            lines.append(number)
            words.append(fields)
        elif words:
            yield lines, words
            lines, words = [], []
    if words:
        yield lines, words
