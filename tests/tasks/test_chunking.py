"""Bracketed chunks in and out, and the wrong segmentations made of them."""

from hypothesis import given
from hypothesis import strategies as st

from neuron_core.tasks.kinds import KINDS
from neuron_core.tasks.kinds.chunking import parse, render, wrong_segmentations
from neuron_core.tasks.load import load_task
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
