"""Files whose content is not what their name says: read as what they are, or named as what they are."""

import gzip
import io
import json
import zipfile

import pytest

from neuron_core.errors import TaskError
from neuron_core.tasks.load import load_task
from neuron_core.tasks.table import read_table
from tests.tasks.files import parquet, xlsx

TEXTS = ["warm soup", "cold tea", "kind staff", "broken lamp"]
ROWS = [{"text": text, "label": ("good", "bad")[i % 2]} for i, text in enumerate(TEXTS)]
CSV = "text,label\n" + "".join(f"{row['text']},{row['label']}\n" for row in ROWS)
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
SHEET = xlsx({"S": [["text", "label"], *(list(row.values()) for row in ROWS)]})


def archive(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        *(("t.csv", json.dumps(ROWS), "json"), ("t.csv", LINES, "jsonl"), ("t.tsv", LINES, "jsonl")),
        *(("t.jsonl", CSV, "csv"), ("t.json", CSV, "csv"), ("t.tsv", CSV, "csv"), ("t.xlsx", CSV, "csv")),
        *(("t.json", CSV.replace(",", "\t"), "tsv"), ("t.parquet", CSV, "csv")),
        *(("t.csv", SHEET, "xlsx"), ("t.csv", parquet(ROWS), "parquet"), ("t.jsonl", parquet(ROWS), "parquet")),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 10 else "",
)
def test_a_table_is_read_by_its_content_and_that_is_said(name, content, form):
    table = read_table(content.encode() if isinstance(content, str) else content, name)
    assert (table.format, [dict(fields) for _, fields in table.rows]) == (form, ROWS)
    assert any(f"the format {form}" in note for note in table.notes)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", b"404: Not Found", "a message of a server instead of data: '404: Not Found'"),
        ("t.jsonl", b"Invalid username or password.", "a message of a server"),
        ("t.parquet", b"Entry not found", "a message of a server"),
        ("t.csv", b"Access to this dataset is restricted.\n", "a message of a server"),
        ("t.json", b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "the file is XML"),
        ("t.csv", b"\x89PNG\r\n\x1a\n\0\0", "a picture"),
        ("t.jsonl.bz2", b"BZh91AY&SY\0", "packed with bzip2.*packed with gzip"),
        ("t.csv.zst", b"\x28\xb5\x2f\xfd\0", "packed with Zstandard"),
        ("t.xz", b"\xfd7zXZ\0", "packed with xz"),
        ("t.7z", b"7z\xbc\xaf\x27\x1c", "a 7z archive.*a ZIP archive"),
        ("t.rar", b"Rar!\x1a\x07", "a RAR archive"),
        ("t.arrow", b"ARROW1\0\0\0", "an Arrow file.*Parquet"),
        ("t.db", b"SQLite format 3\0", "an SQLite database"),
        ("t.rtf", b"{\\rtf1 abc}", "a text document"),
        ("t.pkl", b"\x80\x04\x95", "a Python pickle.*CSV or Parquet"),
        ("t.npy", b"\x93NUMPY\x01", "a numpy array"),
        ("t.tar.gz", gzip.compress(b"name".ljust(257, b"\0") + b"ustar\0", mtime=0), "a TAR archive"),
        ("t.docx", archive({"[Content_Types].xml": "", "word/document.xml": ""}), "a text document"),
        ("t.ods", archive({"content.xml": ""}), "an OpenDocument file.*xlsx"),
        ("t.zip", archive({}), "the ZIP archive is empty"),
        ("t.zip", archive({"a.zip": archive({"a.csv": CSV})}), "holds another one"),
        ("t.zip", archive({"a.csv": "version https://git-lfs.github.com/spec/v1\n"}), "Git LFS pointer"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_table_is_named_as_what_it_is(name, content, said):
    with pytest.raises(TaskError, match=said):
        read_table(content, name)


@pytest.mark.parametrize("begins", ["Rar!", "BZh", "arrow1", "gif8", "forbidden", "404"])
def test_a_table_that_begins_like_another_file_is_a_table(begins):
    table = read_table(f"{begins},label\nwarm,good\ncold,bad\n".encode(), "t.csv")
    assert table.columns == (begins, "label")


def test_a_packed_file_in_an_archive_is_unpacked():
    table = read_table(archive({"a.csv.gz": gzip.compress(CSV.encode())}), "t.zip")
    assert [dict(fields) for _, fields in table.rows] == ROWS


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("train_text.txt", "train_labels.txt"),
        ("sentences.txt", "labels.txt"),
        ("notes.txt", None),
        ("labels.txt", None),
    ],
)
def test_texts_without_labels_name_the_file_of_labels(tmp_path, name, other):
    path = tmp_path / name
    path.write_text("".join(f"{text} and more\n" for text in TEXTS))
    with pytest.raises(TaskError, match=r"one text per line and no labels.*--labels-file") as caught:
        load_task(str(path))
    assert (f"perhaps {other}" in str(caught.value)) == (other is not None)


def test_labels_before_the_texts_are_read(tmp_path):
    path = tmp_path / "train.txt"
    lines = [f"__label__{row['label']} {row['text']}\n" for row in ROWS]
    path.write_text("".join([*lines, "__label__good __label__bad both\n", "neither\n"]))
    reading = load_task(str(path))
    assert [dict(e.fields) for e in reading.task.examples] == ROWS
    assert [(one.row, one.complaint) for one in reading.rejected] == [
        (5, "has 2 labels; one is needed"),
        (6, "has 0 labels; one is needed"),
    ]


def test_quotes_that_stand_for_themselves_are_plain_where_tabs_part_the_cells(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text\tlabel\n" + "".join(f'"{row["text"]}\t{row["label"]}\n' for row in ROWS))
    reading = load_task(str(path))
    assert [e.fields["text"] for e in reading.task.examples] == [f'"{text}' for text in TEXTS]
    assert any("a quote sign is a character like any other" in note for note in reading.notes)


def test_quotes_behind_a_backslash_are_quotes_inside_a_cell(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(CSV + '"a \\"fine\\" day",good\n"C:\\dir \\"x\\" y",bad\n')
    reading = load_task(str(path))
    assert [e.fields["text"] for e in reading.task.examples][4:] == ['a "fine" day']
    # The other backslashes of a cell would be lost.
    assert [one.row for one in reading.rejected] == [7]


@pytest.mark.parametrize("stands", [2, 3])
def test_where_the_names_stand_lower_the_message_says_how(tmp_path, stands):
    path = tmp_path / "t.csv"
    path.write_text("Texts,,Answers,\n" * (stands - 1) + "text,by,label,on\n" + "a,b,c,d\ne,f,g,h\n")
    with pytest.raises(TaskError, match="--header-row"):
        load_task(str(path))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_in_an_archive_are_refused():
    buffer = io.BytesIO(archive({"a.csv": CSV}))
    with zipfile.ZipFile(buffer, "a") as zipped:
        zipped.writestr("a.csv", "text,label\nother,x\n")
    with pytest.raises(TaskError, match=r"2 files called 'a\.csv'.*a name of its own"):
        read_table(buffer.getvalue(), "t.zip")
