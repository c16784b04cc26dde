"""Prompts of a task after the two prefixes that they share."""

import pytest
import torch

from neuron_core.errors import ModelError
from neuron_core.models import prompts as module
from neuron_core.models.letters import common_prefix_length
from neuron_core.models.prompt_pass import run_prefix, run_prompt, run_prompts
from neuron_core.models.prompt_state import EMPTY_PREFIX
from neuron_core.models.prompts import SharedPrompts
from neuron_core.models.trees import Tree, run_trees
from tests.builders import OTHER_PROMPT, PROMPT, SHORT_PROMPT, tokens

MOVED = PROMPT.replace("A. negative\nB. positive\nC. neutral", "A. neutral\nB. negative\nC. positive")


@pytest.fixture
def passes(monkeypatch):
    """Tokens that every pass over a prefix, prompts or trees computed for each of them, in order."""
    computed = []

    def counting(run, tokens_of):
        def counted(loaded, given, before=EMPTY_PREFIX):
            computed.append([tokens_of(each) - len(before.token_ids) for each in given])
            return run(loaded, given, before)

        return counted

    def prefix(loaded, ids, before=EMPTY_PREFIX):
        computed.append(len(ids) - len(before.token_ids))
        return run_prefix(loaded, ids, before)

    monkeypatch.setattr(module, "run_prefix", prefix)
    monkeypatch.setattr(module, "run_prompts", counting(run_prompts, lambda prompt: len(prompt.token_ids)))
    monkeypatch.setattr(module, "run_trees", counting(run_trees, lambda tree: tree.n_tokens))
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
    task, (tree, third) = passes
    ids = [prompt.token_ids for prompt in prompts]
    stem = common_prefix_length(ids[:2]) - task
    assert stem > 5
    assert tree == len(ids[0]) + len(ids[1]) - 2 * task - stem
    assert task + third == len(ids[2])


def test_examples_share_a_pass_as_long_as_their_tokens_fit(tiny_model, passes):
    loaded = tiny_model("llama", "float64")
    texts = [PROMPT.replace("Text: ", f"Text: {word} ") for word in ("Well,", "So,", "Now then,", "Oh,")]
    prompts = [tokens(loaded, text.replace("A. negative", f"A. {name}")) for text in texts for name in ("bad", "poor")]
    groups = [i // 2 for i in range(8)]
    whole = [run_prompt(loaded, prompt).letter_logits for prompt in prompts]
    trees = [Tree.of(prompts[i : i + 2], 0).n_tokens for i in range(0, 8, 2)]
    # One number: a pass over so many trees. Several: a stem, then its prompts one after the other.
    for most, expected in (
        (4 * max(trees), [4]),
        (2 * max(trees), [2, 2]),
        (max(trees), [1, 1, 1, 1]),
        (min(trees) - 1, [(0, 1, 1)] * 4),
    ):
        passes.clear()
        shared = SharedPrompts(loaded, prompts, groups, tokens_per_pass=most)
        found = [state for example in range(4) for state in states_of(shared, example)]
        for state, logits in zip(found, whole, strict=True):
            assert torch.allclose(state.letter_logits, logits, rtol=0, atol=1e-12)
        sizes = [0 if isinstance(each, int) else len(each) for each in passes[1:]]
        assert sizes == [n for each in expected for n in (each if isinstance(each, tuple) else (each,))]


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
    assert passes == [0, [len(prompts[0].token_ids) + len(prompts[1].token_ids)]]


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
