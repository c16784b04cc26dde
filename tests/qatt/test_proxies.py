"""Three orders of the same four options: what they share, and that only seed and example decide them."""

from collections import Counter
from dataclasses import replace

import pytest

from neuron_core.qatt.draws import questions_of
from neuron_core.qatt.prompt import proxy_questions
from neuron_core.qatt.proxies import (
    PROXIES,
    ROTATIONS,
    Option,
    ProxyQuestion,
    blind_shares,
    left_out_letter,
    option_orders,
    option_places,
    option_rotations,
)
from neuron_core.tasks.load import load_task
from neuron_core.tasks.task import LETTERS, Example, Task, Wording
from tests.builders import classification_rows, write_jsonl


def made(folder, rows, name="task") -> Task:
    return load_task(str(write_jsonl(folder / f"{name}.jsonl", rows))).task


def texts(orders):
    return [[(option.letter, option.text, option.correct) for option in order] for order in orders]


@pytest.fixture
def sentiment(tmp_path):
    return made(tmp_path, classification_rows(60))


@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_the_same_four_options_in_three_orders_and_the_correct_one_on_three_letters(sentiment, seed):
    for example in sentiment.examples:
        orders = option_orders(example, sentiment, seed)
        assert len(orders) == 3
        for order in orders:
            assert [option.letter for option in order] == list(LETTERS)
            assert sorted(option.text for option in order) == ["negative", "neutral", "not sure", "positive"]
            assert [option.text for option in order if option.correct] == [example.fields["label"]]
        correct = {option.letter for order in orders for option in order if option.correct}
        assert correct == set(LETTERS) - {LETTERS[left_out_letter(example.id, seed)]}


def test_wrong_options_change_their_order_too(sentiment):
    wrong = {
        tuple(option.text for option in order if not option.correct)
        for example in sentiment.examples
        if example.fields["label"] == "positive"
        for order in option_orders(example, sentiment, 0)
    }
    assert len(wrong) == 6


def test_a_wrong_option_falls_on_every_letter(sentiment):
    letters = Counter(
        option.letter
        for example in sentiment.examples
        for order in option_orders(example, sentiment, 0)
        for option in order
        if option.text == "not sure"
    )
    assert set(letters) == set(LETTERS)
    assert max(letters.values()) < 2 * min(letters.values())


def test_neither_another_order_of_the_file_nor_a_subset_changes_an_example_s_questions(tmp_path):
    rows = classification_rows(40, labels=("art", "event", "person", "place", "product", "other"))
    whole = made(tmp_path, rows, "whole")
    turned = made(tmp_path, rows[::-1], "turned")
    part = made(tmp_path, rows[10:23], "part")
    assert turned.labels != whole.labels
    assert set(part.labels) == set(whole.labels)
    expected = {example.id: texts(option_orders(example, whole, 5)) for example in whole.examples}
    for task in (turned, part):
        for example in task.examples:
            assert texts(option_orders(example, task, 5)) == expected[example.id]


def test_another_seed_gives_other_orders_and_the_same_seed_the_same(sentiment):
    def all_orders(seed):
        return [texts(option_orders(example, sentiment, seed)) for example in sentiment.examples]

    assert all_orders(0) == all_orders(0)
    assert all_orders(0) != all_orders(1)


def test_every_letter_is_left_out_about_as_often():
    counts = Counter(left_out_letter(f"example-{i}", 0) for i in range(4000))
    assert set(counts) == {0, 1, 2, 3}
    assert min(counts.values()) > 900


@pytest.mark.parametrize("seed", [0, 7])
def test_in_four_rotations_every_option_stands_on_every_letter_once_in_the_same_cyclic_order(sentiment, seed):
    for example in sentiment.examples:
        orders = option_rotations(example, sentiment, seed)
        assert len(orders) == 4
        first = [option.text for option in orders[0]]
        for turn, order in enumerate(orders):
            assert [option.letter for option in order] == list(LETTERS)
            assert [option.text for option in order] == first[-turn:] + first[:-turn]
            assert [option.text for option in order if option.correct] == [example.fields["label"]]


def test_rotations_depend_on_seed_and_example_only(sentiment):
    def made_with(seed):
        return [texts(option_rotations(example, sentiment, seed)) for example in sentiment.examples]

    assert made_with(1) == made_with(1) != made_with(2)
    assert {order[0][0][1] for order in made_with(1)} == {"negative", "neutral", "not sure", "positive"}


def test_places_of_options_follow_them_through_every_order(sentiment):
    for proxies, n in (("shuffles", 3), ("rotations", 4)):
        questions = questions_of(sentiment, tuple(sentiment.examples[1:4]), sentiment.examples[0], 0, proxies=proxies)
        assert len(questions) == 3 * n
        places = option_places(questions)
        assert [row.tolist().index(0) for row in places] == [question.target for question in questions]
        text_of = {}
        for question, row in zip(questions, places, strict=True):
            for option, number in zip(question.options, row.tolist(), strict=True):
                assert text_of.setdefault((question.example_id, number), option.text) == option.text
    mixed = (questions[0], replace(questions[1], options=(*questions[1].options[:3], Option("D", "other", False))))
    assert option_places(mixed) is None


def test_chance_counts_the_options_that_are_not_neutral():
    def question(*texts, correct="yes"):
        options = tuple(Option(letter, text, text == correct) for letter, text in zip("ABCD", texts, strict=True))
        return ProxyQuestion("e#1", "e", "Is it?", options, "")

    assert question("yes", "no", "perhaps", "never").chance == 1 / 4
    assert question("yes", "no", "perhaps", "not sure").chance == 1 / 3
    two = question("not sure", "yes", "none of these", "no")
    assert two.chance == 1 / 2
    assert [option.neutral for option in two.options] == [True, False, True, False]
    # A neutral option that is the answer itself is a real one.
    assert question("not sure", "yes", "no", "none of these", correct="not sure").chance == 1 / 3


def test_a_neutral_text_that_is_a_label_of_the_task_is_a_real_option():
    rows = tuple(
        Example(f"{i:012d}", {"text": f"text {i}", "label": label}, i)
        for i, label in enumerate(("yes", "no", "not sure", "yes"))
    )
    task = Task("t", "classification", rows, "t.csv", Wording("You are careful.", "Which?"), ("yes", "no", "not sure"))
    for proxies in PROXIES:
        for example in rows:
            for question in proxy_questions(example, task, None, 0, proxies=proxies):
                assert sorted(option.text for option in question.options if not option.neutral) == [
                    "no",
                    "not sure",
                    "yes",
                ]
                assert question.chance == 1 / 3


@pytest.mark.parametrize("labels", [("yes", "no"), ("yes", "no", "maybe"), ("a", "b", "c", "d", "e")])
def test_blind_picks_take_each_letter_as_often_as_a_real_option_stands_there(labels):
    rows = tuple(Example(f"{i:012d}", {"text": f"text {i}", "label": labels[i % len(labels)]}, i) for i in range(40))
    task = Task("t", "classification", rows, "t.csv", Wording("You are careful.", "Which?"), labels)
    questions = [question for one in rows for question in proxy_questions(one, task, None, 0)]
    shares = blind_shares(questions)
    real = min(4, len(labels))
    counted = [sum(not q.options[place].neutral for q in questions) / len(questions) / real for place in range(4)]
    assert shares == pytest.approx(counted)
    assert sum(shares) == pytest.approx(1)
    assert (max(shares) - min(shares) < 1e-12) == (real == 4)
    turned = [question for one in rows for question in proxy_questions(one, task, None, 0, proxies=ROTATIONS)]
    # Each option stands on each letter once.
    assert blind_shares(turned) == pytest.approx([0.25] * 4)
    assert blind_shares([]) == (0.25,) * 4
