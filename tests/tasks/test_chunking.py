"""Bracketed chunks in and out, and the wrong segmentations made of them."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from neuron_core.tasks.kinds import KINDS
from neuron_core.tasks.kinds.base import pick
from neuron_core.tasks.kinds.chunking import parse, render, wrong_segmentations
from neuron_core.tasks.load import load_task
from neuron_core.tasks.task import Example, Task
from tests.builders import write_jsonl

WORD = st.text("abcXYZ019.,'-$%&", min_size=1, max_size=5)
TAG = st.sampled_from(["NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP"])
CHUNK = st.one_of(
    st.tuples(TAG, st.lists(WORD, min_size=1, max_size=4).map(tuple)), st.tuples(st.just(""), st.tuples(WORD))
)
CHUNKS = st.lists(CHUNK, min_size=1, max_size=7)


def words(text):
    return [word for _, chunk in parse(text) for word in chunk]


def test_brackets_are_chunks_and_the_rest_are_single_words():
    chunks = parse("[NP The number] [VP grew] ,  though [ADVP not\nmuch] .")
    assert chunks == [
        ("NP", ("The", "number")),
        ("VP", ("grew",)),
        ("", (",",)),
        ("", ("though",)),
        ("ADVP", ("not", "much")),
        ("", (".",)),
    ]
    assert render(chunks) == "[NP The number] [VP grew] , though [ADVP not much] ."


def test_brackets_without_a_space_between_them_are_two_chunks():
    assert parse("[NP a][VP b].") == [("NP", ("a",)), ("VP", ("b",)), ("", (".",))]


def test_a_bracket_that_is_no_chunk_is_a_word():
    assert parse("[NP] stays [VP open") == [("", (w,)) for w in ("[NP]", "stays", "[VP", "open")]


def test_a_bracket_inside_of_a_chunk_makes_the_row_one_that_does_not_fit():
    rows = [
        ("a [ b ran", "[NP a [ b] [VP ran]"),
        ("a b[ ran", "[NP a b[] [VP ran]"),
        ("a ] b ran", "[NP a ] b] [VP ran]"),
    ]
    for sentence, answer in rows:
        found = KINDS["chunking"].check({"sentence": sentence, "answer": answer})
        assert (found.column, found.rule) == ("answer", "other words than the sentence")


@given(CHUNKS)
def test_what_is_rendered_is_parsed_back(chunks):
    assert parse(render(chunks)) == chunks


@given(CHUNKS)
def test_wrong_segmentations_are_distinct_wrong_and_keep_every_word_in_its_place(chunks):
    right = render(chunks)
    found = wrong_segmentations(chunks)
    assert len(set(found)) == len(found)
    assert right not in found
    for text in found:
        assert words(text) == words(right)
        assert [w for tag, ws in parse(text) if not tag for w in ws] == [w for tag, ws in chunks if not tag for w in ws]


def test_the_four_edits_of_two_chunks_by_hand():
    assert set(wrong_segmentations([("NP", ("the", "fox")), ("VP", ("has", "run"))])) == {
        "[VP the fox] [VP has run]",
        "[NP the fox] [NP has run]",
        "[NP the] [NP fox] [VP has run]",
        "[NP the fox] [VP has] [VP run]",
        "[NP the fox has run]",
        "[NP the fox has] [VP run]",
        "[NP the] [VP fox has run]",
    }


def test_a_word_outside_of_brackets_is_never_moved_into_a_chunk():
    assert wrong_segmentations([("NP", ("it",)), ("", (",",)), ("VP", ("ran",))]) == [
        "[VP it] , [VP ran]",
        "[NP it] , [NP ran]",
    ]


def test_options_are_four_segmentations_of_the_sentence_and_vary_by_seed(tmp_path):
    rows = [
        {
            "sentence": f"A fox {i} ran over the hill .",
            "answer": f"[NP A fox {i}] [VP ran] [PP over] [NP the hill] .",
        }
        for i in range(30)
    ]
    task = load_task(str(write_jsonl(tmp_path / "c.jsonl", rows))).task
    made = [KINDS["chunking"].options(example, task, 0) for example in task.examples]
    for row, found in zip(rows, made, strict=True):
        assert found[0] == row["answer"]
        assert len(set(found)) == 4
        assert all(words(text) == row["sentence"].split() for text in found)
    shapes = {tuple(text.replace(f" {i}]", "]") for text in found[1:]) for i, found in enumerate(made)}
    assert len(shapes) > 10
    assert made != [KINDS["chunking"].options(example, task, 1) for example in task.examples]


def test_two_edits_and_both_at_once_by_hand():
    """The only edits of this sentence: either tag changed, or both words in one chunk, which touches both."""
    fields = {"sentence": "dogs bark", "answer": "[NP dogs] [VP bark]"}
    example = Example("one", fields, 1)
    task = Task("t", "chunking", (example,), "here", KINDS["chunking"].wording)
    for seed in range(5):
        assert set(KINDS["chunking"].options(example, task, seed)) == {
            "[NP dogs] [VP bark]",
            "[VP dogs] [VP bark]",
            "[NP dogs] [NP bark]",
            "[VP dogs] [NP bark]",
        }


def test_a_sentence_of_one_chunk_gets_three_single_edits():
    example = Example("one", {"sentence": "a b c", "answer": "[NP a b c]"}, 1)
    task = Task("t", "chunking", (example,), "here", KINDS["chunking"].wording)
    right, *wrong = KINDS["chunking"].options(example, task, 0)
    assert right == "[NP a b c]"
    assert set(wrong) == {"[VP a b c]", "[NP a] [NP b c]", "[NP a b] [NP c]"}


def tags(text: str) -> list[str]:
    """Of each word, the tag of its chunk and whether it begins it."""
    return [f"{tag}{'-' if place else '+'}" for tag, chunk in parse(text) for place, _ in enumerate(chunk)]


def spans(text: str) -> set[tuple[int, int, str]]:
    """First word, end and tag of every chunk."""
    found, first = set(), 0
    for tag, chunk in parse(text):
        found.add((first, first + len(chunk), tag))
        first += len(chunk)
    return found


def same_tags(one: str, other: str) -> float:
    return sum(a == b for a, b in zip(tags(one), tags(other), strict=True)) / len(tags(one))


def same_spans(one: str, other: str) -> float:
    return 2 * len(spans(one) & spans(other)) / (len(spans(one)) + len(spans(other)))


def share_right(made: list[tuple[str, ...]], likeness: Callable[[str, str], float], sign: int = 1) -> float:
    """How often the option most like the other three (sign -1: least) is the right one; ties share."""
    shares = []
    for found in made:
        sums = [round(sign * sum(likeness(a, b) for b in found if b != a), 9) for a in found]
        shares.append((sums[0] == max(sums)) / sums.count(max(sums)))
    return sum(shares) / len(shares)


def three_single_edits(example: Example, seed: int) -> tuple[str, ...]:
    """The right one and three wrong ones beside it: how options must not be made."""
    chunks = parse(example.fields["answer"])
    return (render(chunks), *pick(wrong_segmentations(chunks), 3, seed, example.id))


def test_the_option_most_like_the_others_is_right_no_more_often_than_by_chance():
    task = load_task("chunking").task
    before = [three_single_edits(example, 0) for example in task.examples]
    now = [KINDS["chunking"].options(example, task, 0) for example in task.examples]
    assert share_right(before, same_spans) > 0.7
    assert share_right(before, same_tags) > 0.7
    # Each word's tag says exactly nothing: every option shares as many with the other three.
    assert share_right(now, same_tags) == share_right(now, same_tags, -1) == 0.25
    assert 0.2 < share_right(now, same_spans) < 0.3
    assert 0.2 < share_right(now, same_spans, -1) < 0.3
