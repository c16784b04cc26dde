"""Published datasets in the files that they come in, on small samples of our own."""

import json
import os
from pathlib import Path

import pytest

from neuron_core.errors import TaskError
from neuron_core.tasks.load import load_task
from neuron_core.tasks.readers.source import ReadOptions
from neuron_core.tasks.table import read_table
from tests.tasks.files import parquet

FEW_NERD = """The\tO
Tower\tB-building_theater
of\tI-building_theater
Bells\tI-building_theater
opened\tO
in\tO
Turin\tB-location_GPE
.\tO

Nobody\tO
came\tO
.\tO

Ada\tB-person_artist/author
Lovelace\tI-person_artist/author
drove\tO
a\tO
Saab\tB-product_car
"""
# The same in the spelling of the original release, which has no B- and I-.
FEW_NERD_PLAIN = FEW_NERD.replace("B-", "").replace("I-", "").replace("_", "-")
ENTITIES = [
    (2, "The Tower of Bells opened in Turin .", "Tower of Bells", "building"),
    (7, "The Tower of Bells opened in Turin .", "Turin", "location"),
    (14, "Ada Lovelace drove a Saab", "Ada Lovelace", "person"),
    (18, "Ada Lovelace drove a Saab", "Saab", "product"),
]
CONLL = """The DT B-NP
old JJ I-NP
mill NN I-NP
-LRB- ( O
a DT B-NP
ruin NN I-NP
-RRB- ) O
was VBD B-VP
sold VBN I-VP
yesterday NN B-NP
. . O

Go VB B-VP
"""
CHUNKS = "[NP The old mill] ( [NP a ruin] ) [VP was sold] [NP yesterday] ."
TREES = r"""(4 (2 A) (4 (3 fine) (2 film)))
(3 (2 Watch) (2 it))
(2 (2 -LRB-) (2 (2 It) (2 (2 ``) (2 1\/2) ) ) )
(1 (2 Too) (1 long))
(0 (0 Dire) (2 -RRB-))
"""
CSQA = {
    "answerKey": "B",
    "id": "x1",
    "question": {
        "question_concept": "kettle",
        "choices": [{"label": letter, "text": f"place {letter.lower()}"} for letter in "ABCDE"],
        "stem": "Where does a kettle stand?",
    },
}
QUESTION = {
    "question": "Where does a kettle stand?",
    "choices": [f"place {letter}" for letter in "abcde"],
    "answer": "place b",
}


CUT = "fine entity types are reduced to the coarse ones: person-actor is person"


def write(folder, name, content):
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("content", [FEW_NERD, FEW_NERD_PLAIN, FEW_NERD.replace("\t", " ")])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["test.txt", "test"])
def test_few_nerd_gives_a_row_an_entity_in_either_spelling(tmp_path, content, line_end, name):
    reading = load_task(write(tmp_path, name, content.replace("\n", line_end)))
    found = [(e.row, e.fields["sentence"], e.fields["entity"], e.fields["label"]) for e in reading.task.examples]
    assert found == ENTITIES
    assert reading.task.kind == "span_typing"
    assert reading.notes == (CUT, "1 sentence without an entity gives no row")


def test_neighbours_of_one_type_are_two_entities_where_the_tags_say_so():
    tags = "Ada\tB-person_x\nGrace\tB-person_x\nHopper\tI-person_x\nTurin\tI-location_y\n"
    table = read_table(tags.encode(), "t", options=ReadOptions(format="few-nerd"))
    assert [fields["entity"] for _, fields in table.rows] == ["Ada", "Grace Hopper", "Turin"]


def test_types_without_a_finer_one_are_read_when_the_format_is_chosen():
    table = read_table(b"Ada B-PER\nran O\n", "t.txt", options=ReadOptions(format="few-nerd"))
    assert table.rows == ((1, {"sentence": "Ada ran", "entity": "Ada", "label": "PER"}),)


def test_conll_2000_gives_bracketed_chunks(tmp_path):
    reading = load_task(write(tmp_path, "test.txt", CONLL))
    assert [(e.row, dict(e.fields)) for e in reading.task.examples] == [
        (1, {"sentence": "The old mill ( a ruin ) was sold yesterday .", "answer": CHUNKS})
    ]
    assert [(r.row, r.rule) for r in reading.rejected] == [(13, "too few options")]
    assert reading.task.kind == "chunking"


def test_a_treebank_gives_three_labels_and_plain_brackets(tmp_path):
    reading = load_task(write(tmp_path, "dev.txt", TREES))
    assert [(e.row, e.fields["text"], e.fields["label"]) for e in reading.task.examples] == [
        (1, "A fine film", "positive"),
        (2, "Watch it", "positive"),
        (3, '( It " 1/2', "neutral"),
        (4, "Too long", "negative"),
        (5, "Dire )", "negative"),
    ]
    assert reading.task.wording.question == "What is the overall sentiment of this text?"


@pytest.mark.parametrize("name", ["dev_rand_split.jsonl", "dev.txt"])
def test_commonsense_qa_gives_choices_and_the_answers_text(tmp_path, name):
    reading = load_task(write(tmp_path, name, json.dumps(CSQA) + "\n" + json.dumps(CSQA | {"answerKey": "E"}) + "\n"))
    assert [dict(e.fields) for e in reading.task.examples] == [QUESTION, QUESTION | {"answer": "place e"}]
    assert reading.task.kind == "multiple_choice"
    assert reading.n_trimmed == 2


def test_a_question_without_its_key_is_left_out(tmp_path):
    unanswered = {key: value for key, value in CSQA.items() if key != "answerKey"}
    reading = load_task(write(tmp_path, "t.jsonl", json.dumps(CSQA) + "\n" + json.dumps(unanswered)))
    assert [(r.row, r.column, r.rule) for r in reading.rejected] == [(2, "answer", "missing")]


def test_the_records_of_the_hub_in_a_parquet_file_are_the_same_rows():
    choices = {"label": list("ABCDE"), "text": QUESTION["choices"]}
    rows = [{"question": QUESTION["question"], "choices": choices, "answerKey": "B"}]
    assert read_table(parquet(rows), "t.parquet").rows == ((1, QUESTION),)
    rows = [
        {"tokens": ["Ada", "ran"], "ner_tags": ["person", "O"], "fine_ner_tags": ["person-x", "O"]},
        {"tokens": ["Go"], "ner_tags": ["O"], "fine_ner_tags": ["O"]},
    ]
    table = read_table(parquet(rows), "t.parquet")
    assert table.rows == ((1, {"sentence": "Ada ran", "entity": "Ada", "label": "person"}),)
    assert table.notes == ("1 sentence without an entity gives no row",)
    rows = [{"tokens": ["A", "fox", "ran"], "chunk_tags": ["B-NP", "I-NP", "B-VP"]}]
    table = read_table(parquet(rows), "t.parquet")
    assert table.rows == ((1, {"sentence": "A fox ran", "answer": "[NP A fox] [VP ran]"}),)


@pytest.mark.parametrize(
    ("form", "content", "message"),
    [
        ("few-nerd", "Ada\tB-person_x\nran\n", r"row 2 a line has 1 field, not 2: its sentence is left out.*a token"),
        ("conll2000", "old JJ\n", r"row 1 has 2 columns, not 3.*chunk tag"),
        ("sst", "(3 (2 It)\n", r"not a sentiment tree: the brackets do not close.*row 1"),
        ("sst", "(5 (2 It) (4 shines))", r"a label is '5', not 0 to 4.*row 1"),
        ("sst", "(3 It) (2 x)", r"not a sentiment tree.*row 1"),
        ("sst", "(3 It shines)", r"not a sentiment tree.*row 1"),
        ("sst", "(3)", r"not a sentiment tree.*row 1"),
        ("sst", "3", r"not a sentiment tree.*row 1"),
        ("sst", "(3 (2 It) shines)", r"not a sentiment tree.*row 1"),
        ("commonsenseqa", '{"question": "Where?"}', r"not a CommonsenseQA record.*row 1"),
    ],
)
def test_a_line_that_is_none_of_the_format_is_refused_by_its_row(form, content, message):
    with pytest.raises(TaskError, match=message):
        read_table(content.encode(), "t", options=ReadOptions(format=form))


def test_a_text_that_is_of_no_published_format_is_an_unknown_file_type():
    for content in ("A plain text.\nOf two lines.", "Ada PER x y\n", "(3 good) film\n", "a b c\n"):
        with pytest.raises(TaskError, match=r"unknown file type '\.txt'.*CoNLL, Few-NERD.*SST or a CommonsenseQA"):
            read_table(content.encode(), "t.txt")


def test_a_long_file_is_known_by_how_it_begins():
    assert read_table((FEW_NERD + "\n").encode() * 800, "t.txt").format == "tagged"
    assert read_table((CONLL + "\n").encode() * 800, "t.txt").format == "conll2000"


def test_the_published_files_are_read_whole_where_they_are_at_hand():
    """With NEURONLLM_PUBLIC_DATA on its raw files; without, on one of the samples above."""
    folder = os.environ.get("NEURONLLM_PUBLIC_DATA")
    if folder is None:
        assert len(read_table(CONLL.encode(), "t.txt").rows) == 2
        return
    kinds = {"conll2000": "chunking", "csqa": "multiple_choice", "fewnerd": "span_typing", "sst": "classification"}
    for path in sorted(Path(folder).glob("raw/*/*")):
        reading = load_task(str(path))
        assert reading.task.kind == kinds[path.parent.name]
        assert len(reading.task.examples) > 0.95 * reading.n_rows > 150
        assert set(reading.counts) <= {"duplicate", "too few options", "same option twice"}
