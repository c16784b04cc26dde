"""What stands twice under one name in a file: never is one of the two dropped without a word."""

import io
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neuron_core.errors import TaskError
from neuron_core.tasks.cells import structured
from neuron_core.tasks.guessing import full_mapping
from neuron_core.tasks.table import read_table
from neuron_core.tasks.validation import validate
from tests.tasks.files import xlsx

ROWS = [{"text": f"A text about the number {i}", "label": ("good", "bad")[i % 2]} for i in range(6)]
TWICE = '{"text": "a text", "label": "good", "label": "bad"}'


def lines(*texts: str) -> bytes:
    return "\n".join(texts).encode()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", lines(*map(json.dumps, ROWS), TWICE)),
        ("a.json", f"[{', '.join(map(json.dumps, ROWS))}, {TWICE}]".encode()),
        ("a.json", f'{{"data": [{", ".join(map(json.dumps, ROWS))}, {TWICE}]}}'.encode()),
        ("a.jsonl", lines(*map(json.dumps, ROWS), '{"text": "t", "label": "bad", "more": [{"a": 1, "a": 2}]}')),
    ],
    ids=["lines", "list", "list under a key", "inside the row"],
)
def test_a_row_with_a_key_twice_is_rejected_and_counted(name, data):
    table = read_table(data, name)
    reading = validate(table, "classification", full_mapping(table, "classification", None))
    assert len(reading.task.examples) == len(ROWS)
    assert reading.counts == {"key twice": 1}
    assert "twice" in reading.rejected[0].complaint


@pytest.mark.parametrize(
    "text",
    [
        '{"train": [{"text": "a", "label": "b"}], "train": [{"text": "c", "label": "d"}]}',
        '{"text": ["a", "b"], "label": ["x", "y"], "label": ["y", "x"]}',
        '{"0": {"text": "a", "label": "b"}, "0": {"text": "c", "label": "d"}, "1": {"text": "e", "label": "f"}}',
        '{"data": {"train": [{"text": "a"}], "train": [{"text": "c"}]}}',
        "[{'text': 'a', 'label': 'b', 'label': 'c'}]",
        "[{'text': 'a', 1: 'b', '1': 'c'}]",
    ],
    ids=["lists", "columns", "rows", "below a key", "as Python writes", "number and text"],
)
def test_a_file_with_a_key_twice_is_refused(text):
    with pytest.raises(TaskError, match=r"the file has the key '\w+' twice"):
        read_table(text.encode(), "a.json")


def parquet(names: list[str]) -> bytes:
    made = io.BytesIO()
    columns = [pa.array([f"{place}{row}" for row in range(3)]) for place in range(len(names))]
    pq.write_table(pa.Table.from_arrays(columns, names=names), made)
    return made.getvalue()


def split(names: list[str]) -> bytes:
    data = [[f"{place}{row}" for place in range(len(names))] for row in range(3)]
    return json.dumps({"columns": names, "data": data}).encode()


def cells(names: list[str]) -> bytes:
    return lines(",".join(names), *(",".join(f"{place}{row}" for place in range(len(names))) for row in range(3)))


@pytest.mark.parametrize(
    ("name", "make"), [("a.parquet", parquet), ("a.json", split), ("a.csv", cells)], ids=["parquet", "split", "csv"]
)
def test_of_two_columns_with_one_name_both_are_read(name, make):
    table = read_table(make(["text", "label", "label"]), name)
    assert table.columns == ("text", "label", "label (2)")
    assert table.rows[1][1] == {"text": "01", "label": "11", "label (2)": "21"}
    assert any("names 'label' twice" in note for note in table.notes)


@pytest.mark.parametrize("text", ['{"A": "a", "A": "b"}', "{'A': 'a', 'A': 'b'}", '[{"text": "a", "text": "b"}]'])
def test_a_cell_with_a_key_twice_holds_no_options(text):
    assert structured(text) is None
    assert structured(text.replace("A", "B", 1).replace("text", "more", 1)) is not None


def test_of_two_sheets_with_one_name_none_is_read_twice():
    data = xlsx({"S": [["text", "label"], ["a", "b"]], "T": [["text", "label"], ["c", "d"]]})
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'name="T"', b'name="S"'))
    with pytest.raises(TaskError, match="two sheets of the workbook are called 'S'"):
        read_table(made.getvalue(), "a.xlsx")


@pytest.mark.parametrize(("number", "noted"), [(2**53, False), (12345678901234567890, True)], ids=["exact", "rounded"])
def test_whole_numbers_that_a_workbook_rounds_are_noted(number, noted):
    table = read_table(xlsx({"S": [["text", "label"], ["a", number], ["b", 2]]}), "a.xlsx")
    assert any("1 number has more than 15 digits" in note for note in table.notes) is noted
