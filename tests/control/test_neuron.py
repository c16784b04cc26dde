"""One neuron asked of the model: promoted tokens and contexts, with answers known by hand."""

import math

import numpy as np
import pytest
import torch

from neuron_core.control import generation
from neuron_core.control.evaluation import option_probabilities, plan_chunks
from neuron_core.control.findings import Steering, Text
from neuron_core.control.generation import Writer, open_prompt, steering_edits
from neuron_core.control.interventions import Intervention
from neuron_core.control.neuron import ContextSearch, neuron_tokens, neuron_values, read_text
from neuron_core.errors import ConfigError, ModelError
from neuron_core.models.hooks import edited_neurons
from neuron_core.models.letter_head import vocabulary_logits
from neuron_core.models.loading import load_model
from neuron_core.models.prompt_pass import run_prompt
from neuron_core.models.prompt_state import PromptBatch
from neuron_core.models.spec import ModelSpec
from tests.builders import FAMILIES, HIDDEN, PROMPT, SHORT_PROMPT, checkpoint, n_hooks, one_thread, tiny_model, tokens

__all__ = ["checkpoint", "one_thread", "tiny_model"]

STEERING = Steering(excited=((0, 3), (2, 7)), silenced=((1, 5), (3, 40)))


@pytest.fixture(autouse=True)
def _one_thread(one_thread):
    """Every test here works on tiny tensors."""


@pytest.fixture
def speaking(checkpoint):
    """`speaking(family)`: a model whose neuron 1.6 writes 4 along the first axis, which three tokens read."""

    def make(family):
        loaded = load_model(ModelSpec(source=str(checkpoint(family)), device="cpu"))
        head = loaded.model.get_output_embeddings().weight
        norm = loaded.model.base_model.norm if family == "llama" else loaded.model.base_model.ln_f
        with torch.no_grad():
            head.zero_()
            head[5, 0], head[7, 0], head[9, 0] = 3, 2, -1
            norm.weight.fill_(0.5)
            weight = loaded.down_projections[1].weight
            vector = weight[:, 6] if family == "llama" else weight[6]
            vector.zero_()
            vector[0] = 4
        return loaded

    return make


# RMSNorm: 4 along one of 32 axes comes out as sqrt(32), times the gain 0.5. LayerNorm takes the mean out first:
# sqrt(31).
@pytest.mark.parametrize(("family", "scale"), [("llama", math.sqrt(32) / 2), ("gpt2", math.sqrt(31) / 2)])
def test_promoted_and_suppressed_tokens_follow_from_write_vector_norm_and_head(speaking, family, scale):
    found = neuron_tokens(speaking(family), 1, 6, top=3)
    assert [token.token_id for token in found.promoted[:2]] == [5, 7]
    assert [token.value for token in found.promoted] == pytest.approx([3 * scale, 2 * scale, 0.0], abs=1e-4)
    assert found.suppressed[0].token_id == 9
    assert [token.value for token in found.suppressed] == pytest.approx([-scale, 0.0, 0.0], abs=1e-4)
    assert found.write_norm == pytest.approx(4)


def test_the_length_of_a_write_vector_does_not_move_its_tokens(speaking):
    loaded = speaking("llama")
    before = neuron_tokens(loaded, 1, 6)
    with torch.no_grad():
        loaded.down_projections[1].weight[:, 6] *= 1e-4
    after = neuron_tokens(loaded, 1, 6)
    assert [t.value for t in after.promoted] == pytest.approx([t.value for t in before.promoted], rel=1e-4)
    assert after.write_norm == pytest.approx(4e-4)


def test_a_neuron_that_writes_nothing_promotes_nothing(speaking):
    loaded = speaking("llama")
    with torch.no_grad():
        loaded.down_projections[1].weight[:, 6] = 0
    found = neuron_tokens(loaded, 1, 6)
    assert {token.value for token in (*found.promoted, *found.suppressed)} == {0.0}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_gives_as_many_tokens_as_asked_for_and_keeps_no_hook(tiny_model, family):
    loaded = tiny_model(family)
    found = neuron_tokens(loaded, 2, 11)
    assert len(found.promoted) == len(found.suppressed) == 20
    assert [t.value for t in found.promoted] == sorted((t.value for t in found.promoted), reverse=True)
    assert found.promoted[0].value > 0 > found.suppressed[0].value
    assert n_hooks(loaded) == 0


@pytest.mark.parametrize("neuron", [(4, 0), (0, 48), (-1, 0)])
def test_a_neuron_that_the_model_has_not_is_refused(tiny_model, neuron):
    with pytest.raises(ConfigError, match=r"0\.0 to 3\.47"):
        neuron_tokens(tiny_model("llama"), *neuron)
    with pytest.raises(ConfigError):
        ContextSearch(tiny_model("llama"), *neuron)


def test_contexts_are_the_extreme_positions_of_all_texts_in_order(tiny_model):
    loaded = tiny_model("llama")
    texts = [Text("a", "The train was late"), Text("b", "The train was warm"), Text("c", "warm bread")]
    ids = [loaded.tokenizer(text.text)["input_ids"] for text in texts]
    search = ContextSearch(loaded, 2, 9, top=4)
    for text in texts:
        read_text(loaded, [search], text)
    found = search.found()
    # What texts share at their beginning counts once, under the first of them.
    shared = next(i for i, (x, y) in enumerate(zip(ids[0], ids[1], strict=False)) if x != y)
    assert shared > 0
    every = []
    for text, one, start in zip(texts, ids, (0, shared, 0), strict=True):
        values = neuron_values(loaded, one, [(2, 9)])[:, 0].tolist()
        every += [(values[i], text.example_id, i, loaded.tokenizer.decode([one[i]])) for i in range(start, len(one))]
    assert found.n_texts == 3
    assert found.n_positions == len(every)
    assert found.mean == pytest.approx(np.mean([value for value, *_ in every]))
    assert found.share_positive == pytest.approx(np.mean([value > 0 for value, *_ in every]))
    by_value = sorted(every, key=lambda entry: -entry[0])
    seen = [(c.value, c.example_id, c.position, c.token) for c in found.highest]
    assert seen == [pytest.approx(entry) if isinstance(entry, float) else entry for entry in by_value[:4]]
    assert [c.value for c in found.lowest] == [value for value, *_ in by_value[::-1][:4]]
    first = found.highest[0]
    whole = next(text.text for text in texts if text.example_id == first.example_id)
    assert first.before + first.token + first.after == whole
    assert "".join(first.tokens) == whole
    assert first.tokens[first.place] == first.token
    assert first.values[first.place] == pytest.approx(first.value, rel=1e-3)
    assert len(first.values) == len(first.tokens)
    assert n_hooks(loaded) == 0


def test_several_neurons_are_read_in_one_pass_as_one_after_the_other(tiny_model):
    loaded = tiny_model("gpt2")
    texts = [Text("a", "The train was late"), Text("b", "warm bread"), Text("c", "")]
    together = [ContextSearch(loaded, *neuron) for neuron in ((1, 3), (1, 8), (0, 5))]
    alone = [ContextSearch(loaded, *neuron) for neuron in ((1, 3), (1, 8), (0, 5))]
    for text in texts:
        read_text(loaded, together, text)
        for search in alone:
            read_text(loaded, [search], text)
    assert [search.found() for search in together] == [search.found() for search in alone]
    assert together[0].found() != together[1].found()


def test_no_position_is_among_the_highest_and_the_lowest(tiny_model):
    search = ContextSearch(tiny_model("llama"), 0, 0)
    read_text(tiny_model("llama"), [search], Text("a", "warm bread"))
    found = search.found()
    assert len(found.highest) == found.n_positions
    assert found.lowest == ()


def test_neuron_values_are_those_of_the_prompts_own_pass(tiny_model):
    loaded = tiny_model("llama")
    prompt = tokens(loaded)
    values = neuron_values(loaded, prompt.token_ids, [(3, 17), (0, 2), (3, 1)])
    expected = run_prompt(loaded, prompt).neurons
    assert values[-1].tolist() == pytest.approx(
        [float(expected[3, 17]), float(expected[0, 2]), float(expected[3, 1])], rel=1e-4
    )


def reference_text(loaded, prompt, steering, n):
    """Greedy text, the whole sequence anew for every token; edits from the prompt's last token on."""
    ids = list(loaded.tokenizer(prompt)["input_ids"])
    start, written = len(ids) - 1, []
    edits = steering_edits(loaded, steering)

    def from_last(edit):
        return lambda x: torch.cat([x[:start], edit(x[start:])])

    for _ in range(n):
        with torch.no_grad(), edited_neurons(loaded, {layer: from_last(e) for layer, e in edits.items()}):
            hidden = loaded.model.base_model(torch.tensor([ids + written]), use_cache=False).last_hidden_state[0, -1:]
        written.append(int(vocabulary_logits(loaded, hidden)[0].argmax()))
    return written


@pytest.mark.parametrize("family", FAMILIES)
def test_steered_text_is_that_of_the_whole_sequence_with_the_same_positions_changed(tiny_model, family):
    loaded = tiny_model(family)
    opening = open_prompt(loaded, SHORT_PROMPT, 6)
    plain, steered = (Writer(opening, e, 0.0, 0) for e in ({}, steering_edits(loaded, STEERING)))
    for _ in range(6):
        plain.step(loaded)
        steered.step(loaded)
    assert n_hooks(loaded) == 0
    for writer, steering in ((plain, Steering((), ())), (steered, STEERING)):
        expected = reference_text(loaded, SHORT_PROMPT, steering, 6)
        kept = expected[: expected.index(0)] if 0 in expected else expected
        assert list(writer.written.token_ids) == kept
        assert writer.written.ended == (0 in expected)


@pytest.mark.parametrize("n_tokens", [97, 99, 100, 101])
def test_text_that_crosses_the_length_of_other_rotary_frequencies_is_that_of_the_whole_sequence(tiny_model, n_tokens):
    # LongRoPE: other frequencies for texts longer than 100 tokens.
    loaded = tiny_model("phi3:longrope")
    prompt = loaded.tokenizer.decode(loaded.tokenizer(PROMPT)["input_ids"][:n_tokens])
    opening = open_prompt(loaded, prompt, 6)
    assert len(opening.token_ids) == n_tokens
    for steering in (Steering((), ()), STEERING):
        writer = Writer(opening, steering_edits(loaded, steering), 0.0, 0)
        for _ in range(6):
            writer.step(loaded)
        expected = reference_text(loaded, prompt, steering, 6)
        assert list(writer.written.token_ids) == (expected[: expected.index(0)] if 0 in expected else expected)


def test_next_tokens_are_the_steered_row_of_an_evaluation(tiny_model, monkeypatch):
    loaded = tiny_model("llama")
    good, bad = (np.array(neurons, dtype=np.int32) for neurons in (STEERING.excited, STEERING.silenced))
    plan = [Intervention(4, 0.5, "enhancer", good, bad)]
    prompt = tokens(loaded)
    row = option_probabilities(loaded, PromptBatch.of(run_prompt(loaded, prompt)), plan_chunks(loaded, plan, 8), ["q"])[
        0
    ][1]
    monkeypatch.setattr(generation, "NEXT", 1000)
    writer = Writer(open_prompt(loaded, PROMPT, 1), steering_edits(loaded, STEERING), 0.0, 0)
    found = writer.step(loaded).next_tokens
    assert sum(token.value for token in found) == pytest.approx(1, abs=1e-5)
    by_id = {token.token_id: token.value for token in found}
    letters = np.array([by_id[i] for i in prompt.letter_ids])
    assert letters / letters.sum() == pytest.approx(row, rel=1e-4)


def test_one_seed_draws_the_same_text_and_another_seed_another(tiny_model):
    loaded = tiny_model("llama")

    def text(seed, temperature=1.5):
        writer = Writer(open_prompt(loaded, SHORT_PROMPT, 12), {}, temperature, seed)
        for _ in range(12):
            writer.step(loaded)
        return writer.written.token_ids

    assert text(1) == text(1)
    assert text(1) != text(2)


@pytest.mark.parametrize(
    ("prompt", "n", "error"), [("", 4, ConfigError), ("word", 0, ConfigError), ("word " * 600, 500, ModelError)]
)
def test_a_prompt_that_can_not_be_continued_is_refused(tiny_model, prompt, n, error):
    with pytest.raises(error):
        open_prompt(tiny_model("llama"), prompt, n)


def test_hooks_are_gone_after_a_pass_that_fails(tiny_model):
    loaded = tiny_model("llama")

    def broken(x):
        raise ZeroDivisionError

    writer = Writer(open_prompt(loaded, SHORT_PROMPT, 2), {1: broken}, 0.0, 0)
    with pytest.raises(ZeroDivisionError):
        writer.step(loaded)
    assert n_hooks(loaded) == 0
    assert loaded.hidden_size == HIDDEN
