"""Every form that docs/data.md says is read."""

import gzip
import io
import json
import re
import zipfile
from pathlib import Path

import pytest

from neuron_core.tasks.load import read_checked
from neuron_core.tasks.readers.source import ReadOptions
from tests.tasks.files import parquet, xlsx

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
ROWS = [{"text": f"text {i}", "label": ("good", "bad")[i % 2]} for i in range(4)]
TABLE = "text,label\n" + "".join(f"{row['text']},{row['label']}\n" for row in ROWS)
ENTITIES = "Ada B-PER\nmet O\nRui B-PER\n\nOslo B-LOC\n\nAcme B-ORG\n\n1999 B-DATE\n"
TREES = "(3 (2 It) (4 shines))\n(1 (2 Too) (1 long))\n"
CHOICES = ["a hammer", "a spoon", "a pillow", "a kite"]


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def questions(answer, **changes):
    return lines({"question": f"Which is {i}?", "choices": CHOICES, "answer": answer(i), **changes} for i in range(4))


def archive(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for name, content in files.items():
            zipped.writestr(name.replace("_", "."), content)
    return buffer.getvalue()


def words():
    rows = [line.split(" ") for line in ENTITIES.split("\n") if line]
    sentences = ["1", "", "", "2", "3", "4"]
    return "Sentence #,Word,Tag\n" + "".join(
        f"{n},{word},{tag}\n" for n, (word, tag) in zip(sentences, rows, strict=True)
    )


NONE, NAMED = ReadOptions(), ReadOptions(columns=("text", "label"))
PARAGRAPHS = [
    {"context": f"C{i}.", "qas": [{"question": f"Q{i}?", "answers": [{"text": f"A{i}", "answer_start": 0}]}]}
    for i in range(4)
]
# The beginning of a line of the table → files that it speaks of: name, content, options, kind, number of examples.
FORMS = {
    "CSV;": [
        ("t.csv", TABLE, NONE, "classification", 4),
        ("t.csv", TABLE.replace(",", ";"), NONE, "classification", 4),
        ("t.csv", TABLE.replace(",", "|"), NONE, "classification", 4),
        ("t.csv", "sep=;\n" + TABLE.replace(",", ";"), NONE, "classification", 4),
        ("t.csv", "Answers of May\n" + TABLE, NONE, "classification", 4),
        ("t.csv.gz", gzip.compress(TABLE.encode()), NONE, "classification", 4),
    ],
    "TSV": [("t.tsv", TABLE.replace(",", "\t").replace("text 1", 'a "quoted'), NONE, "classification", 4)],
    "without a header": [
        ("t.csv", TABLE.split("\n", 1)[1], ReadOptions(columns=("text", "label")), "classification", 4),
        ("t.csv", f"x,y\nz,w\n{TABLE}", ReadOptions(header=3), "classification", 4),
    ],
    "JSON lines": [("t.jsonl", lines(ROWS), NONE, "classification", 4)],
    "JSON list": [
        ("t.json", json.dumps(ROWS), NONE, "classification", 4),
        ("t.json", json.dumps({"data": ROWS}), NONE, "classification", 4),
        ("t.json", json.dumps({str(i): row for i, row in enumerate(ROWS)}), NONE, "classification", 4),
        ("t.json", json.dumps({"text": [r["text"] for r in ROWS], "label": [r["label"] for r in ROWS]}), NONE, "c", 4),
        ("t.json", json.dumps({"columns": ["text", "label"], "data": [list(r.values()) for r in ROWS]}), NONE, "c", 4),
    ],
    "lists as Python": [("t.txt", f"DATA = {[tuple(row.values()) for row in ROWS]!r}", NAMED, "classification", 4)],
    "SQuAD": [
        ("t.json", json.dumps({"data": [{"title": "T", "paragraphs": PARAGRAPHS}]}), NONE, "question_answer", 4),
        (
            "t.jsonl",
            lines({"context": "C.", "question": f"Q{i}?", "answers": {"text": [str(i)]}} for i in range(4)),
            NONE,
            "question_answer",
            4,
        ),
    ],
    "questions to one text": [
        (
            "t.jsonl",
            lines([{"article": "C.", "questions": ["Q0?", "Q1?"], "options": [CHOICES] * 2, "answers": ["A", "C"]}]),
            NONE,
            "multiple_choice",
            2,
        ),
    ],
    "a conversation": [
        (
            "t.jsonl",
            lines(
                {"messages": [{"role": "user", "content": f"Q{i}?"}, {"role": "assistant", "content": f"A{i}"}]}
                for i in range(4)
            ),
            NONE,
            "question_answer",
            4,
        ),
    ],
    "several lists": [
        ("t.json", json.dumps({"train": ROWS, "test": ROWS[:2]}), ReadOptions(part="test"), "classification", 2),
        (
            "t.xlsx",
            xlsx({"A": [["x", "y"], [1, 2]], "B": [["text", "label"], *(list(r.values()) for r in ROWS)]}),
            ReadOptions(part="B"),
            "classification",
            4,
        ),
        ("t.zip", archive(a_csv=TABLE, b_csv=TABLE), ReadOptions(part="b.csv"), "classification", 4),
    ],
    "Parquet": [("t.parquet", parquet(ROWS), NONE, "classification", 4)],
    "XLSX": [
        ("t.xlsx", xlsx({"S": [["text", "label"], *(list(r.values()) for r in ROWS)]}), NONE, "classification", 4)
    ],
    "one token per line": [
        ("t.conll", ENTITIES, NONE, "span_typing", 5),
        ("t.txt", ENTITIES.replace(" ", "\t"), NONE, "span_typing", 5),
        ("t.conll", re.sub(r" B-(LOC|ORG|DATE)", r" S-\1", ENTITIES), NONE, "span_typing", 5),
        ("t.tsv", ENTITIES.replace(" ", "\t"), NONE, "span_typing", 5),
        ("t.conll", "-DOCSTART- -X- O O\n\n" + re.sub(r" (\S+)\n", r" NN B-NP \1\n", ENTITIES), NONE, "span_typing", 5),
    ],
    "CoNLL-U": [
        (
            "t.conllu",
            "".join(
                f"{i}\t{w}\t{w}\t{p}" + "\t_" * 6 + "\n"
                for i, (w, p) in enumerate([("Ada", "PROPN"), ("met", "VERB"), ("two", "NUM"), ("friends", "NOUN")], 1)
            ),
            ReadOptions(tag_column=4),
            "span_typing",
            4,
        ),
    ],
    "CoNLL-2000": [("t.txt", "A DT B-NP\nfox NN I-NP\nran VBD B-VP\nhome RB B-ADVP\n", NONE, "chunking", 1)],
    "tokens and tags": [
        (
            "t.jsonl",
            lines({"tokens": ["Ada"], "ner_tags": [tag]} for tag in ("B-PER", "B-ORG")),
            NONE,
            "span_typing",
            2,
        ),
        (
            "t.jsonl",
            lines({"tokens": ["Ada"], "ner_tags": [tag]} for tag in (1, 2)),
            ReadOptions(tag_names={"0": "O", "1": "B-PER", "2": "B-ORG"}),
            "span_typing",
            2,
        ),
    ],
    "one word per row": [("t.csv", words(), NONE, "span_typing", 5)],
    "spans in a text": [
        ("t.jsonl", lines([{"text": "Ada ran", "label": [[0, 3, kind]]} for kind in ("PER", "ORG")]), NONE, "s", 2),
        ("t.json", json.dumps([["Ada ran", {"entities": [[0, 3, kind]]}] for kind in ("PER", "ORG")]), NONE, "s", 2),
    ],
    "one number per label": [
        (
            "t.jsonl",
            lines({"text": row["text"], "cats": {"good": i % 2, "bad": 1 - i % 2}} for i, row in enumerate(ROWS)),
            NONE,
            "classification",
            4,
        ),
    ],
    "annotated choices": [
        (
            "t.jsonl",
            lines({**row, "answer": ("accept", "accept", "reject")[i % 3]} for i, row in enumerate(ROWS)),
            NONE,
            "classification",
            3,
        ),
    ],
    "choices with letter": [
        ("t.jsonl", questions(lambda i: "ABCD"[i], choices={"text": CHOICES, "label": list("ABCD")}), NONE, "m", 4),
        ("t.jsonl", questions(lambda i: "ABCD"[i], choices=dict(zip("ABCD", CHOICES, strict=True))), NONE, "m", 4),
        (
            "t.jsonl",
            questions(lambda i: "ABCD"[i], choices="A) a hammer B) a spoon C) a pillow D) a kite"),
            NONE,
            "m",
            4,
        ),
        (
            "t.jsonl",
            lines({"question": f"Which {i}? A. hammer B. spoon C. pillow D. kite", "answer": "B"} for i in range(4)),
            NONE,
            "m",
            4,
        ),
    ],
    "answers as text": [
        ("t.jsonl", questions(lambda i: CHOICES[i]), NONE, "multiple_choice", 4),
        ("t.jsonl", questions(lambda i: "ABCD"[i]), NONE, "multiple_choice", 4),
        ("t.jsonl", questions(lambda i: f"{'ABCD'[i]}. {CHOICES[i]}"), NONE, "multiple_choice", 4),
        ("t.jsonl", questions(lambda i: i), NONE, "multiple_choice", 4),
        ("t.jsonl", questions(lambda i: [int(j == i) for j in range(4)]), NONE, "multiple_choice", 4),
        (
            "t.jsonl",
            lines(
                {"question": f"Q{i}?", "options": [{"text": text, "correct": j == i} for j, text in enumerate(CHOICES)]}
                for i in range(4)
            ),
            NONE,
            "multiple_choice",
            4,
        ),
    ],
    "SST trees": [("t.txt", TREES, NONE, "classification", 2)],
    "a label before": [("t.txt", "__label__good warm\n__label__bad cold\n", NONE, "classification", 2)],
    "one text per line": [
        ("t.txt", "warm\ncold\nkind\n", ReadOptions(labels=(b"good\nbad\ngood\n",)), "classification", 3),
    ],
}
CASES = [(line, *case) for line, cases in FORMS.items() for case in cases]


def test_every_line_of_the_table_has_a_file_here():
    table = PAGE.split("## What is read")[1].split("\n## ")[0]
    said = [line.split("|")[1].strip() for line in table.split("\n") if line.startswith("| ")][1:]
    assert [next((key for key in FORMS if form.startswith(key)), form) for form in said] == list(FORMS)


@pytest.mark.parametrize(
    ("line", "name", "content", "options", "kind", "n"),
    CASES,
    # Without ids of our own the bytes of a compressed file, which hold a time, would be part of a test's name.
    ids=[f"{case[0]}-{case[1]}-{i}" for i, case in enumerate(CASES)],
)
def test_the_form_is_read(tmp_path, line, name, content, options, kind, n):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    reading = read_checked(str(path), options=options)
    assert reading.task.kind.startswith(kind)
    assert len(reading.task.examples) == n, reading.rejected
