"""Values of a task: ids, texts, fingerprints, and the order by hash."""

from dataclasses import replace

from neuron_core.tasks.task import Example, Task, Wording, draw_order, example_id


def test_an_id_is_that_of_the_fields_whatever_their_order():
    one = example_id({"text": "Café", "label": "positive"})
    assert one == example_id({"label": "positive", "text": "Café"})
    assert one == "ce166e6bdd6a"
    assert one != example_id({"text": "Café", "label": "negative"})


def test_the_text_of_an_example_is_free_of_labels_case_and_white_space():
    def text(**fields):
        return Example("id", fields, 1).text

    assert text(text=" Late \n AGAIN ", label="negative") == "late again"
    assert text(question="Which?", choices=["b", "A"], answer="b") == "a b which?"
    assert text(question="Which?", choices=["A", "b"], answer="A") == text(
        question="which?", choices=["b", "A"], answer="b"
    )


def test_entities_of_one_sentence_share_their_text_and_wrong_options_are_no_text():
    ada = Example("1", {"sentence": "Ada met Grace", "entity": "Ada", "label": "person"}, 1)
    grace = Example("2", {"sentence": "ada met Grace", "entity": "Grace", "distractors": ["art"], "label": "person"}, 2)
    assert ada.text == grace.text == "ada met grace"


def test_a_fingerprint_is_of_what_is_asked_and_not_of_where_it_lies():
    examples = tuple(Example(i, {"text": i, "label": "a"}, row) for row, i in enumerate("abc"))
    task = Task("name", "classification", examples, "here.csv", Wording("role", "question"))
    assert replace(task, name="other", source="there.csv", examples=examples[::-1]).fingerprint == task.fingerprint
    for change in (
        {"examples": examples[:2]},
        {"wording": Wording("role", "another question")},
        {"wording": Wording("another role", "question")},
        {"kind": "other"},
    ):
        assert replace(task, **change).fingerprint != task.fingerprint


def test_an_order_by_hash_changes_with_seed_and_purpose_only():
    ids = [f"id{i}" for i in range(50)]
    order = draw_order(ids, 0, "examples")
    assert sorted(order) == sorted(ids)
    assert order == draw_order(reversed(ids), 0, "examples")
    assert order not in (ids, draw_order(ids, 1, "examples"), draw_order(ids, 0, "other"))
    assert draw_order(ids[10:30], 0, "examples") == [i for i in order if i in ids[10:30]]
