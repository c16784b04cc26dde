"""Each file format: the same rows out of each, what each refuses, and no file that ends in a traceback."""

import gzip
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neuron_core.errors import NeuronCoreError, TaskError
from neuron_core.tasks.load import read_checked
from neuron_core.tasks.readers import FORMATS as READERS
from neuron_core.tasks.readers.source import ReadOptions
from neuron_core.tasks.table import make_table, read_table
from neuron_core.tasks.validation import validate
from tests.tasks.files import FORMATS, file_of, parquet, xlsx

ROWS = [
    {"text": 'Warm, soft, "good"', "label": "positive"},
    {"text": "two\nlines\tand a tab", "label": "neutral"},
    {"text": "it 😀 rained 👩‍👩‍👧 all day", "label": "negative"},
    {"text": "הסרט היה נהדר", "label": "positive"},
    {"text": "كان الفيلم رائعا", "label": "positive"},
    {"text": "naïve 映画 \u2028 end", "label": "neutral"},
]


def plain(table):
    return [dict(fields) for _, fields in table.rows]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_same_rows(form):
    # A TSV file has no way to write a tab or a line break.
    rows = [row for row in ROWS if not (form.startswith("tsv") and "\n" in row["text"])]
    name, content = file_of(rows, form)
    table = read_table(content, name)
    assert plain(table) == rows
    notes = ("1 row has line breaks inside a cell",) if form.startswith("csv") else ()
    assert (table.name, table.columns, table.notes) == ("t", ("text", "label"), notes)
    first = 2 if form.startswith(("csv", "tsv", "xlsx")) else 1
    assert [number for number, _ in table.rows] == list(range(first, first + len(rows)))


@pytest.mark.parametrize("form", FORMATS)
def test_a_path_and_an_upload_are_read_alike(tmp_path, form):
    name, content = file_of(ROWS, form)
    path = tmp_path / name
    path.write_bytes(content)
    assert plain(read_table(path)) == plain(read_table(content, name))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_any_line_end_and_a_chosen_encoding_give_the_same_rows(form, encoding, line_end):
    rows = [row for row in ROWS if "\n" not in row["text"]]
    name, content = file_of(rows, form)
    text = content.decode().replace("\r\n", "\n").replace("\n", line_end)
    chosen = None if encoding.startswith("utf-8") else encoding
    assert plain(read_table(text.encode(encoding), name, options=ReadOptions(encoding=chosen))) == rows


def test_a_table_of_another_code_page_is_read_when_that_is_chosen():
    content = "text,label\nкино,плохо\n".encode("cp1251")
    assert plain(read_table(content, "t.csv", options=ReadOptions(encoding="cp1251"))) == [
        {"text": "кино", "label": "плохо"}
    ]


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        ("text,label\nгуд,a\n".encode("cp1251"), None, r"not UTF-8 \(byte 11\).*line 2.*encoding=.*cp1252"),
        ("text,label\na,b\n".encode("utf-16"), None, r"not UTF-8 \(byte 0\).*line 1.*encoding=.*utf-16"),
        ("text,label\na,b\n".encode("utf-16-be"), None, r"not text \(a zero byte at character 0\).*utf-16-be"),
        ("text,label\na,b\n".encode("utf-32-le"), None, r"not text \(a zero byte at character 1\).*utf-32-le"),
        ("text,label\na,b\n".encode("utf-32-be"), None, r"not text \(a zero byte at character 0\).*utf-32-be"),
        ("text,label\na,b\n".encode("utf-16-le"), None, r"not text \(a zero byte at character 1\).*line 1.*utf-16-le"),
        (b"text,label\n\xff,b\n", "shift_jis", r"not shift_jis \(byte 11\).*line 2"),
        (b"text,label\na,b\n", "base64", r"unknown encoding 'base64'.*utf-8"),
        (b"text,label\na,b\n", "klingon", r"unknown encoding 'klingon'.*latin-1"),
        (b"", "klingon", "unknown encoding"),
        (b"text,label\na,b\n", "a\0b", "unknown encoding"),
    ],
)
def test_text_in_another_encoding_is_an_error_that_offers_to_choose_one(content, encoding, message):
    with pytest.raises(TaskError, match=message):
        read_table(content, "t.csv", options=ReadOptions(encoding=encoding))


@pytest.mark.parametrize(("mark", "said"), [(";", "semicolons"), ("\t", "tabs")])
def test_a_csv_file_with_other_separators_is_read_and_that_is_said(mark, said):
    table = read_table(f"text{mark}label\nwarm, soft{mark}good\n".encode(), "t.csv")
    assert plain(table) == [{"text": "warm, soft", "label": "good"}]
    assert table.notes == (f"the cells are separated by {said}",)


def test_a_nameless_column_is_called_by_its_place():
    table = read_table(b",text,\n0,a,b\n", "t.csv")
    assert table.columns == ("column 1", "text", "column 3")


def test_columns_as_pandas_writes_them_are_rows():
    content = b'{"text": {"0": "a", "4": "b"}, "label": {"0": "x", "4": "y"}}'
    assert plain(read_table(content, "t.json")) == [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]


def test_json_lines_in_a_json_file_are_read_and_that_is_said():
    table = read_table(b'{"text": "a"}\n\n{"text": "b"}\n', "t.json")
    assert table.rows == ((1, {"text": "a"}), (3, {"text": "b"}))
    assert table.notes == ("the file is read as one JSON object a line",)


def test_class_numbers_of_a_parquet_file_become_the_names_it_holds():
    label = {"names": ["bad", "good"], "_type": "ClassLabel"}
    features = {"text": {"dtype": "string"}, "label": label, "tags": {"feature": label, "_type": "Sequence"}}
    rows = [{"text": "a", "label": 1, "tags": [0, 1]}, {"text": "b", "label": -1, "tags": []}]
    content = parquet(rows, {"huggingface": json.dumps({"info": {"features": features}})})
    assert plain(read_table(content, "t.parquet")) == [
        {"text": "a", "label": "good", "tags": ["bad", "good"]},
        {"text": "b", "label": None, "tags": []},
    ]


@pytest.mark.parametrize(
    "note", ["", "nothing", "[]", '{"info": {"features": 3}}', '{"info": {"features": {"label": 1}}}']
)
def test_class_numbers_without_readable_names_stay_numbers(note):
    assert plain(read_table(parquet([{"label": 1}], {"huggingface": note}), "t.parquet")) == [{"label": 1}]


def test_a_sheet_has_the_row_numbers_of_the_sheet_and_whole_numbers():
    rows = [[], ["text", "label"], ["a", 5], [], ["b", 2.5], ["c", True], ["d"]]
    table = read_table(xlsx({"Empty": [], "Data": rows, "More": [["x"]]}), "t.xlsx")
    assert table.rows == (
        (3, {"text": "a", "label": 5}),
        (5, {"text": "b", "label": 2.5}),
        (6, {"text": "c", "label": True}),
        (7, {"text": "d", "label": ""}),
    )
    assert table.notes == ("only the sheet 'Data' is read; also filled: 'More' (--sheet)",)


def broken_text_column():
    buffer = io.BytesIO()
    bad = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")])
    pq.write_table(pa.table({"text": bad}), buffer)
    return buffer.getvalue()


def far_cell():
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx({"S": [["text"], ["a"]]}))) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'r="A2"', b'r="XFD1048576"'))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "text,label\na\n", r"row 2 the row has 1 cell, the header 2.*t\.csv, row 2"),
        ("t.csv", 'text,label\n"a,b\n', r"row 2 has a quote that does not close.*t\.csv, row 2"),
        ("t.json", "[[], []]", r"none of the 1 rows can be read.*row 2"),
        ("t.json", "[1]", r"not a JSON object.*t\.json, row 1"),
        ("t.json", "{}", r"neither a list of objects nor columns.*row 1"),
        ("t.json", "7", r"neither a list of objects nor columns.*row 1"),
        ("t.json", '{"text": "a"}', r"a column is not a list.*column 'text'"),
        ("t.json", '{"text": ["a"], "label": ["b", "c"]}', r"differ in their rows: 1 in 'text', 2 in 'label'.*column"),
        ("t.json", '{"a": {"0": 1}, "b": {"1": 1}}', r"differ in their rows.*column 'b'"),
        ("t.json", '[\n{"text": }]', r"not JSON: .*t\.json, line 2"),
        ("t.json", "[" * 100_000, r"not JSON: .*row 1"),
        ("t.json", "", "no rows"),
        ("t.jsonl", '{"\\ud83d": 1}', r"column name contains half a character.*column '\\ud83d'"),
        ("t.parquet", "PAR1", r"not a valid Parquet file.*t\.parquet, file"),
        ("t.parquet", broken_text_column(), r"not a valid Parquet file.*file"),
        ("t.parquet", parquet([{"a": 1}])[:-30], r"not a valid Parquet file.*file"),
        ("t.xlsx", "text,label", r"not a valid XLSX file.*t\.xlsx, file"),
        ("t.xlsx", xlsx({"S": [["text"], ["a"]]})[:-40], r"not a valid XLSX file.*file"),
        ("t.xlsx", xlsx({"S": []}), "no rows"),
        ("t.xlsx", far_cell(), r"spans 1,048,576 rows and 16,384 columns.*row 1048576.*20,000,000 cells"),
        ("t.csv.gz", "text,label\na,b\n", r"not a valid gzip file.*t\.csv\.gz"),
        ("t.csv.gz", gzip.compress(b"text,label\na,b\n", mtime=0)[:-4], r"gzip file is cut off.*t\.csv\.gz"),
        ("t.csv.gz", gzip.compress(b"text,label\na,b\n", mtime=0) + b"rest", r"not a valid gzip file"),
        ("t.gz", gzip.compress(b"text,label\na,b\n", mtime=0), r"unknown file type ''"),
        ("t.pkl", "anything", r"unknown file type '\.pkl'.*\.parquet, \.xlsx"),
    ],
)
def test_a_file_that_is_refused_says_what_and_where(name, content, message):
    with pytest.raises(TaskError, match=message):
        read_table(content.encode() if isinstance(content, str) else content, name)


@pytest.mark.parametrize("name", ["t.jsonl", "t.json"])
def test_a_number_beyond_all_floats_stays_as_it_is_written(name):
    rows = [f'{{"text": "{number}", "label": {number}}}' for number in ("1e400", "-1e400", "Infinity", "1e3")]
    content = "\n".join(rows) if name == "t.jsonl" else f"[{', '.join(rows)}]"
    assert [row["label"] for row in plain(read_table(content.encode(), name))] == ["1e400", "-1e400", "Infinity", 1000]


def test_a_gzip_file_of_several_parts_is_read_whole():
    content = gzip.compress(b"text,label\na,x\n") + gzip.compress(b"b,y\n") + b"\0\0"
    assert plain(read_table(content, "t.csv.gz")) == [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]


def test_a_binary_format_is_known_by_its_content():
    assert read_table(parquet(ROWS), "upload").format == "parquet"
    assert read_table(xlsx({"S": [["text"], ["a"]]}), "upload.bin").format == "xlsx"


def test_the_format_can_be_chosen():
    assert plain(read_table(b"text\tlabel\na\tb\n", "t.txt", options=ReadOptions(format="tsv"))) == [
        {"text": "a", "label": "b"}
    ]
    with pytest.raises(TaskError, match=r"unknown file format 'yaml'.*jsonl, csv, tsv"):
        read_table(b"", "t.txt", options=ReadOptions(format="yaml"))


# Limits


def test_an_upload_of_more_than_200_mb_is_refused(monkeypatch):
    monkeypatch.setattr("neuron_core.tasks.table.MAX_UPLOAD_BYTES", 2**20)
    content = b"text,label\n" + b"warm,good\n" * 110_000
    with pytest.raises(TaskError, match=r"the file has 1\.0 MB; that is more than the 1 MB.*by its path"):
        read_table(content, "t.csv")
    for name, packed in (("t.csv.gz", gzip.compress(content)), ("t.xlsx", xlsx({"S": [["text"], ["a" * 2**20]]}))):
        with pytest.raises(TaskError, match=r"unpacks to more than the 1 MB of an upload"):
            read_table(packed, name)
    rows = [{"text": "a" * 2**20}]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer, compression="gzip", use_dictionary=False, write_statistics=False)
    with pytest.raises(TaskError, match=r"unpacks to more than the 1 MB of an upload"):
        read_table(buffer.getvalue(), "t.parquet")


def test_the_upload_limit_is_200_mb_and_does_not_hold_for_a_path(monkeypatch, tmp_path):
    from neuron_core.tasks.readers.source import MAX_UPLOAD_BYTES

    assert MAX_UPLOAD_BYTES == 209_715_200
    monkeypatch.setattr("neuron_core.tasks.table.MAX_UPLOAD_BYTES", 4)
    path = tmp_path / "t.csv"
    path.write_bytes(b"text,label\na,b\n")
    assert len(read_table(path).rows) == 1


def test_more_than_100000_rows_are_refused_and_100000_are_not():
    lines = b"text\n" + b"a\n" * 100_000
    assert len(read_table(lines, "t.csv").rows) == 100_000
    with pytest.raises(TaskError, match=r"more than 100,000 rows.*t\.csv, row 100002.*at most 100,000 rows"):
        read_table(lines + b"a\n", "t.csv")


# Any file at all

CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
many = settings(max_examples=25, deadline=None)


def read_or_refused(content: bytes, name: str, form: str | None = None):
    """What the file gives, or None where it is refused with a place in the message."""
    try:
        return read_table(content, name, options=ReadOptions(format=form))
    except NeuronCoreError as error:
        refused = error
    assert refused.where or refused.accepted
    return None


@pytest.mark.parametrize("form", FORMATS)
@many
@given(rows=st.lists(st.tuples(CELL, st.sampled_from(["a", "b", "", " "])), min_size=1, max_size=8))
def test_any_rows_come_back_and_are_examples_or_rejected(form, rows):
    # A sheet's row without any text is no row.
    full = [row for row in rows if form != "xlsx" or any(cell.strip() for cell in row)]
    assume(full)
    name, content = file_of([{"text": text, "label": label} for text, label in rows], form)
    table = read_table(content, name)
    assert [tuple(str(v).strip() for v in f.values()) for _, f in table.rows] == [
        tuple(cell.strip() for cell in row) for row in full
    ]
    try:
        reading = validate(table, "classification")
    except NeuronCoreError:
        return
    used = [e.row for e in reading.task.examples] + [r.row for r in reading.rejected]
    assert sorted(used) == [number for number, _ in table.rows]


@pytest.mark.parametrize("form", READERS)
@many
@given(content=st.binary(max_size=120) | st.text('(2 a)\tO-B_x.{}[]",:\n\\u0', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_in_every_format(form, content):
    read_or_refused(content, "any", form)
    read_or_refused(content, "any")
    read_or_refused(gzip.compress(content), "any.gz", form)


@pytest.mark.parametrize("form", ["parquet", "xlsx", "csv.gz", "json"])
@many
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(form, data):
    name, content = file_of(ROWS, form)
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        if data.draw(st.booleans()):
            damaged[place] = data.draw(st.integers(0, 255))
        else:
            del damaged[place + 1 : place + 1 + data.draw(st.integers(0, 20))]
    read_or_refused(bytes(damaged), name)


INNER = [
    *("stem", "choices", "label", "text", "question", "value", "answers", "qas", "context", "role", "content", "from"),
    *("start", "end", "labels", "entities", "cats", "correct", "input_text", "result", "row"),
]
RECORD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(INNER), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        *("question", "choices", "answerKey", "answer", "tokens", "ner_tags", "chunk_tags", "text", "label"),
        *("paragraphs", "qas", "questions", "answers", "options", "context", "article", "messages", "conversations"),
        *("entities", "spans", "cats", "data", "annotations", "fields", "rows", "mc1_targets", "accept", "prompt"),
    ]
)
CONTENTS = [
    {"data": [{"paragraphs": [{"context": "C.", "qas": [{"question": "Q?", "answers": [{"text": "A"}]}]}]}]},
    [["Ada ran", {"entities": [[0, 3, "PER"]]}], ["warm", {"cats": {"good": 1, "bad": 0}}]],
    [{"messages": [{"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A"}]}],
    [{"article": "C.", "questions": ["Q?"], "options": [["a", "b", "c", "d"]], "answers": ["A"]}],
    [{"question": "Q? A. a B. b C. c D. d", "answer": "B"}, {"question": "Q?", "options": [{"text": "a"}]}],
    [{"data": {"text": "Ada ran"}, "annotations": [{"result": [{"value": {"choices": ["x"]}}]}]}],
    [{"text": "warm", "options": [{"id": 1, "text": "x"}], "accept": [1], "answer": "accept"}],
    {"data": {"train": [{"text": "warm", "label": "x"}]}, "rows": [{"row": {"text": "cold"}}]},
    {"columns": ["text"], "data": [["warm"]], "index": [0]},
]
"forms that are read, of which parts are replaced by anything"


@pytest.mark.parametrize("kind", ["classification", "span_typing", "chunking", "multiple_choice", "question_answer"])
@many
@given(rows=st.lists(st.dictionaries(KEYS, RECORD, min_size=1, max_size=6), min_size=1, max_size=5))
def test_records_of_any_shape_are_examples_or_rejected_or_refused(kind, rows):
    table = read_or_refused(json.dumps(rows).encode(), "any.json")
    if table is None:
        return
    try:
        reading = validate(table, kind)
    except NeuronCoreError:
        return
    assert reading.n_rows == len(table.rows) + len(table.bad)


def replaced(data, value):
    """The value with some of its parts replaced by anything."""
    if data.draw(st.integers(0, 5)) == 0:
        return data.draw(RECORD)
    if isinstance(value, list):
        return [replaced(data, item) for item in value]
    if isinstance(value, dict):
        return {key: replaced(data, item) for key, item in value.items()}
    return value


@pytest.mark.parametrize("written", [json.dumps, repr], ids=["JSON", "Python"])
@pytest.mark.parametrize("number", range(len(CONTENTS)))
@many
@given(data=st.data())
def test_a_nested_form_with_parts_of_anything_is_understood_or_refused(tmp_path_factory, number, written, data):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(written(replaced(data, CONTENTS[number])))
    understood_or_refused(path)


@pytest.mark.parametrize("result", [1, "x", None, {"a": 1}, True, [1], [{"value": 1}]])
def test_an_annotation_without_a_list_of_results_is_a_bad_row(tmp_path, result):
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps([{"data": {"text": "It rained."}, "annotations": [{"result": result}]}]))
    with pytest.raises(TaskError, match="row 1 has no finished annotation of a text"):
        read_table(path)


NAMES = st.sampled_from(
    ["text", "label", "label_id", "queue", "note", "A", "B", "answer", "question", "a b", "column 2"]
)
VALUE = st.sampled_from(["x", "1", "1.0", "nan", "-", "A. x", "it rained all day", "[[0, 2, 'x']]", "(1, 2)", "", "é"])


@many
@given(
    st.dictionaries(NAMES, st.lists(VALUE, min_size=9, max_size=9), min_size=1, max_size=5), st.sampled_from(",;\t|")
)
def test_any_table_is_understood_or_refused(tmp_path_factory, columns, between):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    rows = [list(columns), *map(list, zip(*columns.values(), strict=True))]
    path.write_text("".join(between.join(row) + "\n" for row in rows))
    understood_or_refused(path)


LINES = [
    "Ada\tB-PER",
    "Ada B-PER O",
    "ran\tO",
    "",
    " ",
    "token\ttag",
    "# id 1",
    "-DOCSTART- -X- O O",
    "1\tAda\tB-PER\tO",
]
LINES += ["__label__good warm", "__label__a __label__b x", "(2 a)", "word", '"open', "a,b", "404: Not Found", "\ufeff"]


@pytest.mark.parametrize("name", ["any.txt", "any.tsv", "any.conll", "any.csv", "any"])
@many
@given(st.lists(st.sampled_from(LINES), max_size=12))
def test_any_lines_are_understood_or_refused(tmp_path_factory, name, lines):
    path = tmp_path_factory.getbasetemp() / name
    path.write_text("\n".join(lines))
    understood_or_refused(path)


def understood_or_refused(path):
    """By the way of the command line: every row is an example or named, or the file is refused with a place."""
    try:
        reading = read_checked(str(path))
    except NeuronCoreError as error:
        refused = error
    else:
        assert reading.understood
        assert reading.n_rows == len(reading.task.examples) + len(reading.rejected)
        return
    assert refused.where or refused.accepted


def test_tables_of_text_are_read_without_the_libraries_of_other_formats():
    probe = "import sys, neuron_core.tasks.load as l; l.load_task('sentiment'); print(sorted(sys.modules))"
    found = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout
    assert "neuron_core.tasks.readers.parquet" in found
    for name in ("pyarrow", "python_calamine", "pandas", "datasets", "torch"):
        assert f"'{name}'" not in found


def test_a_table_without_rows_is_refused():
    with pytest.raises(TaskError, match=r"no rows.*t\.csv"):
        make_table("t", "t.csv", "csv", ())


def test_a_folder_can_not_be_read(tmp_path: Path):
    with pytest.raises(TaskError, match=r"can't be read: it is a pipe, a device or a folder, not a file"):
        read_table(tmp_path)


def test_byte_order_marks_of_files_that_were_joined_are_no_part_of_a_text():
    text = "\ufeff\ufefftext,label\ngood day,yes\n\ufeffbad day,no\n"
    assert [fields["text"] for _, fields in read_table(text.encode(), "t.csv").rows] == ["good day", "bad day"]
