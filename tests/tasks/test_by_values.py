"""Text and label by everyday names, and by what columns hold where no name tells."""

import pytest

from neuron_core.errors import TaskError
from neuron_core.tasks.load import load_task, read_checked
from neuron_core.tasks.readers.source import ReadOptions

TEXTS = [f"the {what} of number {i} came late" for i, what in enumerate(["parcel", "bill", "tea", "train"] * 3)]
WORDS = ("Billing", "Support", "Sales")


def table(path, **columns):
    """A CSV file of these columns, 12 rows; a column is a list or what gives the value of a row."""
    rows = [[value[i] if isinstance(value, list) else value(i) for value in columns.values()] for i in range(12)]
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.mark.parametrize(
    "name",
    [
        *("queue", "category", "topic", "intent", "sentiment", "class", "tag", "target", "verdict", "stance", "type"),
        *("department", "team", "mood", "tone", "status", "priority", "severity", "outcome", "decision", "opinion"),
        *("genre", "group", "gold", "annotation", "issue_type", "review_class", "Ticket Category", "is_spam", "y"),
        *("predictedQueue", "language"),
    ],
)
def test_a_column_of_labels_is_known_by_an_everyday_name_or_by_its_values(tmp_path, name):
    reading = load_task(table(tmp_path / "t.csv", text=TEXTS, **{name: lambda i: WORDS[i % 3]}))
    assert reading.understood == f"3-label classification; text = text, label = {name}; 12 of 12 rows"


@pytest.mark.parametrize(
    "name",
    [
        *("body", "message", "ticket", "email", "complaint", "post", "comment", "abstract", "description", "summary"),
        *("excerpt", "news", "note", "feedback", "review_body", "verbatim", "query", "statement", "claim", "x", "txt"),
    ],
)
def test_a_column_of_texts_is_known_by_an_everyday_name_or_by_its_values(tmp_path, name):
    reading = load_task(table(tmp_path / "t.csv", **{name: TEXTS}, label=lambda i: WORDS[i % 3]))
    assert reading.mapping == {"text": name, "label": "label"}


def test_tickets_are_understood_in_one_sentence(tmp_path):
    columns = {
        "ticket_id": lambda i: i,
        "subject": lambda i: f"Request {i}",
        "body": TEXTS,
        "priority": lambda i: ("low", "high")[i % 2],
        "language": lambda i: ("en", "de")[i % 2],
        "queue": lambda i: WORDS[i % 3],
    }
    reading = load_task(table(tmp_path / "t.csv", **columns))
    assert reading.understood == "3-label classification; text = body, label = queue; 12 of 12 rows"
    assert reading.unused == ("ticket_id", "subject", "priority", "language")


def test_two_columns_that_may_both_be_labels_are_named_and_none_is_taken(tmp_path):
    path = table(tmp_path / "t.csv", note=TEXTS, floor=lambda i: ("low", "high")[i % 2], room=lambda i: WORDS[i % 3])
    with pytest.raises(TaskError, match=r"no task kind fits.*--map text=note,label=floor \(or room\)"):
        load_task(path)
    assert load_task(path, mapping={"label": "room"}).mapping == {"label": "room", "text": "note"}


@pytest.mark.parametrize(
    ("columns", "unlike"),
    [
        ({"question": TEXTS, "answer": TEXTS[::-1], "part": lambda i: WORDS[i % 3]}, "question_answer"),
        ({"prompt": TEXTS, "completion": TEXTS[::-1], "team": lambda i: WORDS[i % 3]}, "question_answer"),
    ],
)
def test_values_never_win_over_names(tmp_path, columns, unlike):
    assert load_task(table(tmp_path / "t.csv", **columns)).task.kind == unlike


def test_a_first_row_of_data_is_no_header_whatever_the_columns_hold(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("".join(f"{WORDS[i % 3]},{text}\n" for i, text in enumerate(TEXTS)))
    with pytest.raises(TaskError, match=r"row 1 is taken as the header but looks like data: --no-header"):
        load_task(str(path))
    reading = read_checked(str(path), options=ReadOptions(header=False))
    assert reading.understood == "3-label classification; text = column 2, label = column 1; 12 of 12 rows"


@pytest.mark.parametrize(
    ("number", "name"),
    [
        *(("label_id", "label_desc"), ("class_id", "class_name"), ("category_id", "category")),
        *(("sentiment", "sentiment_label"), ("target", "target_names"), ("intent_idx", "intent")),
    ],
)
def test_names_win_over_numbers_whatever_the_two_are_called(tmp_path, number, name):
    columns = {number: lambda i: i % 3, name: lambda i: WORDS[i % 3]}
    assert load_task(table(tmp_path / "t.csv", text=TEXTS, **columns)).mapping["label"] == name


def test_a_term_and_its_polarity_are_a_span(tmp_path):
    columns = {
        "sentence": TEXTS,
        "aspect": lambda i: TEXTS[i].split()[1],
        "polarity": lambda i: ["pos", "neg"][i % 2],
    }
    reading = load_task(table(tmp_path / "t.csv", **columns))
    assert reading.mapping == {"sentence": "sentence", "entity": "aspect", "label": "polarity"}


def test_a_target_beside_a_stance_is_not_the_label(tmp_path):
    columns = {"Target": lambda i: WORDS[i % 3], "Tweet": TEXTS, "Stance": lambda i: ("FAVOR", "AGAINST")[i % 2]}
    assert load_task(table(tmp_path / "t.csv", **columns)).mapping["label"] == "Stance"
