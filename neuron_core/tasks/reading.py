"""The result of checking a file: the task made of its good rows, and every rejected row with its reason."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

from neuron_core.errors import TaskError
from neuron_core.tasks.kinds import get_kind
from neuron_core.tasks.kinds.base import CONTEXT
from neuron_core.tasks.mapping import ColumnMapping
from neuron_core.tasks.task import Example, Task


@dataclass(frozen=True)
class Rejected:
    """A row that is not used, and the reason."""

    row: int
    column: str
    "the column's name in the file; several names are joined by +"
    value: str
    complaint: str
    rule: str = ""
    "the kind of complaint; rejected rows are counted by it"
    accepted: str = ""
    example: str = ""
    "id of the example, if the row was rejected after it had become one"

    def __str__(self) -> str:
        column = f", column {self.column}:" if self.column else ""
        return f"row {self.row}{column} {self.complaint} ({self.value[:60]!r})"


class NoGoodRow(TaskError):
    """No row of the file fits the kind. `rejected` lists every row."""

    def __init__(self, what: str, rejected: tuple[Rejected, ...], *, where: str) -> None:
        super().__init__(what, where=where, accepted=rejected[0].accepted or None)
        self.rejected = rejected


@dataclass(frozen=True)
class TaskReading:
    """The task made of a file's good rows, and the rejected rows. Together they account for every row."""

    task: Task
    rejected: tuple[Rejected, ...]
    notes: tuple[str, ...] = ()
    "how the file was read, where the file leaves it open"
    mapping: ColumnMapping = field(default_factory=dict)
    "column of the kind → column of the file"
    unused: tuple[str, ...] = ()
    "columns of the file that hold values and are used in no question"
    fits: str | None = None
    "the model whose context was checked to hold all prompts; None if that was not checked"

    @property
    def n_rows(self) -> int:
        return len(self.task.examples) + len(self.rejected)

    @property
    def understood(self) -> str:
        """One line that says how the file was understood."""
        task = self.task
        what = f"{len(task.labels)}-label {task.kind}" if task.labels else task.kind
        columns = ", ".join(f"{field} = {joined_names(column)}" for field, column in self.mapping.items())
        return f"{what.replace('_', ' ')}; {columns}; {len(task.examples):,} of {self.n_rows:,} rows"

    @property
    def counts(self) -> dict[str, int]:
        """Number of rejected rows by rule, the most frequent rule first."""
        return dict(Counter(row.rule for row in self.rejected).most_common())

    @cached_property
    def n_texts(self) -> int:
        """Number of different texts among the examples. A run draws at most one example of each text."""
        return len({example.text for example in self.task.examples})

    @cached_property
    def n_trimmed(self) -> int:
        """Number of examples with more than four options. The seed decides which wrong options are dropped."""
        return sum(_given(example) > 4 for example in self.task.examples)


def too_long(task: Task, count_tokens: Callable[[Example], int], limit: int) -> tuple[Rejected, ...]:
    """Rejects the examples whose longest prompt, as `count_tokens` counts it, has more than `limit` tokens."""
    column = get_kind(task.kind).columns[0]
    found = []
    for example in task.examples:
        count = count_tokens(example)
        if count > limit:
            complaint = f"makes a prompt of {count} tokens; the model's context is {limit}"
            value = str(example.fields[column])
            accepted = f"at most {limit} tokens"
            found.append(Rejected(example.row, column, value, complaint, "too long", accepted, example.id))
    return tuple(found)


def leave_out(reading: TaskReading, rejected: Iterable[Rejected]) -> TaskReading:
    """The reading without examples that were rejected later. Raises NoGoodRow if no example is left."""
    more = tuple(rejected)
    gone = {row.example for row in more}
    examples = tuple(example for example in reading.task.examples if example.id not in gone)
    task = replace(reading.task, examples=examples)
    everything = tuple(sorted((*reading.rejected, *more), key=lambda row: row.row))
    if not examples:
        raise NoGoodRow(f"no example is left: {more[0]}", everything, where=task.source)
    require_four_options(task)
    return replace(reading, task=task, rejected=everything)


def joined_names(columns: str | tuple[str, ...]) -> str:
    """The name of a column; several names are joined by +."""
    return columns if isinstance(columns, str) else "+".join(columns)


def require_four_options(task: Task, mapping: ColumnMapping | None = None) -> None:
    """Raises TaskError if the kind cannot make four different options.

    Options come from the labels, or from an example's own distractors. One example of each sort is tried.
    """
    kind = get_kind(task.kind)
    alone = kind.label_column and len(task.labels) == 1 and not all("distractors" in e.fields for e in task.examples)
    if alone:
        raise TaskError(
            f"the only label is {task.labels[0]!r}",
            where=task.source,
            accepted="two or more labels; name the others with --labels a,b,c",
        )
    for example in {"distractors" in example.fields: example for example in reversed(task.examples)}.values():
        made = len(set(kind.options(example, task, 0)))
        if made < 4:
            raise TaskError(
                f"the kind {kind.name} makes {made} different options from row {example.row}, not four",
                where=task.source,
                accepted=_more_options(task, mapping or {}),
            )


def _more_options(task: Task, mapping: ColumnMapping) -> str:
    if task.kind != "question_answer" or not {"question", "answer"} <= set(mapping):
        return "two or more labels, four or more answers, or a column of distractors"
    text = "+".join(joined_names(mapping[field]) for field in (CONTEXT, "question") if field in mapping)
    return (
        "four or more different answers, a column of distractors, or answers as labels: --kind classification "
        f'--map "text={text},label={joined_names(mapping["answer"])}"'
    )


def _given(example: Example) -> int:
    for column, more in (("distractors", 1), ("choices", 0)):
        if column in example.fields:
            return len(example.fields[column]) + more
    return 0
