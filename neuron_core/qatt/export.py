"""Proxy questions as JSON lines and CSV, for other programs."""

import csv
import io
import json
from collections.abc import Iterable

from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.tasks.task import LETTERS

COLUMNS = ("id", "example_id", "stem", *LETTERS, "correct", "prompt")


def question_row(question: ProxyQuestion) -> dict[str, str]:
    """A question as a row of COLUMNS, with its options by letter, the correct letter and the exact prompt."""
    options = {option.letter: option.text for option in question.options}
    head = {"id": question.id, "example_id": question.example_id, "stem": question.stem}
    return {**head, **options, "correct": LETTERS[question.target], "prompt": question.prompt}


def questions_jsonl(questions: Iterable[ProxyQuestion]) -> str:
    """The questions as JSON lines, one object per question."""
    return "".join(json.dumps(question_row(question), ensure_ascii=False) + "\n" for question in questions)


def questions_csv(questions: Iterable[ProxyQuestion]) -> str:
    """The questions as CSV with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(question_row, questions))
    return text.getvalue()
