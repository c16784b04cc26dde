"""Which parts a file has: sheets, files of an archive, lists of a JSON object. Each is then read by its name."""

import gzip
import io
import json
import zipfile

import pytest

from neuron_core.tasks.parts import parts_of
from neuron_core.tasks.readers.source import ReadOptions
from neuron_core.tasks.table import read_table
from tests.tasks.files import xlsx

ROWS = [{"text": "warm", "label": "good"}, {"text": "cold", "label": "bad"}]
TABLE = "text,label\nwarm,good\ncold,bad\n"
SHEET = [["text", "label"], ["warm", "good"], ["cold", "bad"]]


def archive(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("t.xlsx", xlsx({"One": SHEET, "Two": SHEET}), ("One", "Two")),
        ("t.zip", archive({"a.csv": TABLE, "d/b.csv": TABLE}), ("a.csv", "d/b.csv")),
        ("t.zip", archive({"a.csv": TABLE, "__MACOSX/a.csv": "x", ".hidden": "x"}), ("a.csv",)),
        ("t.json", json.dumps({"train": ROWS, "test": ROWS, "n": 2}).encode(), ("train", "test")),
        ("t.json", json.dumps({"data": {"train": ROWS, "test": ROWS}}).encode(), ("data.train", "data.test")),
        ("t.json.gz", gzip.compress(json.dumps({"train": ROWS}).encode()), ("train",)),
    ],
    ids=["workbook", "archive", "archive of a Mac", "lists", "lists below a key", "packed"],
)
def test_the_parts_of_a_file_are_its_readers_parts(tmp_path, name, content, parts):
    assert parts_of(content, name) == parts
    path = tmp_path / name
    path.write_bytes(content)
    assert parts_of(path) == parts_of(str(path)) == parts
    table = read_table(path, options=ReadOptions(part=parts[0]))
    assert [dict(fields) for _, fields in table.rows] == ROWS


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", TABLE.encode()),
        ("t.json", json.dumps(ROWS).encode()),
        ("t.json", b"{"),
        ("t.json", b"[" * 100_000),
        ("t.json.gz", b"\x1f\x8bnothing"),
        ("t.xlsx", xlsx({"One": SHEET})[:200]),
        ("t.zip", archive({})),
        ("t.xlsx", archive({"[Content_Types].xml": "<x/>"})),
        ("t.xlsx", archive({"[Content_Types].xml": "<x/>", "xl/workbook.xml": "<x"})),
        ("t", b""),
    ],
    ids=["CSV", "a list", "no JSON", "deep JSON", "no gzip", "half", "empty", "no workbook", "no XML", "nothing"],
)
def test_what_has_no_parts_has_none_and_what_is_wrong_with_it_is_left_to_the_reader(name, content):
    assert parts_of(content, name) == ()


@pytest.mark.parametrize("path", ["no/such/file.zip", "~nobody/x.zip", "a\0b", "."])
def test_what_is_no_file_has_no_parts(path):
    assert parts_of(path) == ()
