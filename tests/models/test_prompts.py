"""Prompts of a task after the two prefixes that they share."""

import pytest
import torch

from neuron_core.errors import ModelError
from neuron_core.models import prompts as module
from neuron_core.models.prompts import SharedPrompts
from neuron_core.models.rows import EMPTY_PREFIX, run_prefix, run_prefixes, run_prompt, run_prompts
from tests.builders import OTHER_PROMPT, PROMPT, SHORT_PROMPT, tokens

MOVED = PROMPT.replace("A. negative\nB. positive\nC. neutral", "A. neutral\nB. negative\nC. positive")


@pytest.fixture
def passes(monkeypatch):
    """Tokens that every pass over prefixes or prompts computed for each of them, in order."""
    computed = []

    def counting(run):
        def counted(loaded, several, before=EMPTY_PREFIX):
            computed.append([len(getattr(each, "token_ids", each)) - len(before.token_ids) for each in several])
            return run(loaded, several, before)

        return counted

    monkeypatch.setattr(module, "run_prefixes", counting(run_prefixes))
    monkeypatch.setattr(module, "run_prompts", counting(run_prompts))
    return computed


def states_of(shared, example):
    return [state for batch in shared.run(example) for state in batch.states]


def test_every_prompt_is_what_it_is_alone_and_no_shared_token_is_run_twice(tiny_model, passes):
    loaded = tiny_model("llama", "float64")
    texts = [PROMPT, MOVED, OTHER_PROMPT]
    assert MOVED != PROMPT
    prompts = [tokens(loaded, text) for text in texts]
    shared = SharedPrompts(loaded, prompts, ["one", "one", "two"])
    assert shared.examples == [(0, 1), (2,)]
    for example, numbers in enumerate(shared.examples):
        for state, number in zip(states_of(shared, example), numbers, strict=True):
            alone = run_prompt(loaded, prompts[number])
            assert state.prompt == prompts[number] == shared.tokens(number)
            assert torch.allclose(state.letter_logits, alone.letter_logits, rtol=0, atol=1e-12)
            assert torch.allclose(state.neurons, alone.neurons, rtol=0, atol=1e-12)
    (task,), (example, nothing), (first, second), (third,) = passes
    assert example > 5
    # The only prompt of its example has no prefix of its own.
    assert nothing == 0
    assert task + example + first == len(prompts[0].token_ids)
    assert task + example + second == len(prompts[1].token_ids)
    assert task + third == len(prompts[2].token_ids)


def test_stems_of_neighbours_share_a_pass_as_long_as_their_tokens_fit(tiny_model, passes):
    loaded = tiny_model("llama", "float64")
    texts = [PROMPT.replace("Text: ", f"Text: {word} ") for word in ("Well,", "So,", "Now then,", "Oh,")]
    prompts = [tokens(loaded, text.replace("A. negative", f"A. {name}")) for text in texts for name in ("bad", "poor")]
    groups = [i // 2 for i in range(8)]
    longest = max(len(prompt.token_ids) for prompt in prompts)
    whole = [run_prompt(loaded, prompt).letter_logits for prompt in prompts]
    for most, stems in ((10 * longest, [4]), (2 * longest, [2, 2]), (1, [1, 1, 1, 1])):
        passes.clear()
        shared = SharedPrompts(loaded, prompts, groups, tokens_per_pass=most)
        found = [state for example in range(4) for state in states_of(shared, example)]
        for state, expected in zip(found, whole, strict=True):
            assert torch.allclose(state.letter_logits, expected, rtol=0, atol=1e-12)
        # The task's prefix first; then each pass over stems, and the prompts of each example behind it.
        sizes = [len(each) for each in passes]
        after = [size for n in stems for size in (n, *([2] * n if most > 1 else [1, 1] * n))]
        assert sizes == [1, *after]


def test_a_prompt_s_numbers_do_not_depend_on_the_turn(tiny_model):
    loaded = tiny_model("gpt2")
    prompts = [tokens(loaded, text) for text in (PROMPT, MOVED, OTHER_PROMPT)]
    groups = ["one", "one", "two"]
    in_turn = SharedPrompts(loaded, prompts, groups)
    expected = {example: [state.letter_logits for state in states_of(in_turn, example)] for example in (0, 1)}
    shared = SharedPrompts(loaded, prompts, groups)
    for example in (1, 0, 1):
        for state, logits in zip(states_of(shared, example), expected[example], strict=True):
            assert torch.equal(state.letter_logits, logits)


def test_no_prompt_is_no_prefix(tiny_model, passes):
    assert SharedPrompts(tiny_model("llama"), [], []).examples == []
    assert passes == []


def test_prompts_with_nothing_in_common_are_run_whole(tiny_model, passes):
    loaded = tiny_model("llama", "float64")
    prompts = [tokens(loaded, PROMPT), tokens(loaded, SHORT_PROMPT)]
    _, state = states_of(SharedPrompts(loaded, prompts, ["one", "one"]), 0)
    assert torch.allclose(state.letter_logits, run_prompt(loaded, prompts[1]).letter_logits, rtol=0, atol=1e-12)
    assert passes == [[0], [len(prompts[0].token_ids), len(prompts[1].token_ids)]]


def test_a_prefix_that_does_not_begin_the_longer_one_is_refused(tiny_model):
    loaded = tiny_model("llama")
    ids = tokens(loaded).token_ids
    with pytest.raises(ModelError, match="not a beginning of the longer one"):
        run_prefix(loaded, ids[:20], run_prefix(loaded, ids[1:9]))
    with pytest.raises(ModelError, match="not a beginning of the longer one"):
        run_prefix(loaded, ids[:8], run_prefix(loaded, ids[:9]))


def test_a_prefix_that_is_all_there_already_is_not_run_again(tiny_model):
    loaded = tiny_model("llama")
    prefix = run_prefix(loaded, tokens(loaded).token_ids[:9])
    assert run_prefix(loaded, prefix.token_ids, prefix) is prefix
