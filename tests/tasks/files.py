"""The same rows written in every file format."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq

Rows = Sequence[dict[str, Any]]
ERRORS = ("#N/A", "#DIV/0!", "#REF!", "#NAME?", "#NULL!", "#NUM!", "#VALUE!")
FORMATS = ("csv", "tsv", "jsonl", "json", "columns", "parquet", "xlsx", "csv.gz", "tsv.gz", "jsonl.gz", "json.gz")


def file_of(rows: Rows, form: str) -> tuple[str, bytes]:
    """A file's name and bytes; every row has the same columns."""
    if form.endswith(".gz"):
        name, content = file_of(rows, form.removesuffix(".gz"))
        return f"{name}.gz", gzip.compress(content)
    if form == "columns":
        return "t.json", json.dumps({column: [row[column] for row in rows] for column in rows[0]}).encode()
    contents = {
        "csv": lambda: table(rows, ","),
        "tsv": lambda: table(rows, "\t"),
        "jsonl": lambda: "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode(),
        "json": lambda: json.dumps(list(rows)).encode(),
        "parquet": lambda: parquet(rows),
        "xlsx": lambda: xlsx({"Sheet1": [list(rows[0]), *(list(row.values()) for row in rows)]}),
    }
    return f"t.{form}", contents[form]()


def table(rows: Rows, delimiter: str) -> bytes:
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    if delimiter == "\t":
        return "".join("\t".join(map(str, cells)) + "\n" for cells in lines).encode()
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter)
    writer.writerows(lines)
    return buffer.getvalue().encode()


def parquet(rows: Rows, metadata: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    made = pa.Table.from_pylist(list(rows))
    pq.write_table(made.replace_schema_metadata(metadata) if metadata else made, buffer)
    return buffer.getvalue()


def xlsx(sheets: dict[str, Sequence[Sequence[Any]]]) -> bytes:
    """A workbook with the few parts that make one; texts stand in their cells."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    names = list(sheets)
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{types}"><Default Extension="xml" ContentType="application/xml"/>'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{sheet}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" '
        f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>'
        + "".join(f'<sheet name="{escape(n)}" sheetId="{i}" r:id="r{i}"/>' for i, n in enumerate(names, 1))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}">'
        + "".join(
            f'<Relationship Id="r{i}" Type="{relations}/worksheet" Target="worksheets/sheet{i}.xml"/>'
            for i, _ in enumerate(names, 1)
        )
        + "</Relationships>",
    }
    for i, rows in enumerate(sheets.values(), 1):
        body = "".join(
            f'<row r="{r}">' + "".join(_cell(value, r, c) for c, value in enumerate(row)) + "</row>"
            for r, row in enumerate(rows, 1)
        )
        parts[f"xl/worksheets/sheet{i}.xml"] = f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>'
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return buffer.getvalue()


def _cell(value: Any, row: int, column: int) -> str:
    place = f"{chr(ord('A') + column)}{row}"
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value}</v></c>'
    if value in ERRORS:
        return f'<c r="{place}" t="e"><v>{value}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
