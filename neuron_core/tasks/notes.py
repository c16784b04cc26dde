"""What a reader of a file must know: counts of what was done to rows, and warnings about examples that look wrong."""

import re
from collections import Counter
from collections.abc import Sequence

from neuron_core.tasks.kinds import get_kind
from neuron_core.tasks.kinds.base import one_line, same_text
from neuron_core.tasks.labels import too_many_note
from neuron_core.tasks.mapping import ColumnMapping
from neuron_core.tasks.task import Task

_OTHERS = re.compile(
    r"\b(all|none|both|neither|either|any|some) of (the )?(above|these|those|them|other)\b"
    r"|\b(all|none) the above\b|\b(both|neither|either) \(?[a-e1-5]\)? (and|nor|or|&) \(?[a-e1-5]\)?"
    r"|^(only )?\(?[a-e]\)?(, ?\(?[a-e]\)?)*,? (and|or|&) \(?[a-e]\)?( only)?\.?$"
    r"|\b(alle|keine) (genannten|davon|der genannten)\b|\btoutes ces réponses\b|\btodas las anteriores\b",
    re.IGNORECASE,
)
_NULLS = {"nan", "null", "none", "n/a", "#n/a", "na", "-", "nil"}


class Notes:
    """Notes in the order in which they came up, those that count rows with their numbers."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._single: dict[str, str] = {}

    def add(self, text: str) -> None:
        """A note as it stands."""
        self._counts.setdefault(text, 0)

    def count(self, several: str, single: str | None = None) -> None:
        """One more row that the note is about."""
        self._counts[several] = self._counts.get(several, 0) + 1
        self._single[several] = single or several.replace("rows are", "row is").replace("rows have", "row has")

    def texts(self) -> list[str]:
        """All notes, as `12 rows …` where they count."""
        return [
            text if not n else f"{n:,} {self._single[text] if n == 1 else text}" for text, n in self._counts.items()
        ]


def about_examples(task: Task, mapping: ColumnMapping, added: Sequence[str] = ()) -> list[str]:
    """Warnings: a label of its own for nearly every example, options that name others, one text with two labels, texts
    that read like missing values.

    added: neutral options that are not the file's own.
    """
    kind = get_kind(task.kind)
    found: list[str | None] = []
    if kind.label_column:
        column = mapping.get(kind.label_column, kind.label_column)
        found.append(
            too_many_note(task.labels, len(task.examples), column if isinstance(column, str) else "+".join(column))
        )
    if task.kind == "classification":
        by_text: dict[str, set[str]] = {}
        for example in task.examples:
            by_text.setdefault(example.text, set()).add(example.answer)
        if conflicting := sum(len(labels) > 1 for labels in by_text.values()):
            found.append(f"{conflicting:,} {_texts(conflicting)} two or more different labels")
    if "choices" in kind.columns:
        naming = sum(
            any(_OTHERS.search(one_line(c)) for c in example.fields["choices"] if c not in added)
            for example in task.examples
        )
        if naming:
            found.append(
                f"warning: {naming:,} {'example has' if naming == 1 else 'examples have'} an option that names others, "
                'such as "all of the above"; it is wrong once options change places'
            )
    first = kind.columns[0]
    nulls = Counter(same_text(example.fields[first]) for example in task.examples)
    missing = sum(count for text, count in nulls.items() if text in _NULLS or not text)
    if missing:
        found.append(f"{missing:,} {_texts(missing)} nothing but a sign of a missing value (nan, NULL, #N/A) or blanks")
    return [note for note in found if note]


def _texts(n: int) -> str:
    return "text has" if n == 1 else "texts have"
