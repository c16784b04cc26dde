"""The task kinds: what a row must have, which options it gives, and which wrong ones."""

import pytest

from neuron_core.errors import TaskError
from neuron_core.tasks.guessing import guess_kind
from neuron_core.tasks.kinds import KINDS, get_kind
from neuron_core.tasks.load import load_task
from neuron_core.tasks.table import make_table
from neuron_core.tasks.task import Example, Task
from tests.builders import write_jsonl

SENTENCE = {"sentence": "Ada was born in London", "entity": "London", "label": "location"}
CHUNKS = {"sentence": "A fox ran home", "answer": "[NP A fox] [VP ran] [ADVP home]"}
CHOICE = {"question": "Where to?", "choices": ["a", "b", "c", "d"], "answer": "c"}
GOOD = {
    "classification": {"text": "Fine.", "label": "positive"},
    "span_typing": SENTENCE,
    "chunking": CHUNKS,
    "multiple_choice": CHOICE,
    "question_answer": {"question": "Which?", "answer": "this"},
}


def kind_of(*columns):
    return guess_kind(make_table("t", "t.csv", "csv", ((2, dict.fromkeys(columns, "[NP x]")),))).name


@pytest.fixture
def options(tmp_path):
    """`options(rows, seed=0)`: the options of every example of a file of these rows."""

    def make(rows, seed=0):
        task = load_task(str(write_jsonl(tmp_path / "t.jsonl", rows))).task
        return [KINDS[task.kind].options(example, task, seed) for example in task.examples]

    return make


def test_there_is_a_good_row_here_for_every_kind():
    assert set(GOOD) == set(KINDS)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_row_has_no_complaint_and_its_columns_name_its_kind(name):
    assert KINDS[name].check(GOOD[name]) is None
    assert set(GOOD[name]) == set(KINDS[name].columns)
    assert kind_of(*GOOD[name]) == name
    assert kind_of(*GOOD[name], "notes", "id") == name


@pytest.mark.parametrize(
    ("name", "change", "column", "complaint"),
    [
        ("classification", {"text": "  "}, "text", "is empty"),
        ("classification", {"label": ""}, "label", "is empty"),
        ("span_typing", {"entity": "\n"}, "entity", "is empty"),
        ("span_typing", {"label": ""}, "label", "is empty"),
        ("span_typing", {"entity": "Paris"}, "entity", "does not occur in the sentence"),
        ("chunking", {"sentence": ""}, "sentence", "is empty"),
        ("chunking", {"answer": " "}, "answer", "is empty"),
        ("chunking", {"answer": "[NP A fox] [VP ran]"}, "answer", "does not have the words of the sentence"),
        ("chunking", {"answer": "[NP fox A] [VP ran] [ADVP home]"}, "answer", "does not have the words"),
        ("chunking", {"answer": "[NP A fox [VP ran] [ADVP home]"}, "answer", "does not have the words"),
        (
            "chunking",
            {"sentence": "Go home", "answer": "Go [ADVP home]"},
            "answer",
            "allows 1 wrong segmentations",
        ),
        ("multiple_choice", {"question": ""}, "question", "is empty"),
        ("multiple_choice", {"choices": "a, b, c, d"}, "choices", "is not a list of texts"),
        (
            "multiple_choice",
            {"choices": ["a", "b", "c"]},
            "choices",
            "has 3 choices; four or more are needed",
        ),
        ("multiple_choice", {"choices": ["a", "b", "c", "c "]}, "choices", "has the same choice twice"),
        ("multiple_choice", {"choices": ["a", "b", "c", " "]}, "choices", "has an empty choice"),
        ("multiple_choice", {"answer": "e"}, "answer", "is not one of the choices"),
        ("multiple_choice", {"answer": "C"}, "answer", "is not one of the choices"),
        ("question_answer", {"question": " "}, "question", "is empty"),
        ("question_answer", {"answer": ""}, "answer", "is empty"),
        ("question_answer", {"distractors": "a"}, "distractors", "is not a list of texts"),
        (
            "question_answer",
            {"distractors": ["a", "b", "this", "b"]},
            "distractors",
            "has 2 texts that differ",
        ),
        ("question_answer", {"distractors": ["a", "b", "c", " "]}, "distractors", "has an empty text"),
    ],
)
def test_a_row_that_does_not_fit_is_named_by_column_and_complaint(name, change, column, complaint):
    found = KINDS[name].check(GOOD[name] | change)
    assert found is not None
    assert found.column == column
    assert complaint in found.complaint


def test_a_span_across_a_line_break_of_the_sentence_occurs_in_it():
    row = {"sentence": "She joined the\nRed  Cross.", "entity": "Red Cross", "label": "organization"}
    assert KINDS["span_typing"].check(row) is None


def test_an_unknown_kind_lists_the_known_ones():
    with pytest.raises(TaskError, match=r"'ranking'.*classification, span_typing, chunking"):
        get_kind("ranking")


def test_columns_that_fit_no_kind_list_what_each_needs():
    with pytest.raises(TaskError, match=r"columns label, pages.*classification: text, label; span_typing: sentence"):
        kind_of("pages", "label")
    with pytest.raises(TaskError, match=r"\(none\)"):
        kind_of()


def test_the_kind_that_needs_most_of_the_columns_wins():
    assert kind_of("question", "answer", "choices") == "multiple_choice"
    assert kind_of("question", "answer", "distractors") == "question_answer"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("yes", "no"), {"yes", "no", "not sure", "none of these"}),
        (("good", "bad", "mixed"), {"good", "bad", "mixed", "not sure"}),
        (("a", "b", "not sure"), {"a", "b", "not sure", "none of these"}),
        (("a", "b", "c", "d"), {"a", "b", "c", "d"}),
    ],
)
def test_few_labels_are_filled_up_to_four(options, labels, expected):
    made = options([{"text": f"Text {i}", "label": label} for i, label in enumerate(labels)])
    assert [found[0] for found in made] == list(labels)
    assert all(len(found) == 4 and set(found) == expected for found in made)


def test_of_many_labels_three_wrong_ones_are_drawn_by_seed_and_example(options):
    labels = ["art", "event", "person", "place", "product", "other", "animal"]
    rows = [{"text": f"Text {i}", "label": labels[i % 7]} for i in range(70)]
    made = options(rows)
    for row, found in zip(rows, made, strict=True):
        assert found[0] == row["label"]
        assert len(set(found)) == 4
        assert set(found) <= set(labels)
    assert {text for found in made for text in found[1:]} == set(labels)
    assert options(rows) == made
    assert options(rows, seed=1) != made


def test_types_of_a_span_are_those_of_the_file(options):
    labels = ("location", "person", "art", "event", "product")
    made = options([SENTENCE | {"sentence": f"{i} London", "label": labels[i % 5]} for i in range(20)])
    assert all(len(set(found)) == 4 and set(found) <= set(labels) for found in made)


def test_of_more_than_four_choices_the_right_one_always_stays(options):
    rows = [CHOICE | {"question": f"Where to, {i}?", "choices": [*"abcdef"]} for i in range(30)]
    made = options(rows)
    assert all(found[0] == "c" and len(set(found)) == 4 for found in made)
    assert {text for found in made for text in found} == set("abcdef")


def test_given_distractors_win_over_the_answers_of_the_file(options):
    given = ["red", "blue", "green", "white"]
    rows = [{"question": f"Which, {i}?", "answer": f"answer {i}", "distractors": given} for i in range(9)]
    assert all(set(found[1:]) < set(given) for found in options(rows))


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_takes_its_wrong_options_from_a_distractors_column(options, name):
    given = {
        "chunking": ["[VP A fox] [VP ran]", "[NP A] [VP fox ran]", "A  [NP fox ran]", "[NP A] [NP fox] [VP ran]"]
    }.get(name, ["red", "blue", " green\n", "white"])
    row = {**GOOD[name], "distractors": given}
    if name == "chunking":
        row |= {"sentence": "A fox ran", "answer": "[NP A fox][VP ran]"}
    first = next(column for column in row if column in ("text", "sentence", "question"))
    rows = [{**row, first: f"{row[first]} {i}"} for i in range(20)] if name != "chunking" else [row]
    made = options(rows)
    correct = row.get("label", row.get("answer"))
    assert {found[0] for found in made} == {"[NP A fox] [VP ran]" if name == "chunking" else correct}
    written = {" ".join(text.split()) for text in given}
    assert all(len(set(found)) == 4 and set(found[1:]) < written for found in made)
    assert {text for found in made for text in found[1:]} == written or name == "chunking"


def test_neutral_options_fill_up_the_distractors_of_a_classification(options):
    rows = [
        {"text": "One.", "label": "good", "distractors": ["bad"]},
        {"text": "Two.", "label": "good", "distractors": ["not sure", "bad"]},
        {"text": "Three.", "label": "good", "distractors": ["bad", "worse"]},
    ]
    assert [set(found[1:]) for found in options(rows)] == [
        {"bad", "not sure", "none of these"},
        {"not sure", "bad", "none of these"},
        {"bad", "worse", "not sure"},
    ]


def test_without_distractors_other_answers_of_the_file_are_the_wrong_ones(options):
    answers = ["iron", "tin", "lead", "zinc", "gold", " iron "]
    rows = [{"question": f"Which metal, {i}?", "answer": answer} for i, answer in enumerate(answers)]
    made = options(rows)
    for answer, found in zip(answers, made, strict=True):
        assert found[0] == answer.strip()
        assert len(set(found)) == 4
        assert set(found) <= {"iron", "tin", "lead", "zinc", "gold"}


def test_among_very_many_answers_three_others_are_drawn_by_seed_and_example():
    examples = tuple(Example(f"{i:012x}", {"question": f"Q{i}?", "answer": f"a{i}"}, i) for i in range(1500))
    task = Task("t", "question_answer", examples, "t", KINDS["question_answer"].wording)
    made = [KINDS["question_answer"].options(example, task, 0) for example in examples[:200]]
    assert all(len(set(found)) == 4 and found[0] == f"a{i}" for i, found in enumerate(made))
    assert len({text for found in made for text in found[1:]}) > 400
    assert made[7] == KINDS["question_answer"].options(examples[7], task, 0)
    assert made[7] != KINDS["question_answer"].options(examples[7], task, 1)
