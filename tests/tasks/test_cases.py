"""Inputs that people bring: what `validate` makes of each file in the folder that NEURONLLM_CASES names."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from neuron_core.cli import main

FOLDER = Path(os.environ.get("NEURONLLM_CASES", "/nonexistent")) / "data"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="NEURONLLM_CASES names no folder of cases")


@dataclass(frozen=True)
class Read:
    """A file that is read: examples, and what else must be so of the report. Patterns are searched in its text."""

    examples: int
    rejected: tuple[int, ...] = ()
    "numbers of the rejected rows"
    kind: str | None = None
    labels: str | None = None
    "all labels, sorted, with blanks between"
    mapping: tuple[tuple[str, str | list[str]], ...] = ()
    said: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """A file that is refused with a message that has all of these patterns."""

    said: tuple[str, ...]


NER = Read(9, kind="span_typing", labels="DATE FAC LOC ORG PER WORK_OF_ART")
CHOICE = Read(8, kind="multiple_choice")
QA = Read(8, kind="question_answer")
MOOD = Read(8, kind="classification", labels="0 1")


def _but(case: Read, **changes: object) -> Read:
    return Read(**{**case.__dict__, **changes})  # type: ignore[arg-type]


CASES: dict[str, tuple[tuple[str, ...], Read | Refused | tuple[Read | Refused, ...]]] = {
    # Silently wrong
    "quotes_merge.tsv": ((), Read(10, kind="classification")),
    "quotes_bare.tsv": ((), Read(9, kind="classification")),
    "iobes.conll": (("--format", "few-nerd"), NER),
    "jnlpba.conll": (("--format", "few-nerd"), Read(7, labels="DNA RNA cell_line cell_type protein")),
    "a_creative_work.conll": (
        ("--format", "few-nerd"),
        Read(5, labels="corporation creative-hobby creative-work location person"),
    ),
    "race.jsonl": ((), _but(CHOICE, mapping=(("context", "article"),), said=("unused.*example_id",))),
    "siqa4.jsonl": ((), _but(CHOICE, mapping=(("context", "context"), ("question", "question")))),
    "alpaca_with_input.json": (
        (),
        (_but(QA, mapping=(("context", "input"),)), _but(QA, mapping=(("question", "input"),))),
    ),
    "nli.jsonl": ((), Read(9, kind="classification", mapping=(("text", ["premise", "hypothesis"]),))),
    "options_prefixed.jsonl": ((), _but(CHOICE, said=("letter",))),
    "obqa_hub.jsonl": ((), CHOICE),
    "medqa_dict_options.jsonl": ((), CHOICE),
    "mmlu_hub_to_csv_numpy.csv": (("--answers", "index0"), CHOICE),
    "arc_hub_to_csv_numpy.csv": ((), (CHOICE, Refused((r"array\(",)))),
    "answer_null_label_full.jsonl": ((), _but(CHOICE, mapping=(("answer", "label"),))),
    "alpaca.json": ((), (Refused(("question_answer",)), QA)),
    "context_answer.csv": ((), (Refused(("question_answer", "question=context")), QA)),
    "winogrande.jsonl": ((), Refused(("2 choices|two", "--fill-options"))),
    "prodigy_choice.jsonl": ((), (CHOICE, Read(8, kind="classification"), Refused(("accept",)))),
    "qa_with_source_columns.jsonl": ((), _but(QA, said=("unused.*source_1",))),
    "label_case.csv": ((), Read(8, kind="classification", said=("case",))),
    "filler_case.csv": ((), Read(8, kind="classification")),
    "filler_taken.csv": ((), Read(8, kind="classification")),
    "one_class.csv": ((), Refused(("only label.*spam", "--labels"))),
    "float_scores.csv": ((), Read(8, said=("own label|label of (its|their) own|score",))),
    "sst5_label_text.jsonl": ((), Read(8, labels="negative positive", mapping=(("label", "label_text"),))),
    "label_id_and_name.csv": ((), Read(8, labels="bad good", mapping=(("label", "label_name"),))),
    "conflict.csv": ((), Read(16, said=("8 texts",))),
    "prodigy_textcat.jsonl": ((), Read(3, kind="classification", labels="NEG POS", said=("reject",))),
    "doccano_spans.jsonl": ((), (NER, Refused(("span",)))),
    "labelstudio.json": ((), (Read(8, kind="classification"), Refused(("JSON-MIN",)))),
    # Refused, though good
    "conll2003.txt": ((), NER),
    "conll2003_docstart2.txt": (("--format", "few-nerd"), _but(NER, unsaid=("without an entity",))),
    "multiconer.conll": (("--format", "few-nerd"), NER),
    "ud.conllu": ((), Refused(("CoNLL-U",))),
    "bio_upper.conll": ((), NER),
    "double_space.txt": (("--format", "few-nerd"), NER),
    "nbsp_token.conll": (("--format", "few-nerd"), Read(4, labels="group location person product", said=("blank",))),
    "three_types.conll": (("--format", "few-nerd"), Read(4, labels="LOC ORG PER")),
    "tokens_int_tags.jsonl": ((), Refused(("tag", "--tag-names|--labels"))),
    "tokens_tags_named_tags.jsonl": ((), NER),
    "words_ner.jsonl": ((), NER),
    "chinese_chars.jsonl": ((), Read(4, labels="DATE LOC ORG PER")),
    "entity_substring.jsonl": ((), Read(3, rejected=(1,))),
    "noheader.csv": ((), Refused(("row 1", "--no-header"))),
    "mmlu_raw_noheader.csv": ((), Refused(("row 1", "--no-header"))),
    "ragged_one.csv": ((), _but(MOOD, rejected=(7,))),
    "one_bad_line.jsonl": ((), _but(MOOD, rejected=(9,))),
    "footer.csv": ((), _but(MOOD, rejected=(10,))),
    "trailing_comma_rows.csv": ((), MOOD),
    "a_long_cell.csv.gz": ((), (Read(2), Read(1, rejected=(2,)), Read(1, rejected=(3,)), Read(3))),
    "a_deep_cell.jsonl": ((), Read(2, rejected=(2,))),
    "a_60000_columns.csv.gz": ((), Refused(("60,00", "10,000"))),
    "csv_in_zip.zip": ((), (Read(8, kind="classification", said=("ZIP",)), Refused(("ZIP",)))),
    "trailing_comma.jsonl": ((), (MOOD, Refused(("comma",)))),
    "array.jsonl": ((), _but(MOOD, said=("list",))),
    "pretty_concat.json": ((), (MOOD, Refused(("one object a line",)))),
    "wrapped_examples.json": ((), _but(CHOICE, said=("examples",))),
    "splits.json": ((), Refused(("train", "test"))),
    "notes_first.xlsx": ((), (Refused(("Data", "--sheet")), Read(4, labels="bad good", said=("Data",)))),
    "title_row.xlsx": ((), Read(4, labels="bad good", said=("row 1",))),
    "formulas_uncached.xlsx": ((), Refused(("formula",))),
    "stray_cell.xlsx": ((), (Read(4), Read(3, rejected=(3,)), Read(8), Read(7, rejected=(3,)))),
    "merged_labels.xlsx": ((), (Read(4), Read(3, rejected=(3,), said=("merged",)))),
    "index1_with_unknown0.jsonl": ((), Refused(("from 0.*from 1", "--answers"))),
    "choices_numeric_index.jsonl": ((), _but(CHOICE, said=("places",))),
    "all_of_above.jsonl": ((), _but(CHOICE, said=("8 examples have an option that names others",))),
    "nfd_answer.jsonl": ((), CHOICE),
    "answer_letter_and_text.jsonl": ((), CHOICE),
    "answer_column_name.jsonl": ((), CHOICE),
    "onehot_answer.jsonl": ((), CHOICE),
    "nulls.csv": ((), (Read(13, said=("nan|NULL",)), Read(12, said=("nan|NULL",)))),
    "header_twice.csv": ((), Read(8, rejected=(6,), labels="neg pos")),
    "sep_line.csv": ((), MOOD),
    "comment_line.csv": ((), (MOOD, Refused(("comment",)))),
    "pipe.csv": ((), _but(MOOD, said=("bars",))),
    "column_names_comma.csv": (("--map", 'text="review, cleaned",label="C++"'), Refused(("only label",))),
    "dup_blank_cols.csv": ((), MOOD),
    "lfs.csv": ((), Refused(("LFS",))),
    "html_page.csv": ((), Refused(("web page|HTML",))),
    "truthfulqa.csv": (("--kind", "question_answer", "--map", "answer=Best Answer"), QA),
    "options_one_string.csv": ((), CHOICE),
    "options_newlines.csv": ((), CHOICE),
    "truthfulqa_mc1.jsonl": ((), CHOICE),
    "siqa.jsonl": ((), Refused(("3 choices|three", "--fill-options"))),
    "boolq.jsonl": (
        (),
        (Refused(("classification", r"passage\+question|question\+passage")), Read(8, kind="classification")),
    ),
    "a_extra_labels.csv": (("--labels", "pos,neg,neutral,mixed"), Read(4, labels="mixed neg neutral pos")),
}
FOLLOWED = {
    "a file without a header": (
        "mmlu_raw_noheader.csv",
        ("--columns", "question,A,B,C,D,answer"),
        CHOICE,
    ),
    "a file without a header or names": (
        "noheader.csv",
        ("--no-header", "--map", "text=column 2,label=column 1"),
        Read(8, labels="1 2"),
    ),
    "a named sheet": ("notes_first.xlsx", ("--sheet", "Data"), Read(4, labels="bad good")),
    "one of two lists": ("splits.json", ("--sheet", "test"), Read(4, labels="0 1")),
    "three options": ("siqa.jsonl", ("--fill-options",), CHOICE),
    "two options": ("winogrande.jsonl", ("--fill-options",), CHOICE),
    "yes or no with a passage": (
        "boolq.jsonl",
        ("--kind", "classification", "--map", "text=passage+question,label=answer"),
        Read(8, kind="classification"),
    ),
    "names for tag numbers": (
        "tokens_int_tags.jsonl",
        ("--labels", "0=O,1=B-PER,2=I-PER,3=B-ORG,4=I-ORG,5=B-LOC"),
        Read(6, labels="LOC ORG PER"),
    ),
    "names for labels": ("pipe.csv", ("--labels", "0=bad,1=good"), Read(8, labels="bad good")),
    "parts of speech": ("ud.conllu", ("--tag-column", "4", "--labels", "PROPN,VERB,NOUN,ADJ"), Read(2)),
}


def _complaint(expected: Read | Refused, code: int, out: str, err: str) -> str | None:
    """What is not as expected, None where all is."""
    text = out + err
    if isinstance(expected, Refused):
        missing = [pattern for pattern in expected.said if not re.search(pattern, text, re.DOTALL)]
        if code == 0:
            return "the file is read"
        return f"unsaid: {missing}" if missing else None
    if code != 0:
        return "the file is refused"
    result = json.loads(out)
    found = {
        "examples": result["n_examples"],
        "rejected": tuple(row["row"] for row in result["rejected"]),
        "kind": result["kind"],
        "labels": " ".join(sorted(result["labels"])),
    }
    for name, value in found.items():
        wanted = getattr(expected, name)
        if wanted not in (None, ()) and value != wanted:
            return f"{name} {value!r}, not {wanted!r}"
    for field, columns in expected.mapping:
        if result["mapping"].get(field) != columns:
            return f"{field} is {result['mapping'].get(field)!r}, not {columns!r}"
    if missing := [pattern for pattern in expected.said if not re.search(pattern, text, re.DOTALL)]:
        return f"unsaid: {missing}"
    return next((f"said: {pattern}" for pattern in expected.unsaid if re.search(pattern, text)), None)


def _check(name: str, options: tuple[str, ...], expected: object, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["validate", str(FOLDER / name), *options, "--json"])
    out, err = capsys.readouterr()
    alternatives = expected if isinstance(expected, tuple) else (expected,)
    complaints = [_complaint(one, code, out, err) for one in alternatives]
    assert None in complaints, f"{complaints}\n{out[:2000]}\n{err[:2000]}"
    assert "Traceback" not in err
    assert "Something failed that should not" not in err


@pytest.mark.parametrize("name", CASES)
def test_each_case_gives_what_a_person_expects(name, capsys):
    options, expected = CASES[name]
    _check(name, options, expected, capsys)


@pytest.mark.parametrize("title", FOLLOWED)
def test_what_a_message_offers_works(title, capsys):
    name, options, expected = FOLLOWED[title]
    _check(name, options, expected, capsys)


def test_every_file_of_the_folder_is_tried():
    files = {path.name for path in FOLDER.iterdir() if path.suffix not in (".md", ".py")}
    assert files == set(CASES)
