"""The tasks that come with the project: enough, varied, right in form, and of our own writing."""

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from neuron_core.tasks.kinds.chunking import parse
from neuron_core.tasks.load import BUNDLED, bundled_tasks, load_task

every_task = pytest.mark.parametrize("name", BUNDLED)


def examples(name):
    return load_task(name).task.examples


def plain(text):
    """Lower-case letters and digits only: punctuation and spacing hide no copy."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def own_texts(name):
    return [plain(e.fields.get("text") or e.fields.get("sentence") or e.fields["question"]) for e in examples(name)]


def test_every_task_of_the_table_has_its_file():
    assert bundled_tasks() == ("sentiment", "ner", "chunking", "commonsense")


@every_task
def test_at_least_200_examples_none_rejected_none_twice(name):
    reading = load_task(name)
    assert reading.rejected == ()
    assert len(reading.task.examples) >= 200
    assert (reading.task.name, reading.task.kind) == (name, BUNDLED[name][0])
    assert [text for text, n in Counter(own_texts(name)).items() if n > 1] == []


def test_no_text_is_in_two_tasks():
    counts = Counter(text for name in BUNDLED for text in set(own_texts(name)))
    assert [text for text, n in counts.items() if n > 1] == []


def test_sentiment_has_three_balanced_labels():
    counts = Counter(e.fields["label"] for e in examples("sentiment"))
    assert set(counts) == {"positive", "neutral", "negative"}
    assert len(set(counts.values())) == 1


def test_ner_has_the_eight_types_and_its_entities_stand_in_their_sentences():
    counts = Counter(e.fields["label"] for e in examples("ner"))
    types = {"art", "building", "event", "location", "organization", "other", "person", "product"}
    assert set(counts) == types
    assert min(counts.values()) >= 20
    for example in examples("ner"):
        assert re.search(rf"(?<!\w){re.escape(example.fields['entity'])}(?!\w)", example.fields["sentence"])


def test_chunks_have_the_words_of_their_sentence_and_known_tags():
    tags = Counter()
    for example in examples("chunking"):
        chunks = parse(example.fields["answer"])
        assert [word for _, words in chunks for word in words] == example.fields["sentence"].split()
        tags.update(tag for tag, _ in chunks if tag)
    assert set(tags) <= {"NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP"}
    assert min(tags[tag] for tag in ("NP", "VP", "PP", "ADVP")) >= 20


def test_commonsense_has_five_choices_with_the_answer_on_every_place():
    places = Counter()
    for example in examples("commonsense"):
        assert len(example.fields["choices"]) == 5
        places[example.fields["choices"].index(example.fields["answer"])] += 1
    assert set(places) == set(range(5))
    assert max(places.values()) < 2 * min(places.values())


@every_task
def test_texts_differ_in_length(name):
    lengths = [len(text.split()) for text in own_texts(name)]
    assert max(lengths) >= 2 * min(lengths)


def public_folder() -> Path | None:
    folder = os.environ.get("NEURONLLM_PUBLIC_DATA")
    return Path(folder) if folder else None


def test_nothing_is_copied_from_the_public_data_where_that_is_at_hand():
    """With NEURONLLM_PUBLIC_DATA against all of it; without, against one of its sentences."""
    sample = {"text": ["The actors are so terrific at conveying their young angst , we do indeed feel for them ."]}
    public = {plain(text) for text in sample["text"]}
    folder = public_folder()
    for path in sorted(folder.glob("t*/*.jsonl")) if folder else []:
        rows = load_task(str(path)).task.examples
        public |= {plain(e.fields.get("text") or e.fields.get("sentence") or e.fields["question"]) for e in rows}
    assert folder is None or len(public) > 10_000
    for name in BUNDLED:
        assert set(own_texts(name)) & public == set()
