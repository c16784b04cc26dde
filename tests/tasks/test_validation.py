"""Every row an example or rejected: one case a rule."""

import csv
import io
import json

import pytest

from neuron_core.errors import TaskError
from neuron_core.tasks.export import examples_jsonl, rejected_csv, report, report_text
from neuron_core.tasks.load import load_task
from neuron_core.tasks.reading import NoGoodRow, leave_out, too_long
from neuron_core.tasks.table import make_table, read_table
from neuron_core.tasks.validation import validate

CHOICE = {"question": "Where?", "choices": ["a", "b", "c", "d"], "answer": "c"}
SPAN = {"sentence": "Ada was born in London", "entity": "London", "label": "place"}
CHUNKS = {"sentence": "A fox ran home", "answer": "[NP A fox] [VP ran] [ADVP home]"}
ASKED = {"question": "Which?", "answer": "this", "distractors": ["that", "these", "those"]}


def table_of(rows, first=2):
    return make_table("t", "t.csv", "csv", tuple(enumerate(rows, start=first)))


def good_rows(kind):
    """Enough rows for four options."""
    return {
        "classification": [{"text": "Fine.", "label": "good"}, {"text": "Bad.", "label": "bad"}],
        "span_typing": [{**SPAN, "label": label} for label in ("place", "person", "art", "event")],
        "chunking": [CHUNKS],
        "multiple_choice": [CHOICE],
        "question_answer": [ASKED],
    }[kind]


@pytest.mark.parametrize(
    ("kind", "row", "column", "rule", "complaint"),
    [
        ("classification", {"text": "x"}, "label", "missing", "is missing"),
        ("classification", {"text": None, "label": "good"}, "text", "missing", "is missing"),
        ("classification", {"text": float("nan"), "label": "good"}, "text", "missing", "is missing"),
        ("classification", {"text": " \n", "label": "good"}, "text", "empty", "is empty"),
        ("classification", {"text": "x", "label": ["good", "bad"]}, "label", "not a text", "is not a text"),
        ("classification", {"text": b"x", "label": "good"}, "text", "not a text", "is not a text"),
        (
            "classification",
            {"text": "\ud83d", "label": "good"},
            "text",
            "broken character",
            "contains half a character",
        ),
        ("classification", {"text": "Fine.", "label": "good"}, "text", "duplicate", "is a duplicate of row 2"),
        ("span_typing", {**SPAN, "entity": "Paris"}, "entity", "entity not in sentence", "does not occur"),
        ("span_typing", {**SPAN, "entity": ""}, "entity", "empty", "is empty"),
        ("chunking", {**CHUNKS, "answer": "[NP A]"}, "answer", "other words than the sentence", "does not have"),
        ("chunking", {"sentence": "Go", "answer": "[VP Go]"}, "answer", "too few options", "allows 1 wrong"),
        ("multiple_choice", {**CHOICE, "choices": ["c"]}, "choices", "too few options", "fewer than two distinct"),
        (
            "multiple_choice",
            {**CHOICE, "choices": ["c", "c "]},
            "choices",
            "too few options",
            "fewer than two distinct",
        ),
        ("multiple_choice", {**CHOICE, "choices": []}, "choices", "too few options", "fewer than two distinct"),
        ("multiple_choice", {**CHOICE, "choices": ["c", "d", "e"]}, "choices", "too few options", "has 3 choices"),
        ("multiple_choice", {**CHOICE, "choices": list("abcc")}, "choices", "same option twice", "same choice twice"),
        ("multiple_choice", {**CHOICE, "choices": ["a", "", "c", "d"]}, "choices", "empty", "has an empty choice"),
        ("multiple_choice", {**CHOICE, "choices": "a, b, c"}, "choices", "not a list", "is not a list of texts"),
        ("multiple_choice", {**CHOICE, "choices": "[a, b"}, "choices", "not a list", "is not a list of texts"),
        ("multiple_choice", {**CHOICE, "choices": ["a", ["b"]]}, "choices", "not a list", "is not a list of texts"),
        (
            "multiple_choice",
            {**CHOICE, "answer": "e"},
            "answer",
            "answer not among options",
            "is not one of the choices",
        ),
        ("multiple_choice", {**CHOICE, "answer": ""}, "answer", "empty", "is empty"),
        ("question_answer", {**ASKED, "distractors": ["a", "b", "a"]}, "distractors", "too few options", "has 2 texts"),
        ("question_answer", {**ASKED, "distractors": "a | b | this"}, "distractors", "too few options", "has 2 texts"),
        (
            "multiple_choice",
            {**CHOICE, "distractors": ["x", "y", "y", "c"]},
            "distractors",
            "too few options",
            "has 2 texts that differ from the answer; three are needed",
        ),
        (
            "classification",
            {"text": "x", "label": "good", "distractors": ["good "]},
            "distractors",
            "too few options",
            "has 0 texts that differ from the answer; one is needed",
        ),
        ("classification", {"text": "x", "label": "good", "distractors": "bad"}, "distractors", "not a list", "list"),
        (
            "chunking",
            {**CHUNKS, "distractors": ["[NP A] [NP fox] ran home", "[NP A fox ran]", "[VP A fox ran home]"]},
            "distractors",
            "other words than the sentence",
            "does not have the words of the sentence",
        ),
    ],
)
def test_a_row_is_rejected_by_its_rule(kind, row, column, rule, complaint):
    good = good_rows(kind)
    reading = validate(table_of([*good, row]), kind)
    assert [dict(e.fields) for e in reading.task.examples] == good
    (rejected,) = reading.rejected
    assert (rejected.row, rejected.column, rejected.rule) == (len(good) + 2, column, rule)
    assert complaint in rejected.complaint
    assert rejected.accepted
    assert reading.counts == {rule: 1}
    assert reading.n_rows == len(good) + 1


def test_an_unknown_label_is_rejected_when_the_labels_are_given():
    rows = [{"text": f"text {i}", "label": label} for i, label in enumerate(["good", "bad ", "Good", "meh"])]
    reading = validate(table_of(rows), "classification", labels=["bad", "good", "neutral"])
    assert [(e.row, e.answer) for e in reading.task.examples] == [(2, "good"), (3, "bad"), (4, "good")]
    assert [(r.row, r.rule, r.value, r.accepted) for r in reading.rejected] == [
        (5, "unknown label", "meh", "bad, good, neutral"),
    ]
    assert reading.task.labels == ("bad", "good", "neutral")


@pytest.mark.parametrize(
    ("kind", "labels"), [("classification", []), ("classification", ["a", " "]), ("chunking", ["a"])]
)
def test_labels_that_can_be_none_are_refused(kind, labels):
    with pytest.raises(TaskError, match="Where: labels"):
        validate(table_of(good_rows(kind)), kind, labels=labels)


def test_a_rejected_row_names_the_column_of_the_file():
    rows = [{"review": "", "stars": 1}, {"review": "Fine.", "stars": 2}, {"review": "Bad.", "stars": 1}]
    (rejected,) = validate(table_of(rows), "classification").rejected
    assert str(rejected) == "row 2, column review: is empty ('')"
    rows = [{"q": "Where?", **dict(zip("ABCD", "aacd", strict=True)), "answer": "c"}]
    rows.append(rows[0] | {"B": "b"})
    mapping = {"question": "q", "choices": ("A", "B", "C", "D"), "answer": "answer"}
    (rejected,) = validate(table_of(rows), "multiple_choice", mapping).rejected
    assert (rejected.row, rejected.column, rejected.rule) == (2, "A+B+C+D", "same option twice")


# Options and answers


@pytest.mark.parametrize(
    "cell", ['["a", "b", "c", "d"]', "['a', 'b', 'c', 'd']", "a|b | c|d", ("a", "b", "c", "d"), "('a')|b|c|d"]
)
def test_a_list_is_read_as_json_as_python_writes_it_and_by_bars(cell):
    (example,) = validate(table_of([{**CHOICE, "choices": cell}]), "multiple_choice").task.examples
    assert example.fields["choices"][1:] == ["b", "c", "d"]


@pytest.mark.parametrize(
    ("answers", "note"),
    [
        (["a0", "b1", "d2"], None),
        (["A", "B", "D"], "letters"),
        (["a", "b", "d"], "letters"),
        (["(A)", "B.", "D)"], "letters"),
        ([0, 1, 3], "from 0"),
        (["1", "2", "4"], "from 1"),
        ([1.0, 2.0, 4.0], "from 1"),
    ],
)
def test_an_answer_is_a_text_a_letter_or_a_place(answers, note):
    rows = [{"question": f"Q{i}?", "choices": [f"{c}{i}" for c in "abcd"], "answer": a} for i, a in enumerate(answers)]
    reading = validate(table_of(rows), "multiple_choice")
    assert [e.fields["answer"] for e in reading.task.examples] == ["a0", "b1", "d2"]
    assert [note in said for said in reading.notes] == ([True] if note else [])


def test_places_that_may_count_from_0_or_from_1_must_be_said():
    rows = [{"question": f"Q{i}?", "choices": list("abcd"), "answer": i} for i in (1, 2, 3)]
    with pytest.raises(TaskError, match=r"count from 0 or from 1.*column answer.*'index0' or 'index1'"):
        validate(table_of(rows), "multiple_choice")
    for form, found in (("index0", ["b", "c", "d"]), ("index1", ["a", "b", "c"])):
        reading = validate(table_of(rows), "multiple_choice", answers=form)
        assert [e.fields["answer"] for e in reading.task.examples] == found
    with pytest.raises(TaskError, match=r"unknown form of answers 'roman'.*text, letter, index0, index1"):
        validate(table_of(rows), "multiple_choice", answers="roman")


def test_numbers_that_are_themselves_choices_are_texts():
    rows = [{"question": "2 + 1?", "choices": [1, 2, 3, 4], "answer": 3}]
    assert validate(table_of(rows), "multiple_choice").task.examples[0].fields["answer"] == 3


def test_an_answer_beyond_the_choices_or_at_an_empty_one_is_rejected():
    header = {"question": "Q?", "A": "a", "B": "b", "C": "c", "D": "d", "E": "", "answer": "C"}
    rows = [header, {**header, "answer": "E"}, {**header, "answer": "F"}, {**header, "B": "", "E": "e", "answer": "E"}]
    reading = validate(table_of(rows), "multiple_choice")
    assert [(e.fields["choices"], e.fields["answer"]) for e in reading.task.examples] == [
        (["a", "b", "c", "d"], "c"),
        (["a", "c", "d", "e"], "e"),
    ]
    assert [(r.row, r.rule) for r in reading.rejected] == [
        (3, "answer not among options"),
        (4, "answer not among options"),
    ]


def test_examples_with_more_than_four_options_are_counted():
    rows = [CHOICE, {**CHOICE, "choices": list("abcde")}, {**CHOICE, "choices": list("abcdef")}]
    assert validate(table_of(rows), "multiple_choice").n_trimmed == 2
    rows = [ASKED, {**ASKED, "distractors": ["1", "2", "3", "4"]}]
    assert validate(table_of(rows), "question_answer").n_trimmed == 1


def test_of_choices_and_distractors_the_distractors_count():
    rows = [{**CHOICE, "distractors": ["1", "2", "3"]}, {**CHOICE, "distractors": ["1", "2", "3", "4"]}]
    assert validate(table_of(rows), "multiple_choice").n_trimmed == 1


def test_examples_that_share_a_sentence_are_no_duplicates_and_are_said():
    rows = [{**SPAN, "entity": entity, "label": label} for entity, label in (("London", "place"), ("Ada", "person"))]
    rows += [{"sentence": f"Number {i}", "entity": "Number", "label": f"sort {i}"} for i in range(2)]
    reading = validate(table_of([*rows, {**SPAN, "label": "event"}]), "span_typing")
    assert (len(reading.task.examples), reading.n_texts, reading.rejected) == (5, 3, ())
    said = "3 different texts among the examples; a run draws at most one example of each text"
    assert said in report_text(report(reading)).split("\n")


# Too long


def test_an_example_whose_prompt_is_too_long_is_named_and_left_out():
    rows = [{"text": "x" * n, "label": label} for n, label in ((5, "good"), (50, "bad"), (10, "bad"), (0, "bad"))]
    reading = validate(table_of(rows), "classification")
    found = too_long(reading.task, lambda example: len(example.fields["text"]), 10)
    assert [(r.row, r.column, r.rule) for r in found] == [(3, "text", "too long")]
    assert found[0].complaint == "makes a prompt of 50 tokens; the model's context is 10"
    shorter = leave_out(reading, found)
    assert [e.row for e in shorter.task.examples] == [2, 4]
    assert [(r.row, r.rule) for r in shorter.rejected] == [(3, "too long"), (5, "empty")]
    assert shorter.n_rows == reading.n_rows == 4
    with pytest.raises(NoGoodRow, match="no example is left: row 2") as caught:
        leave_out(reading, too_long(reading.task, lambda example: 11, 10))
    assert len(caught.value.rejected) == 4


# Files out


def test_rejected_rows_are_written_as_csv_that_is_read_back():
    rows = [*good_rows("classification"), {"text": 'a "b", c', "label": ""}, {"text": "half \ud83d", "label": "good"}]
    content = rejected_csv(validate(table_of(rows), "classification").rejected)
    assert list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")))) == [
        {"row": "4", "column": "label", "value": "", "reason": "is empty", "accepted": "a text"},
        {
            "row": "5",
            "column": "text",
            "value": "half \\ud83d",
            "reason": "contains half a character (a lone surrogate)",
            "accepted": "whole characters",
        },
    ]
    assert read_table(content, "rejected.csv").columns == ("row", "column", "value", "reason", "accepted")


@pytest.mark.parametrize("kind", ["classification", "span_typing", "chunking", "multiple_choice", "question_answer"])
def test_the_good_rows_written_are_the_same_task(tmp_path, kind):
    task = validate(table_of(good_rows(kind)), kind).task
    path = tmp_path / "good.jsonl"
    path.write_bytes(examples_jsonl(task))
    again = load_task(str(path))
    assert again.rejected == ()
    assert (again.task.kind, again.task.labels, again.task.fingerprint) == (kind, task.labels, task.fingerprint)


def test_the_error_that_no_row_fits_has_them_all():
    with pytest.raises(NoGoodRow, match=r"none of the 2 rows fits.*row 2, column text: is empty.*t\.csv") as caught:
        validate(table_of([{"text": "", "label": "a"}, {"text": "x", "label": None}]), "classification")
    assert [(r.row, r.rule) for r in caught.value.rejected] == [(2, "empty"), (3, "missing")]


def test_the_report_is_json_and_text():
    rows = [*good_rows("classification"), {"text": "", "label": "a"}, {"text": " ", "label": "b"}, {"text": "Bad."}]
    result = report(validate(table_of(rows), "classification"))
    assert json.loads(json.dumps(result)) == {
        "file": "t.csv",
        "kind": "classification",
        "mapping": {"text": "text", "label": "label"},
        "n_rows": 5,
        "n_examples": 2,
        "n_texts": 2,
        "labels": ["good", "bad"],
        "n_trimmed": 0,
        "understood": "2-label classification; text = text, label = label; 2 of 5 rows",
        "unused": [],
        "notes": [],
        "fits": None,
        "counts": {"empty": 2, "missing": 1},
        "rejected": [
            {"row": 4, "column": "text", "value": "", "rule": "empty", "reason": "is empty", "accepted": "a text"},
            {"row": 5, "column": "text", "value": " ", "rule": "empty", "reason": "is empty", "accepted": "a text"},
            {"row": 6, "column": "label", "value": "", "rule": "missing", "reason": "is missing", "accepted": "a text"},
        ],
    }
    assert report_text(result).split("\n") == [
        "t.csv: 5 rows, 2 examples, 3 rejected",
        "kind classification; text = text, label = label",
        "2 labels: good, bad",
        "the length of prompts was not checked",
        "2 rejected: empty",
        "1 rejected: missing",
        "row 4, column text: is empty (''); accepted: a text",
        "row 5, column text: is empty (' '); accepted: a text",
        "row 6, column label: is missing (''); accepted: a text",
    ]
