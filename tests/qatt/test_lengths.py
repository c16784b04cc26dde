"""How long prompts are: counted where they may be too long, and only there."""

import pytest

from neuron_core.qatt.draws import draw
from neuron_core.qatt.lengths import prompt_lengths
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
    for limit in (700, 1200, 2000, 10_000):
        found = list(prompt_lengths(task, len, limit))
        assert [example.id for example, _ in found] == [example.id for example in task.examples]
        assert all(count == exact[e.id] if count is not None else exact[e.id] <= limit for e, count in found)
    plain = [e for e, count in prompt_lengths(task, len, 10_000) if count is None]
    assert len(plain) > 0.8 * len(task.examples)


def test_text_beyond_ascii_is_always_counted(tmp_path):
    rows = [{"text": text, "label": "ab"[i % 2]} for i, text in enumerate(("plain", "also plain", "caf\u00e9", "more"))]
    task = load_task(str(write_jsonl(tmp_path / "t.jsonl", rows))).task
    counted = [example.fields["text"] for example, count in prompt_lengths(task, len, 10**6) if count is not None]
    assert counted in (["caf\u00e9"], [row["text"] for row in rows])
