"""Which examples are too long for a model: what is kept fits, however rows hang together."""

import random
from dataclasses import dataclass, replace

import pytest

from neuron_core.models.chat import ChatTemplate
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.config import PromptConfig
from neuron_core.qatt.draws import draw
from neuron_core.qatt.prompt import proxy_questions
from neuron_core.service.prompt_lengths import Lengths, Reader
from neuron_core.tasks.load import load_task
from tests.builders import classification_rows, write_jsonl


@dataclass(frozen=True)
class Characters(Reader):
    """Every character is a token."""

    def count(self, text):
        return len(text)


def characters(limit):
    return Characters("letters", None, limit, ChatTemplate())


def longest(task, seed, prompt=None):
    """The longest prompt of every example, by its row."""
    demonstration = draw(task, 0, 0, seed).demonstration
    config = prompt or PromptConfig()
    return {
        example.row: max(len(q.prompt) for q in proxy_questions(example, task, demonstration, seed, config))
        for example in task.examples
    }


def words(generator, most):
    return " ".join(generator.choices(("stone", "lamp", "river", "seven", "paper"), k=generator.randint(1, most)))


def rows_of(kind, generator, most):
    if kind == "classification":
        return [{"text": f"{i} {words(generator, most)}", "label": "abc"[i % 3]} for i in range(12)]
    if kind == "question_answer":
        return [
            {"question": f"{i} {words(generator, 9)}?", "answer": f"{i} {words(generator, most)}"} for i in range(12)
        ]
    sentences = [f"{i} {words(generator, most)} Rome Oslo" for i in range(6)]
    places = [("Rome", "city"), ("Oslo", "town"), ("Rome Oslo", "pair"), ("slo", "part")]
    return [{"sentence": sentences[i % 6], "entity": places[i % 4][0], "label": places[i % 4][1]} for i in range(12)]


@pytest.mark.parametrize("kind", ["classification", "question_answer", "span_typing"])
@pytest.mark.parametrize("seed", range(12))
def test_what_is_kept_fits_when_it_is_worded_without_the_rest(kind, seed, tmp_path):
    rows = rows_of(kind, random.Random(seed), 120)
    reading = load_task(str(write_jsonl(tmp_path / "t.jsonl", rows)))
    assert reading.task.kind == kind
    lengths = sorted(longest(reading.task, seed).values())
    for limit in (lengths[len(lengths) // 2], lengths[-2], lengths[-1]):
        found = Lengths.of(reading.task, characters(limit), seed)
        left = replace(reading.task, examples=tuple(e for e in reading.task.examples if e.id not in found.counts))
        if len(left.answers) >= 4 or (left.examples and kind == "classification"):
            assert max(longest(left, seed).values()) <= limit
        assert all(count > limit for count in found.counts.values())
    assert found.counts == {}


def test_a_stem_that_names_a_column_twice_is_not_taken_for_short(tmp_path):
    rows = [{"text": "7" * (900 if i == 4 else 9) + str(i), "label": "ab"[i % 2]} for i in range(9)]
    task = load_task(str(write_jsonl(tmp_path / "t.jsonl", rows))).task
    prompt = PromptConfig(stem="{text}, again {text}")
    exact = longest(task, 0, prompt)
    limit = exact[5] - 1
    assert {row for row, n in exact.items() if n > limit} == {5}
    assert list(Lengths.of(task, characters(limit), 0, prompt).counts.values()) == [exact[5]]


def test_lengths_by_characters_need_a_known_context_and_plain_prompts(tmp_path):
    task = load_task(str(write_jsonl(tmp_path / "t.jsonl", classification_rows(9)))).task
    assert Lengths.by_characters(task, ModelSpec()) == Lengths(ModelSpec().title, 8192, {})
    assert Lengths.by_characters(task, ModelSpec("someone/unheard-of")) is None
    assert Lengths.by_characters(task, ModelSpec(), 0, PromptConfig(template="chat")) is None
