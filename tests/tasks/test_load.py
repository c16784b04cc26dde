"""Files in, checked tasks out: every row is an example or is named with what is wrong with it."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuron_core.errors import NeuronCoreError, TaskError
from neuron_core.tasks.load import TaskReading, bundled_tasks, load_task
from tests.builders import classification_rows

HEADER = "text,label\n"
ROWS = [("The soup was warm.", "positive"), ("The train was late.", "negative")]


@pytest.fixture
def read(tmp_path):
    """`read(name, content)`: what load_task makes of a file with this content."""

    def read_it(name, content, **settings) -> TaskReading:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return load_task(str(path), **settings)

    return read_it


def texts(reading):
    return [(e.fields["text"], e.fields["label"]) for e in reading.task.examples]


def complaints(reading):
    return [(r.row, r.column, r.complaint) for r in reading.rejected]


# Formats


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.jsonl", "".join(json.dumps({"text": t, "label": label}) + "\n" for t, label in ROWS)),
        ("t.jsonl", "\n\n".join(json.dumps({"label": label, "text": t, "id": 7}) for t, label in ROWS)),
        ("t.csv", HEADER + "".join(f"{t},{label}\n" for t, label in ROWS)),
        ("t.csv", " label , text\npositive,The soup was warm.\n\nnegative,The train was late."),
        ("t.CSV", 'text,label\n"The soup was warm.","positive"\n"The train was late.",negative\n'),
        ("t.tsv", "text\tlabel\n" + "".join(f"{t}\t{label}\n" for t, label in ROWS)),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "BOM"])
def test_one_content_in_every_format_is_one_task(read, name, content, line_end, mark):
    reading = read(name, mark + content.replace("\n", line_end))
    assert texts(reading) == ROWS
    assert reading.rejected == ()
    assert (reading.task.name, reading.task.kind) == ("t", "classification")
    assert reading.task.labels == ("positive", "negative")
    assert [e.id for e in reading.task.examples] == ["869e4e0551c4", "033a626dd416"]


def test_quoted_commas_quotes_and_line_breaks_stay_in_their_cell(read):
    content = 'text,label\n"Warm, soft\nand ""good"".",positive\n"Late\r\nagain",negative\n'
    assert texts(read("t.csv", content)) == [
        ('Warm, soft\nand "good".', "positive"),
        ("Late\nagain", "negative"),
    ]


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c"])
def test_a_line_separator_inside_of_a_text_ends_no_row(read, character):
    rows = [{"text": f"one{character}two", "label": "positive"}, {"text": "three", "label": "negative"}]
    # json.dumps writes control characters as escapes; these two stand in the file as they are.
    content = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    assert texts(read("t.jsonl", content)) == [(f"one{character}two", "positive"), ("three", "negative")]
    table = HEADER + "".join(f"{row['text']},{row['label']}\n" for row in rows)
    assert texts(read("t.csv", table)) == [(f"one{character}two", "positive"), ("three", "negative")]


@pytest.mark.parametrize("cell", ['"[""a"", ""b"", ""c | d"", ""e""]"', ' "[""a"",""b"",""c | d"",""e""]"'.strip()])
def test_a_list_cell_may_be_json(read, cell):
    reading = read("t.csv", f"question,choices,answer\nWhich?,{cell},c | d\n")
    assert reading.task.examples[0].fields["choices"] == ["a", "b", "c | d", "e"]


def test_a_list_cell_may_be_parted_by_bars(read):
    reading = read("t.tsv", "question\tchoices\tanswer\nWhich?\ta|b | c|  d\tc\n")
    assert reading.task.examples[0].fields["choices"] == ["a", "b", "c", "d"]


def test_an_empty_list_cell_is_none_at_all(read):
    content = "question,answer,distractors\n" + "".join(f"Q{i}?,a{i},\n" for i in range(4)) + "Q9?,a9,x|y|z\n"
    reading = read("t.csv", content)
    assert [e.fields.get("distractors") for e in reading.task.examples] == [None] * 4 + [["x", "y", "z"]]


def test_numbers_are_texts(read):
    rows = [{"question": f"{i} + 1?", "choices": [i, i + 1, i + 2, 0.5], "answer": i + 1} for i in range(5)]
    reading = read("t.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert len(reading.task.examples) == 5
    assert reading.task.examples[1].text == "0.5 1 2 3 1 + 1?"


# Rows that are left out


def test_every_rejected_row_is_named_by_row_column_and_complaint(read):
    rows = [
        {"text": "Fine.", "label": "positive"},
        {"text": "No label."},
        {"label": "negative"},
        {"text": "Empty label.", "label": " "},
        {"text": "Null label.", "label": None},
        {"text": ["a", "list"], "label": "negative"},
        {"text": "Listed label.", "label": {"is": "negative"}},
        {"text": "half \ud83d", "label": "negative"},
        {"text": "Bad.", "label": "negative", "notes": ["kept out"]},
        {"text": "Fine.", "label": "positive"},
        {"text": "Fine.", "label": "negative"},
    ]
    reading = read("t.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert texts(reading) == [("Fine.", "positive"), ("Bad.", "negative"), ("Fine.", "negative")]
    assert [e.row for e in reading.task.examples] == [1, 9, 11]
    assert complaints(reading) == [
        (2, "label", "is missing"),
        (3, "text", "is missing"),
        (4, "label", "is empty"),
        (5, "label", "is missing"),
        (6, "text", "is not a text"),
        (7, "label", "is not a text"),
        (8, "text", "contains half a character (a lone surrogate)"),
        (10, "text", "is a duplicate of row 1"),
    ]
    assert str(reading.rejected[2]) == "row 4, column label: is empty (' ')"


def test_a_first_row_that_does_not_fit_is_left_out_like_any_other(read):
    rows = [{"text": "No label."}, *classification_rows(3)]
    reading = read("t.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert len(reading.task.examples) == 3
    assert complaints(reading) == [(1, "label", "is missing")]


def test_rows_of_a_table_count_with_the_header_as_row_1(read):
    reading = read("t.csv", 'text,label\n"a\nb",positive\n,negative\nc,negative\n')
    assert complaints(reading) == [(3, "text", "is empty")]
    assert [e.row for e in reading.task.examples] == [2, 4]


@pytest.mark.parametrize("items", [[None, "b", "c", "d"], ["a", ["b"], "c", "d"], "a, b, c, d", {"a": 1}])
def test_a_list_of_anything_but_texts_is_left_out(read, items):
    good = {"question": "Which?", "choices": ["a", "b", "c", "d"], "answer": "d"}
    reading = read("t.jsonl", json.dumps(good) + "\n" + json.dumps(good | {"choices": items}))
    assert complaints(reading) == [(2, "choices", "is not a list of texts")]


def test_when_no_row_fits_the_first_complaint_is_in_the_error(read):
    with pytest.raises(
        TaskError, match=r"none of the 2 rows fits the kind classification: row 2, column text: is empty"
    ):
        read("t.csv", "text,label\n,a\n,b\n")


# Files that are refused


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.txt", "text", r"unknown file type '\.txt'.*t\.txt.*\.jsonl, \.csv, \.tsv"),
        ("t", "text", r"unknown file type ''"),
        ("t.jsonl", "", "no rows"),
        ("t.jsonl", "\n \n", "no rows"),
        ("t.csv", "", "no rows"),
        ("t.csv", "text,label\n", "no rows"),
        ("t.csv", "\ufefftext,label\n\n\n", "no rows"),
        ("t.jsonl", '{"text": ', r"row 1 is not JSON: .*t\.jsonl, row 1"),
        ("t.jsonl", '["text"]', r"not a JSON object.*row 1"),
        ("t.jsonl", "null", r"not a JSON object.*row 1"),
        ("t.jsonl", "1" * 5000, r"not JSON: .*row 1"),
        ("t.jsonl", "[" * 100_000, r"not JSON: .*row 1"),
        ("t.csv", "text,label\na,b,c\n", r"row 2 the row has 3 cells, the header 2.*t\.csv, row 2"),
        ("t.csv", 'text,label\n"a,b\n', r"row 2 has a quote that does not close"),
        ("t.csv", 'text,label\n"a"x,b\n', r"row 2 has a quote that does not close, or text after a closing quote"),
        (
            "t.csv",
            'question,choices,answer\nq,"[""a""",a\n',
            r"none of the 1 rows.*row 2, column choices: is not a list of texts",
        ),
        (
            "t.csv",
            f"question,choices,answer\nq,{'[' * 100_000},a\n",
            r"none of the 1 rows.*row 2, column choices: is not a list of texts",
        ),
        (
            "t.csv",
            "pages,label\na,b\n",
            r"no task kind fits the columns label, pages.*classification: text, label",
        ),
        (
            "t.csv",
            "text,label\na,same\nb,same\n",
            r"the only label is 'same'.*--labels",
        ),
        ("t.csv", "question,answer\na,1\nb,2\nc,3\n", r"makes 3 different options.*--map .text=question,label=answer"),
        ("t.jsonl", "{}\n", r"no task kind fits the columns \(none\)"),
    ],
)
def test_a_file_that_is_refused_says_what_and_where(read, name, content, message):
    with pytest.raises(TaskError, match=message):
        read(name, content)


@pytest.mark.parametrize(("encoding", "byte"), [("utf-16", 0), ("latin-1", 14)])
def test_another_encoding_than_utf_8_names_the_byte(read, encoding, byte):
    with pytest.raises(TaskError, match=rf"not UTF-8 \(byte {byte}\).*t\.csv.*UTF-8 text"):
        read("t.csv", "text,label\ncafé,positive\n".encode(encoding))


def test_an_example_without_distractors_needs_enough_answers_in_the_file(read):
    rows = [
        {"question": "One?", "answer": "1", "distractors": ["a", "b", "c"]},
        {"question": "Two?", "answer": "2"},
    ]
    with pytest.raises(TaskError, match="makes 2 different options from row 2"):
        read("t.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


def test_a_file_that_can_not_be_read_is_a_task_error(read, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(TaskError, match=r"can't be read: Permission denied.*t\.csv"):
        read("t.csv", "text,label\na,b\n")


# Names and kinds


@pytest.mark.parametrize("name", ["sentimant", "", "no/such/file.csv", "x" * 5000, "~nobody-here/file.csv", "a\0b"])
def test_an_unknown_name_lists_the_bundled_tasks(name):
    with pytest.raises(
        TaskError, match=rf"one of {', '.join(bundled_tasks())}, hub:ID, or a file: \.jsonl, \.csv, \.tsv"
    ):
        load_task(name)


def test_a_folder_is_no_task(tmp_path):
    with pytest.raises(TaskError, match="no task and no file"):
        load_task(str(tmp_path))


def test_the_kind_can_be_said_instead_of_guessed(read):
    content = "question,choices,answer\n" + "".join(f"Q{i}?,a{i}|b{i}|c{i}|d{i},a{i}\n" for i in range(4))
    assert read("t.csv", content).task.kind == "multiple_choice"
    assert read("t.csv", content, kind="question_answer").task.kind == "question_answer"
    with pytest.raises(TaskError, match="unknown task kind 'sorting'"):
        read("t.csv", content, kind="sorting")
    with pytest.raises(TaskError, match="kind chunking needs the column 'sentence'"):
        read("t.csv", content, kind="chunking")


def test_three_sentiment_labels_are_asked_for_as_sentiment(read):
    rows = "".join(f"text {label},{label}\n" for label in ("neutral", "positive", "negative"))
    wording = read("t.csv", HEADER + rows).task.wording
    assert wording.question == "What is the overall sentiment of this text?"
    other = read("t.csv", HEADER + rows.replace("neutral", "mixed")).task.wording
    assert other.question == "Which label fits this text?"


# Any file at all

VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)
COLUMN = st.sampled_from(["text", "label", "sentence", "entity", "question", "answer", "choices", "distractors", "x"])
anything = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def outcome(path):
    """The reading of a file, or None where it was refused in words."""
    try:
        return load_task(str(path))
    except NeuronCoreError:
        return None


@anything
@given(st.lists(st.dictionaries(COLUMN, VALUE, max_size=6), min_size=1, max_size=8))
def test_any_jsonl_rows_are_examples_or_rejected_or_the_file_is_refused(tmp_path, rows):
    path = tmp_path / "any.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    reading = outcome(path)
    if reading is not None:
        used = [e.row for e in reading.task.examples] + [r.row for r in reading.rejected]
        assert sorted(used) == list(range(1, len(rows) + 1))


@anything
@given(
    st.lists(st.tuples(st.text(max_size=6), st.sampled_from(["a", "b", "", " "])), min_size=1, max_size=8),
    st.sampled_from(["csv", "tsv"]),
)
def test_any_cells_of_a_table_are_examples_or_rejected_or_the_file_is_refused(tmp_path, rows, suffix):
    buffer = io.StringIO(newline="")
    if suffix == "csv":
        csv.writer(buffer).writerows([("text", "label"), *rows])
    else:
        # No tab and no line break can stand in a cell; a quote sign is a character like any other.
        rows = [("".join(text.split()), label) for text, label in rows]
        buffer.write("".join(f"{text}\t{label}\n" for text, label in [("text", "label"), *rows]))
    path = tmp_path / f"any.{suffix}"
    path.write_bytes(buffer.getvalue().encode(errors="surrogatepass"))
    reading = outcome(path)
    if reading is not None:
        used = [e.row for e in reading.task.examples] + [r.row for r in reading.rejected]
        assert sorted(used) == list(range(2, len(rows) + 2))


@anything
@given(st.one_of(st.binary(max_size=200), st.text('{}[]",:\n\r\ttexlab|\\u0', max_size=80).map(str.encode)))
@pytest.mark.parametrize("suffix", ["jsonl", "csv", "tsv"])
def test_any_bytes_are_read_or_refused_in_words(tmp_path, suffix, content):
    path = tmp_path / f"any.{suffix}"
    path.write_bytes(content)
    outcome(path)
