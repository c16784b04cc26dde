"""Guesses the text and the label column of a classification from their values, if no name tells them."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from neuron_core.tasks.kinds.base import one_line
from neuron_core.tasks.names import plain_name
from neuron_core.tasks.table import Table, is_empty

_LOOKED_AT = 500
_MOST_LABELS = 50
_LONGEST_LABEL = 4
"most words of a label, on average"
_LIKELY = (
    *("queue", "department", "team", "decision", "annotation", "gold", "groundtruth", "outcome", "result", "mood"),
    *("tone", "opinion", "genre", "severity", "priority", "status", "group", "section", "subject", "kind"),
)
"names that may be those of a label column, the clearest first; in some files they mean something else"
_ABOUT = (
    *("id", "index", "idx", "number", "row", "split", "fold", "set", "source", "origin", "lang", "language", "locale"),
    *("country", "version", "date", "time", "year", "month", "day", "url", "author", "user", "annotator", "worker"),
    *("dataset", "file", "path", "prediction", "predicted"),
)
"names of columns that describe a row; such a column is the label only if no other column can be"


@dataclass(frozen=True)
class _Column:
    """Statistics of the first rows' values in one column."""

    name: str
    n: int
    "number of values that are not empty"
    n_different: int
    words: float
    "words per value, on average"
    characters: float
    numbers: bool

    @property
    def is_text(self) -> bool:
        """Whether the column looks like texts: nearly every row has a different value made of words."""
        return (
            not self.numbers
            and self.n_different > max(1, 0.5 * self.n)
            and (self.words >= 1.5 or self.characters >= 12)
        )

    @property
    def is_label(self) -> bool:
        """Whether the column looks like labels: a few short values that repeat."""
        return 2 <= self.n_different <= min(_MOST_LABELS, self.n / 2) and self.words <= _LONGEST_LABEL

    @property
    def name_end(self) -> str:
        """The last word of the column's name, such as `class` for `review_class`."""
        words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_]+", self.name)
        return words[-1].lower() if words else ""


def guess_text(table: Table, taken: Collection[str]) -> str | None:
    """The column with the texts, the one with the longest texts if there are several; None if there is none."""
    texts = [column for column in _columns(table, taken) if column.is_text]
    return max(texts, key=lambda column: column.characters).name if texts else None


def guess_label(table: Table, taken: Collection[str], synonyms: Collection[str]) -> str | None:
    """The column with the labels; of several, one whose name is or ends in a word for a label.

    None if no column fits, or if it can't be told which one is meant.
    """
    found = label_candidates(table, taken)
    by_name = {column.name: (plain_name(column.name), column.name_end) for column in found}
    for name in (*synonyms, *_LIKELY):
        if several := [column for column, names in by_name.items() if name in names]:
            return several[0]
    # Numbers may count anything: a name has to say that they are labels.
    words = [column for column in found if not column.numbers]
    return words[0].name if len(words) == 1 else None


def label_candidates(table: Table, taken: Collection[str]) -> list[_Column]:
    """The columns that may hold the labels."""
    found = [column for column in _columns(table, taken) if column.is_label]
    return [column for column in found if not {plain_name(column.name), column.name_end} & set(_ABOUT)] or found


def _columns(table: Table, taken: Collection[str]) -> list[_Column]:
    rows = [fields for _, fields in table.rows[:_LOOKED_AT]]
    found = []
    for name in table.columns:
        if name in taken or name not in table.filled:
            continue
        values = [value for fields in rows if not is_empty(value := fields.get(name))]
        if not values or not all(isinstance(value, str | int | float) for value in values):
            continue
        texts = [one_line(value) for value in values]
        found.append(
            _Column(
                name,
                len(texts),
                len(set(texts)),
                sum(len(text.split(" ")) for text in texts) / len(texts),
                sum(map(len, texts)) / len(texts),
                all(re.fullmatch(r"[-+]?\d+([.,]\d+)?", text) for text in texts),
            )
        )
    return found
