"""Cached rows: each row is the whole model with a change at the last token only."""

import pytest
import torch

from neuron_core.errors import ModelError
from neuron_core.models.hooks import edited_neurons
from neuron_core.models.letter_head import letter_logits
from neuron_core.models.letters import TokenizedPrompt, common_prefix_length
from neuron_core.models.prompt_pass import run_prefix, run_prompt
from neuron_core.models.prompt_state import EMPTY_PREFIX, Prefix, PromptBatch
from neuron_core.models.rows import row_mask, run_entering, run_rows
from tests.builders import (
    BASIC,
    CONTEXT,
    HIDDEN,
    LAYERS,
    NEURONS,
    OTHER_PROMPT,
    PROMPT,
    SHORT_PROMPT,
    tokens,
)

every_family = pytest.mark.parametrize("family", BASIC)
ZEROED = {0: [1, 5], 2: [0, 20, 47], 3: [9]}


def full_sequence(loaded, prompt, edits):
    """Logits of the four letters by the whole model, the edits at the last position only."""

    def last_only(edit):
        return lambda x: torch.cat([x[:-1], edit(x[-1:])])

    with torch.no_grad(), edited_neurons(loaded, {layer: last_only(edit) for layer, edit in edits.items()}):
        return loaded.model(torch.tensor([prompt.token_ids])).logits[0, -1, list(prompt.letter_ids)]


def without(neurons):
    def edit(x):
        keep = torch.ones_like(x)
        keep[:, neurons] = 0
        return x * keep

    return edit


def rows_logits(loaded, state, n_rows, edits, first_layer=0):
    with torch.no_grad():
        hidden = run_rows(loaded, state, n_rows, edits, first_layer=first_layer)
        return letter_logits(loaded, hidden, torch.tensor(state.prompt.letter_ids))


@pytest.mark.parametrize("prompt", [PROMPT, OTHER_PROMPT, SHORT_PROMPT], ids=["one", "other", "short"])
@every_family
def test_a_row_with_zeroed_neurons_is_the_model_with_them_zeroed_at_the_last_token(tiny_model, family, prompt):
    loaded = tiny_model(family, "float64")
    prompt = tokens(loaded, prompt)
    edits = {layer: without(neurons) for layer, neurons in ZEROED.items()}
    expected = full_sequence(loaded, prompt, edits)
    assert (expected - full_sequence(loaded, prompt, {})).abs().max() > 0.01
    found = rows_logits(loaded, run_prompt(loaded, prompt), 5, edits)
    assert torch.allclose(found, expected.expand(5, -1), rtol=0, atol=1e-12)


@every_family
def test_rows_with_different_edits_do_not_touch_each_other(tiny_model, family):
    loaded = tiny_model(family, "float64")
    prompt = tokens(loaded)
    factors = torch.tensor([1.0, 0.0, 2.0, -1.0], dtype=torch.float64)[:, None]
    found = rows_logits(loaded, run_prompt(loaded, prompt), 4, {1: lambda x: x * factors, 3: lambda x: x * factors})
    for row, factor in enumerate(factors[:, 0]):
        scaled = {layer: lambda x, f=factor: x * f for layer in (1, 3)}
        assert torch.allclose(found[row], full_sequence(loaded, prompt, scaled), rtol=0, atol=1e-12)


@every_family
def test_a_row_at_factor_one_equals_that_row_of_an_unmodified_pass_bit_for_bit(tiny_model, family):
    # Row by row: where a row's own key lies among the slots moves the last digit of its attention sums.
    loaded = tiny_model(family)
    state = run_prompt(loaded, tokens(loaded))
    factors = torch.ones(6, NEURONS)
    factors[1, ::2] = 0
    factors[4] = 2
    baseline = rows_logits(loaded, state, 6, {})
    found = rows_logits(loaded, state, 6, {layer: lambda x: x * factors for layer in range(LAYERS)})
    for row in (0, 2, 3, 5):
        assert torch.equal(found[row], baseline[row])
    for row in (1, 4):
        assert (found[row] - baseline[row]).abs().max() > 0.01


@every_family
def test_all_rows_of_an_unmodified_pass_are_the_prompt_within_rounding(tiny_model, family):
    loaded = tiny_model(family)
    state = run_prompt(loaded, tokens(loaded))
    found = rows_logits(loaded, state, 100, {})
    assert (found - state.letter_logits).abs().max() / state.letter_logits.abs().max() < 2e-6


@every_family
def test_an_edit_that_multiplies_all_by_one_changes_no_bit(tiny_model, family):
    loaded = tiny_model(family)
    state = run_prompt(loaded, tokens(loaded))
    ones = {layer: lambda x: x * torch.ones(NEURONS) for layer in range(LAYERS)}
    assert torch.equal(rows_logits(loaded, state, 7, ones), rows_logits(loaded, state, 7, {}))


@pytest.mark.parametrize("first_layer", range(LAYERS))
@every_family
def test_starting_at_a_layer_equals_starting_at_the_bottom(tiny_model, family, first_layer):
    loaded = tiny_model(family, "float64")
    state = run_prompt(loaded, tokens(loaded))
    edits = {3: without([2, 4])}
    from_there = rows_logits(loaded, state, 3, edits, first_layer)
    assert torch.allclose(from_there, rows_logits(loaded, state, 3, edits), rtol=0, atol=1e-12)


@every_family
def test_a_pass_over_rows_leaves_the_prompt_s_state_as_it_was(tiny_model, family):
    loaded = tiny_model(family)
    state = run_prompt(loaded, tokens(loaded))
    before = [(keys.clone(), values.clone()) for keys, values in state.key_values]
    run_rows(loaded, state, 9, {0: torch.zeros_like})
    assert all(
        torch.equal(a, b)
        for kept, now in zip(before, state.key_values, strict=True)
        for a, b in zip(kept, now, strict=True)
    )
    assert state.key_values[0][0].shape[2] == state.n_tokens - 1


@every_family
def test_a_prompt_s_state_is_that_of_the_model_s_own_forward(tiny_model, family):
    loaded = tiny_model(family, "float64")
    prompt = tokens(loaded)
    state = run_prompt(loaded, prompt)
    assert state.n_tokens == len(prompt.token_ids)
    assert state.hidden.shape == (LAYERS + 1, HIDDEN)
    assert state.neurons.shape == (LAYERS, NEURONS)
    assert len(state.key_values) == LAYERS
    assert torch.allclose(state.letter_logits, full_sequence(loaded, prompt, {}), rtol=0, atol=1e-12)


@every_family
def test_a_prompt_after_a_cached_prefix_is_the_prompt(tiny_model, family):
    loaded = tiny_model(family, "float64")
    one, other = tokens(loaded), tokens(loaded, OTHER_PROMPT)
    length = common_prefix_length([one.token_ids, other.token_ids])
    prefix = run_prefix(loaded, one.token_ids[:length])
    for prompt in (one, other, one):
        with_prefix, without_prefix = run_prompt(loaded, prompt, prefix), run_prompt(loaded, prompt)
        for field in ("hidden", "neurons", "final_hidden", "letter_logits"):
            assert torch.allclose(getattr(with_prefix, field), getattr(without_prefix, field), rtol=0, atol=1e-11), (
                field
            )
        assert with_prefix.key_values[0][0].shape == without_prefix.key_values[0][0].shape
    assert prefix.key_values[0][0].shape[2] == length


def test_an_empty_prefix_is_no_prefix(tiny_model):
    assert run_prefix(tiny_model("llama"), []) is EMPTY_PREFIX


@every_family
def test_a_prefix_of_all_but_one_token_is_enough_and_all_tokens_are_too_many(tiny_model, family):
    loaded = tiny_model(family)
    prompt = tokens(loaded)
    whole = run_prompt(loaded, prompt)
    nearly = run_prompt(loaded, prompt, run_prefix(loaded, prompt.token_ids[:-1]))
    assert torch.allclose(nearly.letter_logits, whole.letter_logits, atol=1e-4)
    with pytest.raises(ModelError, match="not a beginning of this prompt"):
        run_prompt(loaded, prompt, run_prefix(loaded, prompt.token_ids))


def test_a_prefix_of_another_prompt_is_refused(tiny_model):
    loaded = tiny_model("llama")
    prefix = run_prefix(loaded, tokens(loaded, OTHER_PROMPT).token_ids)
    with pytest.raises(ModelError, match="not a beginning of this prompt"):
        run_prompt(loaded, tokens(loaded), Prefix(prefix.token_ids, prefix.key_values))


@every_family
def test_a_prompt_as_long_as_the_context_fits_and_a_longer_one_is_refused(tiny_model, family):
    loaded = tiny_model(family)
    letters = tokens(loaded).letter_ids
    fitting = TokenizedPrompt((5,) * CONTEXT, letters)
    assert run_prompt(loaded, fitting).n_tokens == CONTEXT == loaded.context_length
    with pytest.raises(ModelError, match=f"{CONTEXT + 1} tokens.*at most {CONTEXT}"):
        run_prompt(loaded, TokenizedPrompt((5,) * (CONTEXT + 1), letters))


def test_a_prompt_of_one_token_has_rows_too(tiny_model):
    loaded = tiny_model("llama", "float64")
    prompt = TokenizedPrompt((7,), tokens(loaded).letter_ids)
    found = rows_logits(loaded, run_prompt(loaded, prompt), 2, {1: without([3])})
    assert torch.allclose(found, full_sequence(loaded, prompt, {1: without([3])}).expand(2, -1), atol=1e-12)


def test_the_mask_lets_a_row_see_the_cached_tokens_and_itself(tiny_model):
    low = torch.finfo(torch.float32).min
    mask = row_mask(tiny_model("falcon"), [2], 3)
    assert mask.dtype == torch.float32
    assert mask.tolist() == [[[[0, 0, 0, low, low], [0, 0, low, 0, low], [0, 0, low, low, 0]]]]
    # Where attention is ours a row has no column for another row: the mask is over cached tokens alone.
    mask = row_mask(tiny_model("llama"), [2], 3)
    assert mask.dtype == torch.float32
    assert mask.tolist() == [[[[0, 0]]]]


@pytest.mark.parametrize("family", [*BASIC, "falcon", "gptj"])
def test_rows_that_enter_one_layer_after_the_other_are_each_what_they_are_alone(tiny_model, family):
    loaded = tiny_model(family, "float64")
    state = run_prompt(loaded, tokens(loaded))
    generator = torch.Generator().manual_seed(0)
    entering = {
        layer: state.hidden[layer] + torch.randn(1, 2, HIDDEN, generator=generator, dtype=torch.float64)
        for layer in (1, 2, LAYERS)
    }
    batch = PromptBatch.of(state)
    with torch.no_grad():
        together = run_entering(loaded, batch, entering)
        alone = [run_entering(loaded, batch, {layer: hidden}) for layer, hidden in entering.items()]
    # GPT-J multiplies queries and keys in float32 whatever the model's dtype.
    assert torch.allclose(together, torch.cat(alone, dim=1), rtol=0, atol=1e-6 if family == "gptj" else 1e-12)
    assert (together[:, :2] - together[:, 2:4]).abs().max() > 0.01


def test_the_model_s_own_attention_is_back_after_a_row_pass(tiny_model):
    loaded = tiny_model("llama")
    state = run_prompt(loaded, tokens(loaded))
    before = loaded.model.config._attn_implementation

    def fail(_):
        assert loaded.model.config._attn_implementation != before
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_rows(loaded, state, 2, {1: fail})
    assert loaded.model.config._attn_implementation == before


def test_a_row_pass_asks_for_no_gradient_of_weights(tiny_model):
    loaded = tiny_model("gpt2")
    state = run_prompt(loaded, tokens(loaded))
    assert not run_rows(loaded, state, 2, {}).requires_grad
    assert not state.letter_logits.requires_grad
