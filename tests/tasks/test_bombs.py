"""Small files that would take hours or all memory: refused within a moment, whatever they claim."""

import io
import json
import os
import struct
import time
import tracemalloc
import zipfile
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neuron_core.errors import TaskError
from neuron_core.tasks.cells import listed
from neuron_core.tasks.parts import parts_of
from neuron_core.tasks.readers import xlsx_bounds
from neuron_core.tasks.readers.source import MAX_CELL, MAX_NAME
from neuron_core.tasks.table import read_table
from tests.tasks.files import FORMATS, file_of, xlsx

SECONDS, MEGABYTES = 5.0, 40


def refused(data: bytes, name: str, megabytes: int = MEGABYTES) -> str:
    """How a file is refused. It takes neither time nor memory."""
    began = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(TaskError) as found:
            read_table(data, name)
        parts_of(data, name)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.process_time() - began < SECONDS
    assert peak < megabytes << 20
    return str(found.value)


def workbook(sheet: str = "", *, shared: str = "", merged: str = "", twice: bool = False) -> bytes:
    """A workbook whose only sheet has these cells."""
    whole = xlsx({"S": [["text", "label"]], "T": [["text", "label"]]} if twice else {"S": [["text", "label"]]})
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            text = old.read(name).decode()
            if name.endswith("sheet1.xml"):
                text = text.replace("</sheetData>", f"{sheet}</sheetData>{merged}")
            if name.endswith("workbook.xml.rels"):
                text = text.replace("sheet2.xml", "sheet1.xml")
                kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
                own = f'<Relationship Id="s1" Type="{kind}" Target="sharedStrings.xml"/></Relationships>'
                text = text.replace("</Relationships>", own)
            new.writestr(name, text)
        main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        new.writestr("xl/sharedStrings.xml", f'<sst xmlns="{main}">{shared}</sst>')
    return made.getvalue()


def rows(n: int, text: str = "<v>1</v>", kind: str = "") -> str:
    return "".join(
        f'<row r="{r}"><c r="A{r}"{kind}>{text}</c><c r="B{r}"{kind}>{text}</c></row>' for r in range(2, n + 2)
    )


def lying(data: bytes, name: str, size: int) -> bytes:
    """The archive, of which both headers say that an entry has this size, with the checksum of so many bytes."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        crc = zlib.crc32(archive.read(name)[:size])
    made, at = bytearray(data), 0
    while (at := made.find(name.encode(), at)) >= 0:
        for back, sign, place in ((30, b"PK\x03\x04", 14), (46, b"PK\x01\x02", 16)):
            if made[at - back : at - back + 4] == sign:
                struct.pack_into("<I", made, at - back + place, crc)
                struct.pack_into("<I", made, at - back + place + 8, size)
        at += 1
    return bytes(made)


def test_a_text_that_is_stored_once_and_stands_in_many_cells():
    data = workbook(rows(3000, "<v>0</v>", ' t="s"'), shared=f"<si><t>{'a' * 1_000_000}</t></si>")
    assert "unpacks to more" in refused(data, "t.xlsx")


def test_shared_texts_within_the_bound_are_read():
    data = workbook(rows(30, "<v>1</v>", ' t="s"'), shared=f"<si><t>{'a' * 9_000_000}</t></si><si><t>word</t></si>")
    assert {value for _, fields in read_table(data, "t.xlsx").rows for value in fields.values()} == {"word"}


def test_merged_cells_that_span_more_than_the_sheet(monkeypatch):
    monkeypatch.setattr("neuron_core.tasks.readers.xlsx.MAX_CELLS", 100_000)
    merged = '<mergeCells count="1">' + '<mergeCell ref="A1:A1000"/>' * 200 + "</mergeCells>"
    assert "too many cells" in refused(workbook(rows(1000), merged=merged), "t.xlsx")


def test_two_sheets_with_one_file():
    assert "two sheets of the workbook have one file" in refused(workbook(rows(10), twice=True), "t.xlsx")


@pytest.mark.parametrize("inside", ["<f " * 100_000, "<f/>" + " " * 200_000, "<f>" * 100_000, "<c r =" * 100_000])
def test_markup_on_which_a_search_would_go_back_and_forth(inside):
    began = time.process_time()
    xlsx_bounds._UNSET.findall(inside.encode())
    list(xlsx_bounds._CELL.finditer(inside.replace("<f", "<c ").encode()))
    list(xlsx_bounds._PLACE.finditer(inside.encode()))
    assert time.process_time() - began < SECONDS


def test_a_workbook_that_says_that_it_is_small():
    name = "xl/worksheets/sheet1.xml"
    size = len(zipfile.ZipFile(io.BytesIO(workbook())).read(name))
    data = lying(workbook(merged=" " * 60_000_000), name, size)
    assert len(data) < 1_000_000
    assert "row" in refused(data, "t.xlsx")


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_of_any_packing(monkeypatch, packing):
    monkeypatch.setattr("neuron_core.tasks.table.MAX_UPLOAD_BYTES", 2**20)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", packing) as archive:
        archive.writestr("a.csv", b"text,label\n" + b"a,b\n" * 6_000_000)
    data = made.getvalue()
    assert "unpacks to more" in refused(data, "t.zip", 16)
    # Two rows with the checksum of so many bytes: the rest is not unpacked.
    assert "row" in refused(lying(data, "a.csv", len(b"text,label\na,b\n") - 4), "t.zip", 16)


def test_a_parquet_list_with_more_items_than_memory():
    n = 30_000_000
    lists = pa.ListArray.from_arrays(pa.array([0, n], pa.int32()), pa.nulls(n, pa.int32()))
    made = io.BytesIO()
    pq.write_table(pa.table({"words": lists, "text": ["a"]}), made)
    assert len(made.getvalue()) < 10_000
    assert "unpacks to more" in refused(made.getvalue(), "t.parquet")


def test_more_cells_than_a_table_may_have(monkeypatch):
    monkeypatch.setattr("neuron_core.tasks.table.MAX_CELLS", 1000)
    wide = ",".join(f"c{place}" for place in range(50)) + "\n" + ("a" + ",b" * 49 + "\n") * 30
    assert "more than 1,000 cells" in refused(wide.encode(), "t.csv")


@pytest.mark.parametrize(
    "cell",
    [
        "[" + "array([" * 60_000,
        "['" + "\\'" * 150_000 + "]",
        '["' + '\\"' * 150_000 + "]",
        "[" * 150_000,
        "A. " * 60_000,
        "(a) " * 60_000,
        "A" + " " * 300_000 + "x",
        "options" + " " * 300_000 + "x",
    ],
    ids=["array", "quotes", "double quotes", "brackets", "letters", "parentheses", "spaces", "heading"],
)
def test_a_cell_on_which_a_search_would_go_back_and_forth(cell):
    began = time.process_time()
    listed(cell)
    assert time.process_time() - began < SECONDS


LONG = "a, word; " * (20_000_000 // 9)
OTHERS = [{"text": f"text {number}", "label": "good" if number % 2 else "bad"} for number in range(8)]


def with_a_long_cell(form: str) -> tuple[str, bytes]:
    """A file of eight rows and one with a cell of 20 million characters."""
    rows = [*OTHERS[:4], {"text": LONG, "label": "good"}, *OTHERS[4:]]
    if form == "quoted":
        text = "".join(f'"{row["text"]}\n{row["label"]}",{row["label"]}\n' for row in rows)
        return "t.csv", f"text,label\n{text}".encode()
    if form == "fasttext":
        return "t.txt", "".join(f"__label__{row['label']} {row['text']}\n" for row in rows).encode()
    if form == "sst":
        numbers = {"good": 4, "bad": 0}
        words = ((numbers[row["label"]], row["text"].replace(" ", "")) for row in rows)
        return "t.txt", "".join(f"({number} (2 {word}) (2 x))\n" for number, word in words).encode()
    if form == "tagged":
        tags = {"good": "PER", "bad": "LOC"}
        words = ((tags[row["label"]], row["text"].replace(" ", "")) for row in rows)
        return "t.conll", "".join(f"{word} B-{tag}\nis O\n\n" for tag, word in words).encode()
    return file_of(rows, form)


@pytest.mark.parametrize("form", [*(form for form in FORMATS if form != "xlsx"), "quoted", "fasttext", "sst", "tagged"])
def test_a_row_with_a_cell_longer_than_any_context_is_rejected_and_the_others_are_read(form):
    name, data = with_a_long_cell(form)
    began = time.process_time()
    table = read_table(data, name)
    assert time.process_time() - began < SECONDS
    assert len(table.rows) == len(OTHERS)
    ((_, bad),) = table.bad
    assert bad.complaint == "has a cell of more than 4,000,000 characters"
    assert bad.accepted == "at most 4,000,000 characters"
    assert len(bad.value) < 300


def test_a_cell_of_the_greatest_length_is_read():
    name, data = file_of([*OTHERS, {"text": "x" * MAX_CELL, "label": "good"}], "csv")
    assert len(read_table(data, name).rows[-1][1]["text"]) == MAX_CELL


def test_long_texts_in_a_list_and_a_long_name_reject_their_row():
    rows = [*OTHERS, {"text": ["x" * 1_500_000] * 3, "label": "good"}, {"y" * (MAX_NAME + 1): "z"}]
    table = read_table("".join(json.dumps(row) + "\n" for row in rows).encode(), "t.jsonl")
    assert len(table.rows) == len(OTHERS)
    assert [bad.rule for _, bad in table.bad] == ["cell too long", "name too long"]


def test_a_sentence_that_is_repeated_for_each_of_its_entities_without_end():
    data = b"Anna B-PER\nis O\n" * 20_000
    assert "their sentences repeated" in refused(data, "t.conll")


@pytest.mark.timeout(30)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without pipes in folders")
def test_a_pipe_or_a_device_is_no_file_of_examples(tmp_path):
    os.mkfifo(tmp_path / "t.csv")
    (tmp_path / "z.csv").symlink_to("/dev/zero")
    for name in ("t.csv", "z.csv", "."):
        with pytest.raises(TaskError, match="can't be read"):
            read_table(tmp_path / name)
        assert parts_of(tmp_path / name) == ()


@pytest.mark.parametrize(
    "sign", [",", "\t", "\n", "\r", ";", '","'], ids=["commas", "tabs", "lines", "cr", "semi", "quoted"]
)
def test_nothing_but_signs_between_cells(sign):
    began = time.process_time()
    for name in ("t.csv", "t.tsv"):
        with pytest.raises(TaskError):
            read_table(sign.encode() * 1_200_000, name)
    assert time.process_time() - began < SECONDS


def test_more_lines_than_a_file_may_have(monkeypatch):
    monkeypatch.setattr("neuron_core.tasks.readers.source.MAX_LINES", 1000)
    assert "the file has 2,000 lines" in refused(b"text,label\n" + b"\n" * 1999, "t.csv")
    assert "at most 1,000 lines" in refused(b'{"text": "a"}\n' * 2000, "t.jsonl")
