"""Files with one text per line. Labels are on the same line of a second file, or before the text (fastText)."""

import re
from collections.abc import Iterator
from pathlib import PurePath

from neuron_core.errors import TaskError
from neuron_core.tasks.readers.source import BadRow, Note, Row, Source, shown, text_of, too_long

_LABEL = "__label__"


def read_lines(source: Source, note: Note) -> Iterator[Row]:
    """Reads one text per line, with its label on the same line of a second file."""
    texts = text_of(source).split("\n")
    while texts and not texts[-1].strip():
        texts.pop()
    labels = _labels(source)
    if len(labels) != len(texts):
        raise TaskError(
            f"{len(texts)} texts and {len(labels)} labels", where=source.where, accepted="as many lines in both files"
        )
    for number, (text, label) in enumerate(zip(texts, labels, strict=True), start=1):
        yield number, {"text": text, "label": label}


def no_labels(where: str) -> TaskError:
    """The error for a file with one text per line and no labels."""
    stem, end = PurePath(where).stem, PurePath(where).suffix
    other, n = re.subn(r"(?i)texts?|sentences?|inputs?|data", "labels", stem, count=1)
    example = f", perhaps {other}{end}" if n and "label" not in stem.lower() else ""
    return TaskError(
        "the file has one text per line and no labels",
        where=where,
        accepted=f"a second file with a label a line{example} (--labels-file, or the second upload); or a file with "
        "columns or tags",
    )


def read_fasttext(source: Source, note: Note) -> Iterator[Row]:
    """`__label__good a text`: the label, then the text. A line with several labels is a BadRow."""
    for number, line in enumerate(text_of(source).split("\n"), start=1):
        if not line.strip():
            continue
        if bad := too_long(line):
            yield number, bad
            continue
        words = line.split()
        labels = [word.removeprefix(_LABEL) for word in words if word.startswith(_LABEL)]
        text = " ".join(word for word in words if not word.startswith(_LABEL))
        if len(labels) != 1:
            yield number, BadRow(f"has {len(labels)} labels; one is needed", shown(line), "not one label")
        else:
            yield number, {"text": text, "label": labels[0]}


def is_fasttext(lines: list[str]) -> bool:
    """Whether nearly all lines begin with a label."""
    return sum(line.startswith(_LABEL) for line in lines) > 0.8 * len(lines) > 0


def _labels(source: Source) -> list[str]:
    for data in source.options.labels:
        lines = text_of(Source(data, "the file of labels")).rstrip("\n").split("\n")
        if not all(len(line.split("\t")) == 2 for line in lines):
            return [line.strip() for line in lines]
    raise no_labels(source.where)
