"""What defines a task kind: its columns, the check of a row, the question's text and the rule for wrong options."""

import hashlib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neuron_core.tasks.task import Example, Task, Wording

Fields = Mapping[str, Any]
A_LIST = '["a", "b", "c", "d"] or a | b | c | d'
_NUMBERS = ("no", "one", "two", "three")


FILLERS = ("not sure", "none of these", "something else", "no answer")
"neutral options, in the order in which they are added"
CONTEXT = "context"
"optional column with a second text, such as the passage that a question is about"


def one_line(text: Any) -> str:
    """The text on one line: all white space, line breaks included, becomes single spaces."""
    return " ".join(str(text).split())


def same_text(text: Any) -> str:
    """A key that is equal for texts that look the same to a reader.

    Case, spaces, invisible characters and the encoding of accented letters make no difference.
    """
    plain = unicodedata.normalize("NFKC", str(text))
    return " ".join("".join(char for char in plain if unicodedata.category(char) != "Cf").casefold().split())


def with_context(stem: str, example: Example) -> str:
    """The stem, followed by a line with the example's context if it has one."""
    context = one_line(example.fields.get(CONTEXT, ""))
    return f"{stem}\nContext: {context}" if context else stem


@dataclass(frozen=True)
class Problem:
    """Why a row can't be an example.

    rule: the kind of problem, by which rejected rows are counted. complaint: what is wrong with this row. accepted:
    what would fit.
    """

    column: str
    rule: str
    complaint: str
    accepted: str = ""


@dataclass(frozen=True)
class TaskKind:
    """A kind of task, such as classification or multiple choice.

    columns: the required columns of a row. `problem(fields)` returns the first problem of a row that has them, or None.
    `stem(example, wording)` is the text after "Question:". `wrong(example, task, seed)` returns the wrong options of an
    example without a `distractors` column: three, or fewer if there are not enough.
    """

    name: str
    columns: tuple[str, ...]
    wording: Wording
    problem: Callable[[Fields], Problem | None]
    stem: Callable[[Example, Wording], str]
    wrong: Callable[[Example, Task, int], tuple[str, ...]]
    label_column: str | None = None
    optional: tuple[str, ...] = ()
    "further columns that a row may have; the stem shows them"
    fillers: tuple[str, ...] = ()
    "neutral options that are added if there are fewer than three wrong options"
    written: Callable[[Any], str] = one_line
    "turns an option into the text that the prompt shows"

    @property
    def answer_column(self) -> str:
        """The column that holds the correct option."""
        return self.label_column or "answer"

    def check(self, fields: Fields) -> Problem | None:
        """The first problem of a row that has all required columns; its own distractors come last."""
        return self.problem(fields) or self._check_distractors(fields)

    def options(self, example: Example, task: Task, seed: int) -> tuple[str, ...]:
        """The correct option, followed by three wrong ones: the row's own distractors, or options by the kind's rule.

        The seed draws three of more distractors. Neutral options are added to fewer. If there are not enough of either,
        fewer than four options are returned.
        """
        correct = self.written(example.fields[self.answer_column])
        if "distractors" in example.fields:
            wrong = pick(self._distinct(example.fields["distractors"], correct), 3, seed, example.id)
        else:
            wrong = self.wrong(example, task, seed)
        taken = {same_text(option) for option in (correct, *wrong)}
        fillers = [filler for filler in self.fillers if filler not in taken]
        return (correct, *wrong, *fillers[: 3 - len(wrong)])

    def _distinct(self, texts: Sequence[Any], correct: str) -> tuple[str, ...]:
        return tuple(text for text in dict.fromkeys(map(self.written, texts)) if text != correct)

    def _check_distractors(self, fields: Fields) -> Problem | None:
        given = fields.get("distractors")
        if given is None:
            return None
        if not isinstance(given, list | tuple):
            return Problem("distractors", "not a list", "is not a list of texts", A_LIST)
        correct = self.written(fields[self.answer_column])
        wrong = self._distinct(given, correct)
        taken = {same_text(option) for option in (correct, *wrong)}
        least = 3 - sum(filler not in taken for filler in self.fillers)
        accepted = f"{_NUMBERS[max(least, 1)]} or more texts that differ from the answer and from one another"
        if "" in wrong:
            return Problem("distractors", "empty", "has an empty text", accepted)
        if len(wrong) < max(least, 1):
            needed = f"{_NUMBERS[max(least, 1)]} {'is' if least <= 1 else 'are'} needed"
            complaint = f"has {len(wrong)} texts that differ from the answer; {needed}"
            return Problem("distractors", "too few options", complaint, accepted)
        return None


def empty(fields: Fields, columns: Sequence[str]) -> Problem | None:
    """The problem of the first column that holds nothing but white space; None if every column has a text."""
    blank = next((c for c in columns if not str(fields[c]).strip()), None)
    return Problem(blank, "empty", "is empty", "a text") if blank else None


def pick(items: Sequence[str], count: int, seed: int, key: str) -> tuple[str, ...]:
    """Draws `count` of `items` without replacement, by a hash of (seed, key, item)."""
    ranked = sorted(items, key=lambda item: hashlib.sha256(f"{seed}|{key}|{item}".encode()).hexdigest())
    return tuple(ranked[:count])
