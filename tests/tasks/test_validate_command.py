"""`validate FILE`: the report of every row on the command line, as text, JSON and CSV."""

import csv
import json
import shutil

import pytest

from neuron_core.cli import main
from neuron_core.tasks.load import load_task
from tests.builders import checkpoint
from tests.tasks.files import file_of, table, xlsx

__all__ = ["checkpoint"]

ROWS = [
    {"review": "A warm film.", "stars": "5"},
    {"review": "", "stars": "1"},
    {"review": "Dull.", "stars": "1"},
    {"review": "Dull.", "stars": "1"},
    {"review": "So so.", "stars": "x"},
]


@pytest.fixture
def path(tmp_path):
    name, content = file_of(ROWS, "csv")
    path = tmp_path / name
    path.write_bytes(content)
    return path


def said(capsys):
    return capsys.readouterr()


def test_the_report_counts_and_names_rejected_rows(path, capsys):
    assert main(["validate", str(path)]) == 0
    out = said(capsys).out
    assert "5 rows, 3 examples, 2 rejected" in out
    assert "kind classification; text = review, label = stars" in out
    assert "1 rejected: empty" in out
    assert "row 5, column review: is a duplicate of row 4 ('Dull.')" in out


def test_json_is_one_object_with_every_rejected_row(path, capsys):
    assert main(["validate", str(path), "--labels", "1,5", "--json"]) == 0
    result = json.loads(said(capsys).out)
    assert result["counts"] == {"empty": 1, "duplicate": 1, "unknown label": 1}
    assert [row["row"] for row in result["rejected"]] == [3, 5, 6]
    assert result["mapping"] == {"text": "review", "label": "stars"}


def test_rejected_and_good_rows_are_written(path, tmp_path, capsys):
    rejected, good = tmp_path / "rejected.csv", tmp_path / "good.jsonl"
    assert main(["validate", str(path), "--rejected", str(rejected), "--good", str(good)]) == 0
    with rejected.open(encoding="utf-8-sig", newline="") as file:
        assert [(row["row"], row["column"], row["reason"]) for row in csv.DictReader(file)] == [
            ("3", "review", "is empty"),
            ("5", "review", "is a duplicate of row 4"),
        ]
    assert [e.fields["text"] for e in load_task(str(good)).task.examples] == ["A warm film.", "Dull.", "So so."]


def test_columns_kind_and_format_can_be_said(tmp_path, capsys):
    path = tmp_path / "t.data"
    sheet = [["ask", "a", "b", "c", "d", "right"], *(["Q?", i, "x", "y", "z", "A"] for i in range(3))]
    path.write_bytes(xlsx({"S": sheet}))
    chosen = ["--kind", "multiple_choice", "--map", "question=ask,choices=a+b+c+d,answer=right"]
    assert main(["validate", str(path), "--format", "xlsx", "--answers", "letter", *chosen, "--json"]) == 0
    result = json.loads(said(capsys).out)
    assert (result["n_examples"], result["notes"]) == (3, ["answers are letters of the choices"])
    assert result["mapping"]["choices"] == ["a", "b", "c", "d"]


def test_an_encoding_can_be_chosen(tmp_path, capsys):
    path = tmp_path / "t.csv"
    path.write_bytes("text,label\nкино,да\nещё,нет\n".encode("cp1251"))
    assert main(["validate", str(path)]) == 1
    assert "--encoding" in said(capsys).err
    assert main(["validate", str(path), "--encoding", "cp1251"]) == 0
    assert "2 labels: да, нет" in said(capsys).out


def test_when_no_row_fits_the_rejected_are_still_written(tmp_path, capsys):
    path, rejected = tmp_path / "t.csv", tmp_path / "rejected.csv"
    path.write_text("text,label\n,a\n,b\n")
    assert main(["validate", str(path), "--rejected", str(rejected)]) == 1
    assert "none of the 2 rows fits" in said(capsys).err
    written = rejected.read_text(encoding="utf-8-sig").splitlines()
    assert written[1:] == ["2,text,,is empty,a text", "3,text,,is empty,a text"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--map", "label"], "not a mapping: 'label'"),
        (["--kind", "sorting"], "unknown task kind 'sorting'"),
        (["--format", "yaml"], "unknown file format 'yaml'"),
        (["--answers", "roman"], "unknown form of answers 'roman'"),
        (["--rejected", "no/such/folder.csv"], "can't be written: its folder does not exist"),
    ],
)
def test_wrong_settings_are_one_line_of_error(path, arguments, message, capsys):
    assert main(["validate", str(path), *arguments]) == 1
    err = said(capsys).err
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_prompts_too_long_for_a_model_are_rejected_by_its_tokenizer_alone(tmp_path, checkpoint, capsys):
    folder = tmp_path / "no-weights"
    shutil.copytree(checkpoint("llama"), folder, ignore=shutil.ignore_patterns("*.safetensors"))
    path, good = tmp_path / "t.csv", tmp_path / "good.jsonl"
    rows = [{"text": f"word {i} " * (300 if i in (2, 5) else 1), "label": "ab"[i % 2]} for i in range(9)]
    path.write_bytes(table(rows, ","))
    assert main(["validate", str(path), "--model", str(folder), "--good", str(good), "--json"]) == 0
    result = json.loads(said(capsys).out)
    assert (result["fits"], result["counts"]) == ("no-weights (context 1,024 tokens)", {"too long": 2})
    assert [row["row"] for row in result["rejected"]] == [4, 7]
    assert len(load_task(str(good)).task.examples) == 7


def test_without_a_model_prompts_must_fit_the_demo_model(path, capsys):
    assert main(["validate", str(path)]) == 0
    assert "the other prompts fit SmolLM2-135M" in said(capsys).out


def test_chat_prompts_are_counted_with_the_models_own_template(path, checkpoint, capsys):
    assert main(["validate", str(path), "--template", "chat", "--json"]) == 0
    assert json.loads(said(capsys).out)["fits"].startswith("SmolLM2-135M")
    words = ["validate", str(path), "--template", "chat", "--model", str(checkpoint("gpt2"))]
    assert main(words) == 1
    assert "no chat template" in said(capsys).err


@pytest.mark.parametrize("given", [(), ("--model", "embedded")])
def test_lengths_stay_unchecked_where_the_demo_model_is_not_installed_and_was_not_asked_for(
    tmp_path, given, capsys, monkeypatch
):
    monkeypatch.setattr("neuron_core.models.spec.EMBEDDED_PACKAGE", "no_such_package_here")
    monkeypatch.setenv("NEURONLLM_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "t.csv"
    rows = [{"text": f"word {i} " * (2000 if i == 2 else 1), "label": "ab"[i % 2]} for i in range(9)]
    path.write_bytes(table(rows, ","))
    assert main(["validate", str(path), *given]) == (1 if given else 0)
    both = said(capsys)
    assert ("the embedded model is not installed" in both.err) == bool(given)
    assert ("the length of prompts was not checked" in both.out) == (not given)


def test_the_wording_counts_for_the_length_and_a_wrong_one_is_an_error(tmp_path, checkpoint, capsys):
    path = tmp_path / "t.csv"
    rows = [{"text": f"word {i} " * (80 if i == 4 else 1), "label": "ab"[i % 2]} for i in range(9)]
    path.write_bytes(table(rows, ","))
    words = ["validate", str(path), "--model", str(checkpoint("llama")), "--demonstration", "none", "--json"]
    assert main(words) == 0
    assert json.loads(said(capsys).out)["counts"] == {}
    assert main([*words, "--role", "role " * 180]) == 0
    assert [row["row"] for row in json.loads(said(capsys).out)["rejected"]] == [6]
    assert main(["validate", str(path), "--stem", "{nothing}"]) == 1
    assert "nothing" in said(capsys).err
    assert main(["validate", str(path), "--demonstration", "no-such-id"]) == 1
    assert "has no example 'no-such-id'" in said(capsys).err


def test_a_preview_says_how_the_file_was_read(tmp_path, capsys):
    path = tmp_path / "t.jsonl"
    rows = [{"question": f"Q{i}?", "choices": [f"{c}{i}" for c in "abcd"], "answer": "ABD"[i]} for i in range(3)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["preview", "--task", str(path), "--n", "1"]) == 0
    assert said(capsys).out.split("\n")[1] == "answers are letters of the choices"
    assert main(["preview", "--task", str(path), "--n", "1", "--json"]) == 0
    assert json.loads(said(capsys).out)["notes"] == ["answers are letters of the choices"]
