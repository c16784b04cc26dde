"""Prompts of a task after the two prefixes that they share."""

import pytest
import torch

from neuron_core.errors import ModelError
from neuron_core.models import prompts as module
from neuron_core.models.prompts import SharedPrompts
from neuron_core.models.rows import EMPTY_PREFIX, run_prefix, run_prompt
from tests.builders import OTHER_PROMPT, PROMPT, SHORT_PROMPT, tokens

MOVED = PROMPT.replace("A. negative\nB. positive\nC. neutral", "A. neutral\nB. negative\nC. positive")


@pytest.fixture
def passes(monkeypatch):
    """Tokens that every pass over a prefix or prompt computed, in order."""
    computed = []

    def counting(run):
        def counted(loaded, what, before=EMPTY_PREFIX):
            length = len(what.token_ids if hasattr(what, "token_ids") else what)
            computed.append(length - len(before.token_ids))
            return run(loaded, what, before)

        return counted

    monkeypatch.setattr(module, "run_prefix", counting(run_prefix))
    monkeypatch.setattr(module, "run_prompt", counting(run_prompt))
    return computed


def test_every_prompt_is_what_it_is_alone_and_no_shared_token_is_run_twice(tiny_model, passes):
    loaded = tiny_model("llama", "float64")
    texts = [PROMPT, MOVED, OTHER_PROMPT]
    assert MOVED != PROMPT
    prompts = [tokens(loaded, text) for text in texts]
    shared = SharedPrompts(loaded, prompts, ["one", "one", "two"])
    for number in (0, 1, 2):
        state, alone = shared.run(number), run_prompt(loaded, prompts[number])
        assert state.prompt == prompts[number]
        assert torch.allclose(state.letter_logits, alone.letter_logits, rtol=0, atol=1e-12)
        assert torch.allclose(state.neurons, alone.neurons, rtol=0, atol=1e-12)
    task, example, first, second, third = passes
    assert example > 5
    assert task + example + first == len(prompts[0].token_ids)
    assert task + example + second == len(prompts[1].token_ids)
    # The only prompt of its example has no prefix of its own.
    assert task + third == len(prompts[2].token_ids)


def test_a_prompt_s_numbers_do_not_depend_on_the_turn(tiny_model):
    loaded = tiny_model("gpt2")
    prompts = [tokens(loaded, text) for text in (PROMPT, OTHER_PROMPT, MOVED)]
    groups = ["one", "two", "one"]
    in_turn = [SharedPrompts(loaded, prompts, groups).run(number).letter_logits for number in range(3)]
    shared = SharedPrompts(loaded, prompts, groups)
    for number in (2, 0, 1, 2):
        assert torch.equal(shared.run(number).letter_logits, in_turn[number])


def test_no_prompt_is_no_prefix(tiny_model, passes):
    SharedPrompts(tiny_model("llama"), [], [])
    assert passes == []


def test_prompts_with_nothing_in_common_are_run_whole(tiny_model, passes):
    loaded = tiny_model("llama")
    prompts = [tokens(loaded, PROMPT), tokens(loaded, SHORT_PROMPT)]
    state = SharedPrompts(loaded, prompts, ["one", "one"]).run(1)
    assert torch.equal(state.letter_logits, run_prompt(loaded, prompts[1]).letter_logits)
    assert passes == [0, 0, len(prompts[1].token_ids)]


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
