"""Questions, spans and labels that stand inside other records: SQuAD, spaCy, conversations, lists under keys."""

import json

import pytest

from neuron_core.errors import TaskError
from neuron_core.tasks.load import load_task
from neuron_core.tasks.readers.source import ReadOptions

ANSWERS = ["a hammer", "water", "a lake", "honey"]
QUESTIONS = ["Which tool drives a nail?", "What falls from clouds?", "Where do fish live?", "What do bees make?"]
CHOICES = ["a hammer", "water", "a lake", "honey"]
SPANS = [("Ada met Rui", [(0, 3, "PER"), (8, 11, "PER")]), ("Oslo is cold", [(0, 4, "LOC")]), ("Acme grew", [])]
SPANS += [("Acme sold wool", [(0, 4, "ORG")])]
FOUND = [("Ada", "PER"), ("Rui", "PER"), ("Oslo", "LOC"), ("Acme", "ORG")]
TEXTS = ["warm soup", "cold tea", "kind staff", "broken lamp"]


@pytest.fixture
def read(tmp_path):
    """What load_task makes of a file with this content: a text, JSON, or records, a line each."""

    def make(name, content, **options):
        path = tmp_path / name
        if not isinstance(content, str):
            lines = name.endswith(".jsonl")
            content = "".join(json.dumps(row) + "\n" for row in content) if lines else json.dumps(content)
        path.write_text(content, encoding="utf-8")
        return load_task(str(path), options=ReadOptions(**options))

    return make


def squad(**changes):
    """Two articles of two paragraphs with a question each."""
    asked = [
        {"id": str(i), "question": question, "answers": [{"text": answer, "answer_start": 0}]}
        for i, (question, answer) in enumerate(zip(QUESTIONS, ANSWERS, strict=True))
    ]
    asked[0] |= changes
    paragraphs = [{"context": f"Passage {i}.", "qas": [one]} for i, one in enumerate(asked)]
    return {
        "version": "1.1",
        "data": [{"title": "One", "paragraphs": paragraphs[:2]}, {"title": "Two", "paragraphs": paragraphs[2:]}],
    }


@pytest.mark.parametrize("indent", [None, 1])
def test_questions_of_squad_are_read_with_their_passages(read, indent):
    reading = read("dev.json", json.dumps(squad(), indent=indent))
    assert reading.task.kind == "question_answer"
    assert [(e.fields["question"], e.answer) for e in reading.task.examples] == list(
        zip(QUESTIONS, ANSWERS, strict=True)
    )
    assert [e.fields["context"] for e in reading.task.examples] == [f"Passage {i}." for i in range(4)]
    # Numbered by their article.
    assert [e.row for e in reading.task.examples] == [1, 1, 2, 2]


def test_a_question_that_its_passage_does_not_answer_is_rejected(read):
    fifth = {"question": "And what else?", "answers": [{"text": "wool"}]}
    content = squad(is_impossible=True, answers=[], plausible_answers=[{"text": "a nail"}])
    content["data"][1]["paragraphs"][0]["qas"].append(fifth)
    reading = read("dev.json", content)
    assert len(reading.task.examples) == 4
    assert [(one.row, one.rule) for one in reading.rejected] == [(1, "no answer")]


@pytest.mark.parametrize(
    "answers",
    [
        lambda answer: {"text": [answer, "another"], "answer_start": [0, 4]},
        lambda answer: [answer, "another"],
        lambda answer: [{"text": answer}],
        lambda answer: {"value": answer, "aliases": ["another"]},
    ],
    ids=["texts", "a list", "objects", "a value"],
)
def test_of_several_accepted_answers_the_first_is_taken(read, answers):
    rows = [
        {"context": f"Passage {i}.", "question": question, "answers": answers(answer)}
        for i, (question, answer) in enumerate(zip(QUESTIONS, ANSWERS, strict=True))
    ]
    reading = read("t.jsonl", rows)
    assert (reading.task.kind, [e.answer for e in reading.task.examples]) == ("question_answer", ANSWERS)
    assert reading.mapping["context"] == "context"


def test_answers_that_are_choices_stay_choices(read):
    rows = [{"question": q, "answers": CHOICES, "correct_answer_id": i} for i, q in enumerate(QUESTIONS)]
    reading = read("t.jsonl", rows)
    assert (reading.task.kind, [e.answer for e in reading.task.examples]) == ("multiple_choice", ANSWERS)


def test_lists_of_questions_to_one_text_are_rows_of_their_own(read):
    rows = [{"article": "Story 0.", "questions": QUESTIONS[:2], "options": [CHOICES] * 2, "answers": ["A", "B"]}]
    rows = [{**rows[0], "article": f"Story {i}."} for i in range(2)]
    reading = read("t.jsonl", rows)
    assert [(e.row, e.answer, e.fields["context"]) for e in reading.task.examples] == [
        (1, "a hammer", "Story 0."),
        (1, "water", "Story 0."),
        (2, "a hammer", "Story 1."),
        (2, "water", "Story 1."),
    ]
    reading = read("t.jsonl", [*rows, {**rows[0], "article": "Story 2.", "answers": ["A"]}])
    assert [(one.row, one.rule) for one in reading.rejected] == [(3, "lists of different length")]


@pytest.mark.parametrize("form", ["messages", "conversations"])
def test_a_question_and_its_answer_may_be_two_turns_of_a_conversation(read, form):
    names = {"messages": ("role", "content", "user", "assistant"), "conversations": ("from", "value", "human", "gpt")}
    who, what, user, model = names[form]
    rows = [
        {form: [{who: user, what: question}, {who: model, what: answer}]}
        for question, answer in zip(QUESTIONS, ANSWERS, strict=True)
    ]
    rows.append({form: [*rows[0][form], *rows[1][form]]})
    reading = read("t.jsonl", rows)
    assert [e.answer for e in reading.task.examples] == ANSWERS
    assert [one.complaint for one in reading.rejected] == ["has 2 questions and 2 answers; one of each is needed"]


def spacy():
    return [[text, {"entities": [list(span) for span in spans]}] for text, spans in SPANS]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.json", spacy()),
        ("t.jsonl", spacy()),
        ("t.json", {"classes": ["PER", "LOC", "ORG"], "annotations": spacy()}),
        ("t.json", repr([(text, {"entities": spans}) for text, spans in SPANS])),
        ("t.txt", f"TRAIN_DATA = {[(text, {'entities': spans}) for text, spans in SPANS]!r}\n"),
        ("t.jsonl", [{"text": text, "entities": [list(span) for span in spans]} for text, spans in SPANS]),
        ("t.csv", "text,label\n" + "".join(f'{t},"{[list(s) for s in spans]}"\n' for t, spans in SPANS)),
    ],
    ids=["JSON", "lines", "classes", "Python", "a name", "records", "cells"],
)
def test_spans_beside_their_texts_are_read(read, name, content):
    reading = read(name, content)
    assert [(e.fields["entity"], e.fields["label"]) for e in reading.task.examples] == FOUND


@pytest.mark.parametrize("scores", [(1.0, 0.0), (1, 0), (True, False), (0.9, 0.1)])
def test_the_label_of_a_number_a_label_is_the_one_with_the_only_1(read, scores):
    one, other = scores
    cats = [{"good": one, "bad": other}, {"good": other, "bad": one}]
    pairs = [[text, {"cats": cats[i % 2]}] for i, text in enumerate(TEXTS)]
    pairs.append(["both", {"cats": {"good": one, "bad": one}}])
    reading = read("t.json", pairs)
    assert [e.answer for e in reading.task.examples] == ["good", "bad", "good", "bad"]
    assert [one.complaint for one in reading.rejected] == ["has 2 labels; one is needed"]


ROWS = [{"text": text, "label": ("good", "bad")[i % 2]} for i, text in enumerate(TEXTS)]


@pytest.mark.parametrize(
    ("name", "content", "options", "said"),
    [
        ("t.json", {"data": {"train": ROWS}}, {}, "the list under 'data.train' is read"),
        ("t.json", {"data": {"train": ROWS, "test": ROWS[:2]}}, {"part": "data.train"}, None),
        ("t.json", {"results": {"page": {"items": ROWS}}}, {}, "the list under 'results.page.items' is read"),
        ("t.json", {"features": [{"name": "text"}], "rows": [{"row_idx": 0, "row": row} for row in ROWS]}, {}, None),
        ("t.jsonl", [{"data": row} for row in ROWS], {}, None),
        ("t.json", [{"id": "rec1", "fields": row, "createdTime": "x"} for row in ROWS], {}, None),
        ("t.json", repr(ROWS), {}, "the file is read as Python writes lists, not as JSON"),
        ("t.jsonl", [["text", "label"], *(list(row.values()) for row in ROWS)], {}, "the first list holds"),
    ],
)
def test_records_below_keys_or_inside_others_are_read(read, name, content, options, said):
    reading = read(name, content, **options)
    assert [dict(e.fields) for e in reading.task.examples] == ROWS
    assert said is None or any(note.startswith(said) for note in reading.notes)


def test_several_lists_below_keys_are_named_with_their_path(read):
    with pytest.raises(TaskError, match=r"2 lists of objects.*data\.train, data\.test"):
        read("t.json", {"data": {"train": ROWS, "test": ROWS}})


@pytest.mark.parametrize("form", ["{}. {}", "{}) {}", "({}) {}", "{}: {}"])
@pytest.mark.parametrize("between", ["\n", " ", "\nOptions:\n"])
def test_options_at_the_end_of_a_question_are_its_choices(read, form, between):
    choices = "\n".join(form.format(*pair) for pair in zip("ABCD", CHOICES, strict=True))
    rows = [{"prompt": f"{q}{between}{choices}", "completion": "ABCD"[i]} for i, q in enumerate(QUESTIONS)]
    reading = read("t.jsonl", rows)
    assert reading.task.kind == "multiple_choice"
    assert [(e.fields["question"], e.answer) for e in reading.task.examples] == list(
        zip(QUESTIONS, ANSWERS, strict=True)
    )
    assert "the options of 4 questions stand in the question itself" in reading.notes


def test_a_question_with_lettered_parts_and_a_plain_answer_stays_whole(read):
    rows = [{"question": f"{q} A. one B. two", "answer": a} for q, a in zip(QUESTIONS, ANSWERS, strict=True)]
    reading = read("t.jsonl", rows)
    assert reading.task.kind == "question_answer"
    assert reading.task.examples[0].fields["question"].endswith("A. one B. two")
