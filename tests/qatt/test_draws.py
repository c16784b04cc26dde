"""Three disjoint draws by seed: demonstration, attribution examples, evaluation examples."""

from collections import Counter

import pytest

from neuron_core.errors import ConfigError
from neuron_core.qatt.draws import draw, questions_of
from neuron_core.tasks.load import load_task
from tests.builders import classification_rows, write_jsonl


def made(folder, rows, name="task"):
    return load_task(str(write_jsonl(folder / f"{name}.jsonl", rows))).task


@pytest.fixture
def task(tmp_path):
    return made(tmp_path, classification_rows(120))


def all_of(draws):
    return [draws.demonstration, *draws.attribution, *draws.evaluation]


def ids(draws):
    return [example.id for example in all_of(draws)]


@pytest.mark.parametrize("seed", range(5))
def test_the_three_draws_are_disjoint_and_as_large_as_asked_for(task, seed):
    draws = draw(task, 7, 30, seed)
    assert (len(draws.attribution), len(draws.evaluation)) == (7, 30)
    assert len(set(ids(draws))) == 38


def test_one_text_under_several_labels_lands_in_one_place_only(tmp_path):
    texts = [f"The same words, number {i}." for i in range(12)]
    rows = [
        {"text": variant, "label": label}
        for text in texts
        for variant, label in ((text, "positive"), (f"  {text.upper()}\n", "negative"), (text, "neutral"))
    ]
    task = made(tmp_path, rows)
    assert len(task.examples) == 36
    for seed in range(5):
        drawn = [" ".join(e.fields["text"].lower().split()) for e in all_of(draw(task, 4, 7, seed))]
        assert len(set(drawn)) == len(drawn) == 12
    with pytest.raises(ConfigError, match=r"12 examples of different text; 13 are asked for"):
        draw(task, 4, 8, 0)


def test_a_question_repeated_with_its_choices_in_another_order_is_the_same_text(tmp_path):
    rows = [
        {"question": f"Which one is number {i}?", "choices": choices, "answer": f"{i}a"}
        for i in range(8)
        for choices in ([f"{i}a", "b", "c", "d"], ["d", "c", f"{i}a", "b"])
    ]
    task = made(tmp_path, rows)
    assert len(task.examples) == 16
    drawn = [e.fields["question"] for e in all_of(draw(task, 3, 4, 0))]
    assert len(set(drawn)) == 8


@pytest.mark.parametrize("n", range(1, 10))
@pytest.mark.parametrize("seed", range(6))
def test_correct_letters_of_the_attribution_questions_differ_in_number_by_at_most_one(task, n, seed):
    draws = draw(task, n, 50, seed)
    questions = questions_of(task, draws.attribution, draws.demonstration, seed)
    counts = Counter(question.target for question in questions)
    numbers = [counts[letter] for letter in range(4)]
    assert sum(numbers) == 3 * n
    assert max(numbers) - min(numbers) <= 1


def test_the_draws_do_not_depend_on_the_order_of_the_file(tmp_path):
    rows = classification_rows(60)
    one, other = made(tmp_path, rows, "one"), made(tmp_path, rows[::-1], "other")
    assert ids(draw(one, 5, 20, 3)) == ids(draw(other, 5, 20, 3))


def test_a_larger_evaluation_draw_begins_with_the_smaller_one(task):
    small, large = draw(task, 5, 10, 0), draw(task, 5, 40, 0)
    assert small.demonstration == large.demonstration
    assert small.attribution == large.attribution
    assert large.evaluation[:10] == small.evaluation


def test_another_seed_is_another_draw(task):
    assert ids(draw(task, 5, 20, 0)) != ids(draw(task, 5, 20, 1))
    assert len({draw(task, 5, 20, seed).demonstration.id for seed in range(10)}) > 5


def test_the_evaluation_draw_is_a_natural_sample(task):
    labels = Counter(e.fields["label"] for seed in range(20) for e in draw(task, 5, 60, seed).evaluation)
    assert all(300 < labels[label] < 500 for label in ("positive", "neutral", "negative"))


def test_too_few_examples_say_how_many_there_are(tmp_path):
    task = made(tmp_path, classification_rows(10))
    assert len(all_of(draw(task, 5, 4, 0))) == 10
    with pytest.raises(
        ConfigError,
        match=r"10 examples of different text; 11 are asked for.*5 attribution \+ at most 4 evaluation",
    ):
        draw(task, 5, 5, 0)
    with pytest.raises(
        ConfigError, match=r"Accepted: 1 demonstration \+ at most 9 attribution and evaluation examples"
    ):
        draw(task, 20, 1, 0)
    with pytest.raises(ConfigError, match=r"Accepted: 1 demonstration \+ at most 9 attribution examples\."):
        draw(task, 10**9, 0, 0)


def test_questions_come_three_an_example_in_order(task):
    draws = draw(task, 2, 3, 0)
    questions = questions_of(task, draws.evaluation, draws.demonstration, 0)
    assert [q.id for q in questions] == [f"{e.id}#{t}" for e in draws.evaluation for t in (1, 2, 3)]
    assert len({q.prompt for q in questions}) == 9


def test_entities_of_one_sentence_never_land_in_two_draws_and_the_message_says_why_they_do_not_count(tmp_path):
    rows = [
        {"sentence": f"Ada met Grace in town {i}.", "entity": entity, "label": label}
        for i in range(9)
        for entity, label in (("Ada", "person"), ("Grace", "name"), ("met", "verb"), ("town", "place"))
    ]
    task = made(tmp_path, rows)
    assert len(task.examples) == 36
    for seed in range(5):
        sentences = [example.fields["sentence"] for example in all_of(draw(task, 3, 5, seed))]
        assert len(set(sentences)) == len(sentences) == 9
    said = r"9 examples of different text; 10 are asked for\. Where: 36 examples, one of each text is drawn"
    with pytest.raises(ConfigError, match=said):
        draw(task, 4, 5, 0)
