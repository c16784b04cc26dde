"""How long prompts are: counted where they may be too long, and only there."""

import unicodedata
from dataclasses import replace

import pytest

from neuron_core.qatt.config import PromptConfig
from neuron_core.qatt.draws import draw
from neuron_core.qatt.lengths import EXPANSION, prompt_lengths
from neuron_core.qatt.prompt import proxy_questions
from neuron_core.tasks.load import bundled_tasks, load_task
from tests.builders import write_jsonl


@pytest.mark.parametrize("name", bundled_tasks())
def test_a_length_is_that_of_the_longest_of_the_three_prompts(name):
    task = load_task(name).task
    demonstration = draw(task, 0, 0, 3).demonstration
    for example, count in list(prompt_lengths(task, len, 1, seed=3))[:20]:
        questions = proxy_questions(example, task, demonstration, 3)
        assert count == max(len(question.prompt) for question in questions)


@pytest.mark.parametrize("name", bundled_tasks())
def test_what_is_not_counted_has_fewer_characters_than_the_limit(name):
    task = load_task(name).task
    exact = {example.id: count for example, count in prompt_lengths(task, len, 1)}
    for limit in (1500, 2000, 3000, 10_000):
        found = list(prompt_lengths(task, len, limit))
        assert [example.id for example, _ in found] == [example.id for example in task.examples]
        assert all(count == exact[e.id] if count is not None else exact[e.id] <= limit for e, count in found)
    plain = [e for e, count in prompt_lengths(task, len, 10_000) if count is None]
    assert len(plain) > 0.8 * len(task.examples)


def test_text_beyond_ascii_is_counted_where_its_normalization_could_be_too_long(tmp_path):
    rows = [{"text": text, "label": "ab"[i % 2]} for i, text in enumerate(("plain", "also plain", "caf\u00e9", "more"))]
    task = load_task(str(write_jsonl(tmp_path / "t.jsonl", rows))).task
    limit = 10**4
    assert [count for _, count in prompt_lengths(task, len, limit)] == [None] * 4
    # The worst there is: one sign of three bytes becomes 18 letters, 33 bytes.
    sign = "\ufdfa"
    assert len(unicodedata.normalize("NFKC", sign).encode()) == EXPANSION * len(sign.encode())
    wild = [{"text": sign * 200 if i == 3 else "more", "label": "ab"[i % 2], "n": i} for i in range(4)]
    wild = [row | {"text": f"{row['text']} {i}"} for i, row in enumerate(wild)]
    task = load_task(str(write_jsonl(tmp_path / "w.jsonl", wild))).task

    def as_bytes(text):
        return len(unicodedata.normalize("NFKC", text).encode())

    # Another row's prompts would be shown after this one.
    seed = next(seed for seed in range(20) if draw(task, 0, 0, seed).demonstration.row != 4)
    exact = {example.row: count for example, count in prompt_lengths(task, as_bytes, 1, seed)}
    for limit in (3000, 6000, 9000, 40_000):
        for example, count in prompt_lengths(task, as_bytes, limit, seed):
            assert count is not None or exact[example.row] <= limit


def test_a_long_row_that_would_be_the_demonstration_is_left_out_and_the_others_fit(tmp_path):
    rows = [{"text": f"short {i}", "label": "ab"[i % 2]} for i in range(8)]
    task = load_task(str(write_jsonl(tmp_path / "t.jsonl", rows))).task
    first = draw(task, 0, 0, 0).demonstration
    assert first is not None
    # The shape of the text decides the draw: the long one is sought that is drawn first.
    for turn in range(200):
        long = [*rows, {"text": f"long {turn} " * 400, "label": "a"}]
        task = load_task(str(write_jsonl(tmp_path / f"{turn}.jsonl", long))).task
        chosen = draw(task, 0, 0, 0).demonstration
        if chosen is not None and chosen.row == 9:
            break
    limit = 3000
    found = {example.row: count for example, count in prompt_lengths(task, len, limit)}
    assert found[9] is not None
    assert found[9] > limit
    assert all(count is None or count <= limit for row, count in found.items() if row != 9)
    left = replace(task, examples=tuple(example for example in task.examples if example.row != 9))
    demonstration = draw(left, 0, 0, 0).demonstration
    for example in left.examples:
        assert max(len(q.prompt) for q in proxy_questions(example, left, demonstration, 0)) <= limit


def test_a_demonstration_asked_for_by_name_stays(tmp_path):
    rows = [{"text": f"row {i} " * (400 if i == 2 else 1), "label": "ab"[i % 2]} for i in range(8)]
    task = load_task(str(write_jsonl(tmp_path / "t.jsonl", rows))).task
    config = PromptConfig(demonstration=task.examples[2].id)
    counts = [count for _, count in prompt_lengths(task, len, 2000, config=config)]
    assert all(count is not None and count > 2000 for count in counts)
