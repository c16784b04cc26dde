"""All proxy questions of a task as files that other programs read."""

import csv
import io
import json

from neuron_core.qatt.draws import draw, questions_of
from neuron_core.qatt.export import COLUMNS, questions_csv, questions_jsonl
from neuron_core.tasks.load import load_task
from tests.builders import write_jsonl

ROWS = [
    {"question": 'Who said "a, b"?', "choices": ["Ann, of course", "Bo", "Cy", "好"], "answer": "好"},
    {"question": "Which one?", "choices": ["e", "f", "g", "h"], "answer": "h"},
]


def made(tmp_path):
    task = load_task(str(write_jsonl(tmp_path / "quiz.jsonl", ROWS))).task
    return questions_of(task, task.examples, draw(task, 0, 0, 0, "none").demonstration, 0)


def test_both_files_have_every_question_with_its_options_letter_and_exact_prompt(tmp_path):
    questions = made(tmp_path)
    lines = [json.loads(line) for line in questions_jsonl(questions).splitlines()]
    rows = list(csv.DictReader(io.StringIO(questions_csv(questions))))
    assert lines == rows
    assert [row["id"] for row in rows] == [question.id for question in questions]
    assert len(rows) == 6
    for row, question in zip(rows, questions, strict=True):
        assert tuple(row) == COLUMNS
        assert row["prompt"] == question.prompt
        assert row[row["correct"]] in ("好", "h")
        assert {row[letter] for letter in "ABCD"} in ({"Ann, of course", "Bo", "Cy", "好"}, {"e", "f", "g", "h"})


def test_text_of_other_scripts_stays_readable(tmp_path):
    assert '"好"' in questions_jsonl(made(tmp_path))
