"""Every family the whole way: loaded, prompt, rows, attribution, interventions, letter logits, in its row mode."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neuron_core.bench.families import configs_of
from neuron_core.cli import main
from neuron_core.cni.attribution import attribute, attribute_batch
from neuron_core.cni.reference import reference
from neuron_core.control.evaluation import option_probabilities, option_probabilities_all, plan_chunks
from neuron_core.control.interventions import Intervention
from neuron_core.errors import AttributionError, ModelError
from neuron_core.models import masks
from neuron_core.models.architectures import architectures, register_architecture
from neuron_core.models.hooks import edited_neurons
from neuron_core.models.letter_head import letter_logits, vocabulary_logits
from neuron_core.models.letters import common_prefix_length
from neuron_core.models.listing import listing
from neuron_core.models.prompt_pass import run_prefix, run_prompt, run_prompts
from neuron_core.models.prompt_state import PromptBatch
from neuron_core.models.prompts import SharedPrompts
from neuron_core.models.rows import run_rows
from tests.builders import (
    CONTEXT,
    FAMILIES,
    LAYERS,
    NEURONS,
    OTHER_PROMPT,
    PROMPT,
    SHORT_PROMPT,
    WINDOW,
    n_hooks,
    tokens,
)

ROOT = Path(__file__).resolve().parents[2]
TARGET, STEPS = 1, 3
MIDDLE_PROMPT = OTHER_PROMPT[OTHER_PROMPT.index("Text: I would") :]
every_family = pytest.mark.parametrize("family", FAMILIES)

BATCH = ("gpt_neo", "bloom", "falcon:alibi")
SLIDING = ("phi3", "mistral")
LAYERED = ("qwen2", "qwen3", "gemma2", "gemma3_text", "gemma3_text:capped")
# Attention weights of these are computed in float32 even in a float64 model.
ATTENTION_IN_FLOAT32 = ("gpt_neo", "gemma2", "gptj")


def state_of(loaded, prompt=OTHER_PROMPT, prefix_of=None):
    prompt = tokens(loaded, prompt)
    if prefix_of is None:
        return run_prompt(loaded, prompt)
    length = common_prefix_length([prompt.token_ids, tokens(loaded, prefix_of).token_ids])
    return run_prompt(loaded, prompt, run_prefix(loaded, prompt.token_ids[:length]))


def apart(found, expected):
    """Largest difference, relative to the largest expected value."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def tolerance(family, dtype):
    if dtype == "float32":
        # As far as the slow form itself is from its float64 scores.
        return 5e-6
    return 1e-6 if family in ATTENTION_IN_FLOAT32 else 1e-12


@pytest.fixture(scope="module")
def slow(tiny_model):
    """`slow(family, dtype, prompt)`: scores of the full-sequence form, computed once."""
    known = {}

    def scores(family, dtype, prompt=OTHER_PROMPT):
        key = family, dtype, prompt
        if key not in known:
            loaded = tiny_model(family, dtype)
            known[key] = reference(loaded, tokens(loaded, prompt), TARGET, range(LAYERS), steps=STEPS)
        return known[key]

    return scores


def test_every_architecture_of_the_table_has_a_case():
    # Families beyond these are compared by their hubs' configs.
    small = {(config.get("text_config") or config)["model_type"] for config in configs_of(None).values()}
    assert {case.partition(":")[0] for case in FAMILIES} | small >= {line.name for line in architectures()}


@every_family
def test_the_table_s_line_fits_the_model(tiny_model, family):
    loaded = tiny_model(family)
    assert loaded.architecture.name == family.partition(":")[0]
    assert loaded.architecture.rows == ("batch" if family in BATCH else "packed")
    assert (loaded.n_layers, loaded.n_neurons) == (LAYERS, NEURONS)
    assert loaded.hidden_size == loaded.model.config.hidden_size
    assert loaded.context_length == (1 << 20 if family == "bloom" else CONTEXT)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_family
def test_the_fast_form_equals_the_slow_one_with_and_without_a_cached_prefix(tiny_model, slow, family, dtype):
    loaded = tiny_model(family, dtype)
    assert state_of(loaded).n_tokens - 1 > 2 * WINDOW
    plain = attribute(loaded, state_of(loaded), "q", TARGET, steps=STEPS)
    cached = attribute(loaded, state_of(loaded, prefix_of=PROMPT), "q", TARGET, steps=STEPS)
    assert apart(plain.of("ace"), slow(family, dtype)) < tolerance(family, dtype)
    assert apart(cached.of("ace"), slow(family, dtype)) < tolerance(family, dtype)
    assert max(plain.guard, cached.guard) < 5e-7
    assert n_hooks(loaded) == 0


@every_family
def test_two_cached_prefixes_after_each_other_change_nothing(tiny_model, family):
    loaded = tiny_model(family, "float64")
    whole = state_of(loaded)
    ids = whole.prompt.token_ids
    # Of the stages, those that begin and those that end on either side of LongRoPE's 100 tokens.
    assert len(ids) > 125
    for first, second in ((40, 90), (40, 120), (90, 124), (105, 124)):
        staged = run_prompt(loaded, whole.prompt, run_prefix(loaded, ids[:second], run_prefix(loaded, ids[:first])))
        assert apart(staged.neurons.numpy(), whole.neurons.numpy()) < tolerance(family, "float64")
        assert apart(staged.letter_logits.numpy(), whole.letter_logits.numpy()) < tolerance(family, "float64")
        for (keys, values), (own_keys, own_values) in zip(staged.key_values, whole.key_values, strict=True):
            assert apart(keys.numpy(), own_keys.numpy()) < tolerance(family, "float64")
            assert apart(values.numpy(), own_values.numpy()) < tolerance(family, "float64")


@every_family
def test_prompts_of_unequal_lengths_that_share_a_pass_are_each_what_they_are_alone(tiny_model, family):
    loaded = tiny_model(family, "float64")
    prompts = [tokens(loaded, text) for text in (OTHER_PROMPT, PROMPT, PROMPT.replace("late again", "late"))]
    ids = [prompt.token_ids for prompt in prompts]
    assert len({len(each) for each in ids}) == 3
    prefix = run_prefix(loaded, ids[0][: common_prefix_length(ids)])
    batches = run_prompts(loaded, prompts, prefix)
    # LongRoPE: the prefix is on the other side of its 100 tokens.
    assert [len(batch.states) for batch in batches] == ([1, 1, 1] if family in (*BATCH, "phi3:longrope") else [3])
    allowed = tolerance(family, "float64")
    top = batches[0].states[0].neurons.abs().topk(2).indices.numpy()
    good, bad = (np.array([[at, i] for at in layers for i in top[at]], dtype=np.int32) for layers in ((0, 2), (1, 3)))
    plan = [Intervention(8, 0.5, direction, good, bad) for direction in ("enhancer", "degrader")]
    chunks = plan_chunks(loaded, plan, 8)
    alone = [run_prompt(loaded, prompt) for prompt in prompts]
    settings = {"steps": STEPS, "rule": "right", "layers_per_pass": 3, "targets": ("ace", "qrnca")}
    expected = iter(zip(alone, prompts, strict=True))
    for batch in batches:
        names = [f"q{i}" for i in range(len(batch.states))]
        probabilities = option_probabilities(loaded, batch, chunks, names)
        scores = attribute_batch(loaded, batch, names, [i % 4 for i in range(len(names))], **settings)
        for i, (state, found, score) in enumerate(zip(batch.states, probabilities, scores, strict=True)):
            own, prompt = next(expected)
            assert state.prompt == prompt
            assert apart(state.neurons.numpy(), own.neurons.numpy()) < allowed
            assert apart(state.hidden.numpy(), own.hidden.numpy()) < allowed
            single = PromptBatch.of(own)
            assert np.abs(found - option_probabilities(loaded, single, chunks, ["q"])[0]).max() < max(allowed, 1e-6)
            (one,) = attribute_batch(loaded, single, ["q"], [i % 4], **settings)
            assert score.question_id == f"q{i}"
            assert apart(score.ig, one.ig) < 10 * allowed
            assert apart(score.zeroed, one.zeroed) < allowed
            assert score.guard < 5e-7
    assert n_hooks(loaded) == 0


@every_family
def test_examples_that_share_a_pass_as_trees_are_each_what_they_are_alone(tiny_model, family):
    loaded = tiny_model(family, "float64")
    # Stems of two lengths, branches of several, one example of a single prompt; some end beyond the window.
    texts = [text + ending for text in (PROMPT, OTHER_PROMPT) for ending in ("", " the", " letter of it is")]
    prompts = [tokens(loaded, text) for text in (*texts, MIDDLE_PROMPT)]
    shared = SharedPrompts(loaded, prompts, ["one"] * 3 + ["two"] * 3 + ["three"], tokens_per_pass=10_000)
    allowed = tolerance(family, "float64")
    for example, numbers in enumerate(shared.examples):
        batches = shared.run(example)
        states = [state for batch in batches for state in batch.states]
        assert [state.prompt for state in states] == [prompts[number] for number in numbers]
        for state in states:
            own = run_prompt(loaded, state.prompt)
            assert apart(state.neurons.numpy(), own.neurons.numpy()) < allowed
            assert apart(state.hidden.numpy(), own.hidden.numpy()) < allowed
            assert apart(state.letter_logits.numpy(), own.letter_logits.numpy()) < allowed
            for pair, own_pair in zip(state.key_values, own.key_values, strict=True):
                assert all(apart(a.numpy(), b.numpy()) < allowed for a, b in zip(pair, own_pair, strict=True))
        for batch in batches:
            longest = max(state.n_tokens for state in batch.states) - 1
            assert {part.shape[:3:2] for pair in batch.key_values for part in pair} == {(len(batch.states), longest)}
    assert n_hooks(loaded) == 0


@pytest.mark.parametrize("family", [*SLIDING, *LAYERED, *BATCH])
def test_a_prompt_within_the_window_whose_rows_reach_beyond_it_is_right_too(tiny_model, slow, family):
    loaded = tiny_model(family, "float64")
    state = state_of(loaded, MIDDLE_PROMPT)
    assert state.n_tokens <= WINDOW < state.n_tokens - 1 + LAYERS * (STEPS + 1)
    scores = attribute(loaded, state, "q", TARGET, steps=STEPS)
    assert apart(scores.of("ace"), slow(family, "float64", MIDDLE_PROMPT)) < tolerance(family, "float64")


@every_family
def test_interventions_are_the_full_sequence_model_with_the_last_token_changed(tiny_model, family):
    loaded = tiny_model(family, "float64")
    state = state_of(loaded, prefix_of=PROMPT)
    # The two largest of each layer: a ReLU leaves many at zero, which no factor moves.
    top = state.neurons.abs().topk(2).indices.numpy()
    good = np.array([[layer, i] for layer in (0, 2) for i in top[layer]], dtype=np.int32)
    bad = np.array([[layer, i] for layer in (1, 3) for i in top[layer]], dtype=np.int32)
    plan = [Intervention(8, 0.5, direction, good, bad) for direction in ("enhancer", "degrader")]
    found = option_probabilities(loaded, PromptBatch.of(state), plan_chunks(loaded, plan, 8), ["q"])[0]

    def scaled(layer, factors):
        def edit(x):
            factor = torch.ones_like(x)
            for (at, index), value in factors.items():
                if at == layer:
                    factor[-1, index] = value
            return x * factor

        return edit

    ids, letters = torch.tensor([state.prompt.token_ids]), list(state.prompt.letter_ids)
    for row, (factor_good, factor_bad) in enumerate([(1, 1), (2, 0), (0, 2)]):
        factors = {tuple(n): factor_good for n in good.tolist()} | {tuple(n): factor_bad for n in bad.tolist()}
        with torch.no_grad(), edited_neurons(loaded, {layer: scaled(layer, factors) for layer in range(LAYERS)}):
            expected = loaded.model(ids).logits[0, -1, letters].softmax(-1)
        assert found[row] == pytest.approx(expected.numpy(), abs=2e-7)
    assert np.abs(found[1:] - found[0]).max() > 1e-4


@pytest.mark.parametrize("positions_per_pass", [1, 1 << 20])
@every_family
def test_interventions_at_all_positions_are_the_model_with_scaled_write_vectors(tiny_model, family, positions_per_pass):
    loaded = tiny_model(family, "float64")
    prompt = tokens(loaded, OTHER_PROMPT)
    # The largest of each layer: a ReLU leaves many at zero, which no factor moves.
    top = state_of(loaded).neurons.abs().topk(2).indices.numpy()
    good = np.array([[2, top[2, 0]], [2, top[2, 1]], [3, top[3, 0]]], dtype=np.int32)
    bad = np.array([[1, top[1, 0]], [3, top[3, 1]]], dtype=np.int32)
    none = np.empty((0, 2), dtype=np.int32)
    plan = [
        Intervention(3, 1.0, "degrader", good, none),
        Intervention(5, 0.5, "enhancer", good, bad),
        Intervention(2, 0.0, "degrader", none, none),
        Intervention(2, 0.0, "enhancer", none, bad[1:]),
    ]
    found = option_probabilities_all(loaded, prompt, plan, "q", positions_per_pass=positions_per_pass)
    assert found.shape == (5, 4)

    def with_write_vectors_scaled(scales):
        weights = [projection.weight for projection in loaded.down_projections]
        before = [weight.clone() for weight in weights]
        with torch.no_grad():
            for neurons, factor in scales:
                for layer, index in neurons:
                    column = loaded.architecture.write_axis == "column"
                    weights[layer][(slice(None), index) if column else index] *= factor
            try:
                logits = loaded.model(torch.tensor([prompt.token_ids])).logits
            finally:
                for weight, kept in zip(weights, before, strict=True):
                    weight.copy_(kept)
        return logits[0, -1, list(prompt.letter_ids)].softmax(-1).numpy()

    for row, scales in enumerate([[], [(good, 0)], [(good, 2), (bad, 0)], [], [(bad[1:], 0)]]):
        assert found[row] == pytest.approx(with_write_vectors_scaled(scales), abs=2e-7)
    assert np.abs(found[[1, 2, 4]] - found[0]).max(axis=1).min() > 1e-5
    at_last = option_probabilities(loaded, PromptBatch.of(state_of(loaded)), plan_chunks(loaded, plan, 8), ["q"])[0]
    assert np.abs(at_last - found).max() > 1e-5
    assert n_hooks(loaded) == 0


@every_family
def test_starting_at_a_layer_equals_starting_at_the_bottom(tiny_model, family):
    loaded = tiny_model(family)
    state = state_of(loaded)
    with torch.no_grad():
        bottom = run_rows(loaded, state, 3, {3: torch.zeros_like})
        for first_layer in (1, 3):
            found = run_rows(loaded, state, 3, {3: torch.zeros_like}, first_layer=first_layer)
            assert apart(found.numpy(), bottom.numpy()) < 2e-6
    assert apart(bottom.numpy(), state.final_hidden.numpy()) > 1e-3


@every_family
def test_letter_and_vocabulary_logits_are_the_model_s_own(tiny_model, family):
    loaded = tiny_model(family)
    prompt = tokens(loaded)
    ids, letters = torch.tensor([prompt.token_ids]), torch.tensor(prompt.letter_ids)
    with torch.no_grad():
        own = loaded.model(ids).logits[0, -3:]
        hidden = loaded.model.base_model(ids).last_hidden_state[0, -3:]
    assert torch.allclose(letter_logits(loaded, hidden, letters), own[:, letters], atol=1e-5)
    assert torch.allclose(vocabulary_logits(loaded, hidden), own, atol=1e-5)
    head = loaded.model.get_output_embeddings()
    plainest = hidden @ head.weight.T
    assert ((plainest - own).abs().max() > 0.05) == (family in ("gptj", "phi", "gemma2", "gemma3_text:capped"))


@every_family
def test_silencing_everywhere_equals_zeroed_write_vectors(tiny_model, family):
    loaded = tiny_model(family, "float64")
    ids = torch.tensor([tokens(loaded, SHORT_PROMPT).token_ids])
    keep = torch.ones(NEURONS, dtype=torch.float64)
    keep[[3, 17, 40]] = 0
    weight = loaded.down_projections[2].weight
    before = weight.clone()
    with torch.no_grad():
        plain = loaded.model(ids).logits
        with edited_neurons(loaded, {2: lambda x: x * keep}):
            by_hook = loaded.model(ids).logits
        weight.mul_(keep if loaded.architecture.write_axis == "column" else keep[:, None])
        try:
            by_weight = loaded.model(ids).logits
        finally:
            weight.copy_(before)
    assert torch.allclose(by_hook, by_weight, rtol=0, atol=tolerance(family, "float64"))
    assert (by_hook - plain).abs().max() > 1e-3


@every_family
def test_neurons_are_added_as_they_are_except_where_a_norm_follows(tiny_model, family):
    loaded = tiny_model(family)
    assert loaded.adds_neurons == (not loaded.architecture.post_norm and family != "opt:projected")
    assert n_hooks(loaded) == 0


@every_family
def test_scores_do_not_feel_the_scale_of_the_neurons_exactly_where_the_table_says_post_norm(tiny_model, family):
    """METHOD, section 7: with a norm after the down projection every step has the same direction."""
    loaded = tiny_model(family, "float64")
    one, four = (attribute(loaded, state_of(loaded), "q", TARGET, steps=m).ig for m in (1, 4))
    harmonic = 1 + 1 / 2 + 1 / 3 + 1 / 4
    assert (apart(four, harmonic * one) < 1e-3) == loaded.architecture.post_norm


# The guard


@pytest.mark.parametrize("family", [*SLIDING, *LAYERED])
def test_the_guard_fires_on_a_mask_without_window(tiny_model, monkeypatch, family):
    loaded = tiny_model(family)
    windowed = masks._mask
    monkeypatch.setattr(masks, "_mask", lambda *call: windowed(*call[:3], None))
    with pytest.raises(AttributionError, match=r"differ from the unmodified model.*row mask"):
        attribute(loaded, state_of(loaded), "q", TARGET, steps=STEPS)
    attribute(loaded, state_of(loaded, SHORT_PROMPT), "q", TARGET, steps=STEPS)


@pytest.mark.parametrize("family", LAYERED)
def test_the_guard_fires_on_one_mask_where_layers_differ(tiny_model, monkeypatch, family):
    loaded = tiny_model(family)
    monkeypatch.setattr(loaded, "architecture", replace(loaded.architecture, window="sliding"))
    with pytest.raises(AttributionError, match=r"differ from the unmodified model"):
        attribute(loaded, state_of(loaded), "q", TARGET, steps=STEPS)


@pytest.mark.parametrize("family", [*SLIDING, *LAYERED])
@pytest.mark.parametrize("off", [-1, 1])
def test_the_guard_fires_on_a_window_that_is_off_by_one(tiny_model, monkeypatch, family, off):
    loaded = tiny_model(family)
    windowed = masks._mask
    monkeypatch.setattr(masks, "_mask", lambda *call: windowed(*call[:3], call[3] and call[3] + off))
    with pytest.raises(AttributionError, match=r"differ from the unmodified model"):
        attribute(loaded, state_of(loaded), "q", TARGET, steps=STEPS)


def test_the_guard_fires_on_packed_rows_where_a_window_goes_by_slot(tiny_model, monkeypatch):
    loaded = tiny_model("gpt_neo")
    monkeypatch.setattr(loaded, "architecture", replace(loaded.architecture, rows="packed", window="none"))
    with pytest.raises(AttributionError, match=r"differ from the unmodified model"):
        attribute(loaded, state_of(loaded), "q", TARGET, steps=16)


@pytest.mark.parametrize("family", ["bloom", "falcon:alibi"])
def test_the_guard_fires_on_packed_rows_where_a_bias_goes_by_slot(tiny_model, monkeypatch, family):
    loaded = tiny_model(family)
    # Bloom's model has it as a method, Falcon's module as a function.
    owner = loaded.model.base_model if family == "bloom" else sys.modules[type(loaded.model).__module__]
    build = owner.build_alibi_tensor
    by_slot = lambda mask, *args, **kwargs: build(mask.new_ones(1, mask.shape[-1]), *args, **kwargs)  # noqa: E731
    state = state_of(loaded)
    monkeypatch.setattr(owner, "build_alibi_tensor", by_slot)
    monkeypatch.setattr(loaded, "architecture", replace(loaded.architecture, rows="packed"))
    with pytest.raises(AttributionError, match=r"differ from the unmodified model"):
        attribute(loaded, state, "q", TARGET, steps=16, layers_per_pass=1)


def test_local_attention_can_t_be_registered_with_packed_rows():
    line = next(a for a in architectures() if a.window == "local")
    with pytest.raises(ModelError, match=r"local attention.*gpt_neo.*batch"):
        register_architecture(replace(line, rows="packed"))


def test_a_prefix_with_other_rotary_frequencies_is_not_used(tiny_model):
    loaded = tiny_model("phi3:longrope", "float64")
    used, whole = state_of(loaded, prefix_of=PROMPT), state_of(loaded)
    prefix = run_prefix(loaded, used.prompt.token_ids[:90])
    assert (prefix.key_values[1][0] - whole.key_values[1][0][:, :, :90]).abs().max() > 0.1
    assert torch.equal(used.key_values[1][0], whole.key_values[1][0])


def test_batch_rows_keep_no_copy_of_the_prefix(tiny_model):
    loaded = tiny_model("bloom")
    state = state_of(loaded)
    with torch.no_grad():
        hidden = run_rows(loaded, state, 20, {})
    assert hidden.shape == (20, 12)
    assert state.key_values[0][0].shape[0] == 1


# What is said about them


def test_the_documented_table_is_the_registry():
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \| (\w+) \| ([\w-]+) \| (yes|no) \|$", text, re.MULTILINE)
    table = [(*list(line.values())[:4], "yes" if line["post_norm"] else "no") for line in listing()["architectures"]]
    assert rows == table


def test_the_models_command_lists_them_as_json_and_as_text(capsys):
    assert main(["models", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == listing()
    assert {
        "name": "falcon",
        "row_mode": "packed, batch with alibi",
        "window": "none",
        "head": "linear",
        "post_norm": False,
    } in printed["architectures"]
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "row", "mode", "window", "head", "post", "norm"]
    gemma2 = next(line for line in lines if line.startswith("gemma2 "))
    assert gemma2.split() == ["gemma2", "packed", "layered", "soft-cap", "yes"]
