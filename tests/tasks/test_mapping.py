"""Columns of a file to columns of a task: guessed, said, refused."""

import pytest

from neuron_core.errors import TaskError
from neuron_core.tasks.guessing import guess_kind, guess_mapping
from neuron_core.tasks.kinds import KINDS
from neuron_core.tasks.load import load_task
from neuron_core.tasks.mapping import parse_mapping
from neuron_core.tasks.names import SYNONYMS
from neuron_core.tasks.table import make_table
from neuron_core.tasks.validation import validate


def table_of(*columns):
    return make_table("t", "t.csv", "csv", ((2, dict.fromkeys(columns, "[NP x]")),))


def test_every_column_of_every_kind_has_its_synonyms():
    assert {name: set(columns) - {"distractors"} for name, columns in SYNONYMS.items()} == {
        name: {*kind.columns, *kind.optional} for name, kind in KINDS.items()
    }


@pytest.mark.parametrize(
    ("kind", "columns", "mapping"),
    [
        ("classification", ["text", "label"], {"text": "text", "label": "label"}),
        ("classification", ["id", "Review Text", "Stars"], {"text": "Review Text", "label": "Stars"}),
        ("classification", ["sentence", "sentiment"], {"text": "sentence", "label": "sentiment"}),
        ("classification", ["label", "sentiment", "text", "title"], {"text": "text", "label": "label"}),
        ("classification", ["comment"], {"text": "comment"}),
        ("classification", ["pages", "x"], {}),
        (
            "span_typing",
            ["text", "mention", "entity_type"],
            {"sentence": "text", "entity": "mention", "label": "entity_type"},
        ),
        ("chunking", ["Sentence", "chunks"], {"sentence": "Sentence", "answer": "chunks"}),
        (
            "multiple_choice",
            ["stem", "options", "Correct Answer"],
            {"question": "stem", "choices": "options", "answer": "Correct Answer"},
        ),
        (
            "multiple_choice",
            ["question", "D", "A", "C", "B", "answer"],
            {"question": "question", "choices": ("A", "B", "C", "D"), "answer": "answer"},
        ),
        (
            "multiple_choice",
            ["ctx", "ending0", "ending1", "ending2", "ending3", "label"],
            {"question": "ctx", "choices": ("ending0", "ending1", "ending2", "ending3"), "answer": "label"},
        ),
        (
            "multiple_choice",
            ["question", "Option 1", "Option 2", "Option 3", "Option 4", "Option 6", "target"],
            {
                "question": "question",
                "choices": ("Option 1", "Option 2", "Option 3", "Option 4"),
                "answer": "target",
            },
        ),
        (
            "multiple_choice",
            ["question", "option_b", "option_c", "answer"],
            {"question": "question", "answer": "answer"},
        ),
        (
            "question_answer",
            ["question", "distractor1", "distractor2", "distractor3", "correct_answer", "support"],
            {
                "question": "question",
                "answer": "correct_answer",
                "distractors": ("distractor1", "distractor2", "distractor3"),
                "context": "support",
            },
        ),
    ],
)
def test_columns_are_guessed_by_name_synonym_and_series(kind, columns, mapping):
    assert guess_mapping(table_of(*columns), kind) == mapping
    assert guess_mapping(table_of(*columns), KINDS[kind]) == mapping


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        (["review", "stars"], "classification"),
        (["text", "span", "type"], "span_typing"),
        (["prompt", "completion"], "question_answer"),
        (["question", "a", "b", "c", "d", "answer"], "multiple_choice"),
        (["sentence", "chunks"], "chunking"),
        # What the columns are called goes before what they may mean.
        (["question", "answer", "input", "label"], "question_answer"),
    ],
)
def test_the_kind_is_guessed_with_the_columns(columns, kind):
    assert guess_kind(table_of(*columns)).name == kind


def test_what_is_said_of_the_mapping_decides_the_kind_with_the_rest():
    table = table_of("pages", "answer", "sentence")
    assert guess_kind(table, {"question": "pages"}).name == "question_answer"
    with pytest.raises(TaskError, match="no task kind fits"):
        guess_kind(table, {"nonsense": "pages"})


def test_a_label_that_no_name_tells_is_the_one_column_whose_values_repeat():
    rows = [{"id": n, "body": f"ticket {n}", "queue": ["billing", "delivery", "other"][n % 3]} for n in range(12)]

    def table(rows):
        return make_table("t", "t.csv", "csv", tuple(enumerate(rows, start=2)))

    assert guess_kind(table(rows)).name == "classification"
    assert guess_mapping(table(rows), "classification") == {"text": "body", "label": "queue"}
    two = [{"id": n, "body": f"ticket {n}", "side": "lr"[n % 2], "room": "abc"[n % 3]} for n in range(12)]
    assert guess_mapping(table(two), "classification") == {"text": "body"}
    with pytest.raises(TaskError, match="no task kind fits"):
        guess_kind(table(two))
    named = [{"question": row["body"], "answer": row["id"], "text": row["body"], "side": row["queue"]} for row in rows]
    assert guess_kind(table(named)).name == "question_answer"


def test_thousands_of_columns_do_not_fill_the_message():
    with pytest.raises(TaskError) as caught:
        guess_kind(table_of(*(f"feature {i}" for i in range(5000))))
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("text", "mapping"),
    [
        ("text=review,label=stars", {"text": "review", "label": "stars"}),
        (" text = the review , label=stars", {"text": "the review", "label": "stars"}),
        ("choices=A+B+C+D", {"choices": ("A", "B", "C", "D")}),
        ('text="review, cleaned",label="C++"', {"text": "review, cleaned", "label": "C++"}),
        ("text=premise+hypothesis,label=gold", {"text": ("premise", "hypothesis"), "label": "gold"}),
    ],
)
def test_a_mapping_is_written_as_text(text, mapping):
    assert parse_mapping(text) == mapping


@pytest.mark.parametrize("text", ["", "text", "text=", "=review", "text=review,"])
def test_another_text_is_no_mapping(text):
    with pytest.raises(TaskError, match=r"not a mapping.*--map.*text=review,label=stars"):
        parse_mapping(text)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"text": "review"}, r"needs the column 'label', and no column.*columns review, stars.*text, label"),
        ({"text": "review", "label": "points"}, r"the file has no column 'points'.*review, stars"),
        ({"text": "review", "label": "stars", "span": "review"}, r"classification has no column 'span'.*text, label"),
        ({"text": "review", "label": ("review", "stars")}, r"label is one column, not 2"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(mapping, message):
    with pytest.raises(TaskError, match=message):
        validate(table_of("review", "stars"), "classification", mapping)


def test_a_task_is_loaded_from_guessed_and_said_columns(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("review,stars,verdict\n" + "".join(f"text {i},{i},{['good', 'bad'][i % 2]}\n" for i in range(6)))
    assert load_task(str(path)).task.labels == ("0", "1", "2", "3", "4", "5")
    reading = load_task(str(path), mapping={"label": "verdict"})
    assert reading.task.labels == ("good", "bad")
    assert reading.mapping == {"label": "verdict", "text": "review"}
