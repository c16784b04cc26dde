"""Notes about a file: how many rows were changed and how, and warnings about examples that look wrong."""

import re
from collections import Counter
from collections.abc import Sequence

from neuron_core.tasks.kinds import get_kind
from neuron_core.tasks.kinds.base import one_line, same_text
from neuron_core.tasks.labels import too_many_note
from neuron_core.tasks.mapping import ColumnMapping
from neuron_core.tasks.task import Task

_ONE = r"\(?(?:[a-e]|[1-5]|i{1,3}|iv)\)?"
_OTHERS = re.compile(
    r"\b(all|none|both|neither|either|any|some|two|more than one) of (the )?(\w+ )?"
    r"(above|these|those|them|others?|following|options|choices|answers)\b"
    r"|\b(all|none) (of )?the (above|options|choices|answers)\b"
    r"|^(all|none|both|neither)( of them)?( (are|is) (correct|true|right|wrong|false|incorrect))?\.?$"
    rf"|\b(both|neither|either|only|all but) {_ONE},? (and|nor|or|&) {_ONE}(?!\w)"
    rf"|^(only )?{_ONE}(, ?{_ONE})*,? (and|or|&) {_ONE}( only)?\.?$"
    r"|\b(alle|keine|beide)r?s? (genannten|davon|der genannten|antworten)\b|\btoutes (ces|les) réponses\b"
    r"|\b(todas|ninguna) (las|de las) anteriores\b|\btutte le precedenti\b|以上(都|皆|全|均)|^上述|以上すべて",
    re.IGNORECASE,
)
_NULL_LABELS = ("none", "na", "-1")
"labels that mean a missing label in some files and a class in others"
_NULLS = {"nan", "null", "none", "n/a", "#n/a", "na", "-", "nil"}


_JOINED = re.compile(r"\s*[;,|+/&]\s*|\s+and\s+")


class Notes:
    """Collects notes in order. A note may count the rows that it is about."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._single: dict[str, str] = {}

    def add(self, text: str) -> None:
        """Adds a note without a count."""
        self._counts.setdefault(text, 0)

    def count(self, several: str, single: str | None = None) -> None:
        """Counts one more row for a note. `single` is its wording for one row."""
        self._counts[several] = self._counts.get(several, 0) + 1
        self._single[several] = single or several.replace("rows are", "row is").replace("rows have", "row has")

    def texts(self) -> list[str]:
        """All notes; those that count begin with the number, as in `12 rows …`."""
        return [
            text if not n else f"{n:,} {self._single[text] if n == 1 else text}" for text, n in self._counts.items()
        ]


def example_warnings(task: Task, mapping: ColumnMapping, added: Sequence[str] = ()) -> list[str]:
    """Warnings about a task's examples.

    They name labels that differ for nearly every example, options that refer to other options, texts with two different
    labels, and texts that look like missing values. added: neutral options that were added to the file's own.
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
        found += _about_labels(task)
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
                'such as "all of the above"; it becomes wrong when the options change places'
            )
    first = kind.columns[0]
    nulls = Counter(same_text(example.fields[first]) for example in task.examples)
    missing = sum(count for text, count in nulls.items() if text in _NULLS or not text)
    if missing:
        found.append(
            f"{missing:,} {_texts(missing)} nothing but blanks or a mark for a missing value (nan, NULL, #N/A)"
        )
    return [note for note in found if note]


def _about_labels(task: Task) -> list[str]:
    """Notes about labels that may not be labels: marks for a missing one, labels of a single example, and joined
    labels.
    """
    counts = Counter(example.answer for example in task.examples)
    found = []
    if unsure := [label for label in counts if same_text(label) in _NULL_LABELS]:
        found.append(
            f"the label {unsure[0]!r} counts as a class; if it means that there is no label, leave it out with --labels"
        )
    single = [label for label, n in counts.items() if n == 1]
    if single and len(task.examples) >= 8 and len(single) <= len(counts) / 2:
        found.append(f"{_listed(single)} {'is the label' if len(single) == 1 else 'are labels'} of a single example")
    plain = set(map(same_text, counts))
    if joined := [one for one in counts if len(parts := _JOINED.split(same_text(one))) > 1 and set(parts) <= plain]:
        found.append(f"warning: {_listed(joined)} {'names' if len(joined) == 1 else 'name'} several other labels")
    return found


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(map(repr, labels[:3])) + (f" and {len(labels) - 3:,} more" if len(labels) > 3 else "")


def _texts(n: int) -> str:
    return "text has" if n == 1 else "texts have"
