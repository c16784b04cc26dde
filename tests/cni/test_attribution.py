"""Attribution against Captum, against the slow form, and against its own definitions."""

import functools
from dataclasses import replace

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients

from neuron_core.cni import attribution, targets
from neuron_core.cni.attribution import attribute
from neuron_core.cni.quadrature import RULES
from neuron_core.cni.reference import reference
from neuron_core.errors import AttributionError, ConfigError
from neuron_core.models import rounding, rows
from neuron_core.models.hooks import edited_neurons
from neuron_core.models.letters import common_prefix_length
from neuron_core.models.prompt_pass import run_prefix, run_prompt
from neuron_core.models.rows import run_rows
from tests.builders import BASIC, LAYERS, NEURONS, OTHER_PROMPT, PROMPT, SHORT_PROMPT, n_hooks, tokens

TARGET = 1
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
every_family = pytest.mark.parametrize("family", BASIC)
every_dtype = pytest.mark.parametrize("dtype", TOLERANCE)


def apart(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference, relative to the largest expected score."""
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def captum_scores(loaded, prompt, target, layer):
    """METHOD's oracle: Captum alone, over the model's own forward; shares no code with the project."""
    ids = torch.tensor([prompt.token_ids])
    down = loaded.model.get_submodule(f"{loaded.architecture.layers}.{layer}.{loaded.architecture.down_projection}")
    seen = []
    handle = down.register_forward_pre_hook(lambda _, args: seen.append(args[0][0, -1].detach()))
    with torch.no_grad():
        loaded.model(ids)
    handle.remove()

    def forward(w, ids, letters, target):
        def put(_, args):
            return (torch.cat([args[0][:, :-1], w[:, None]], dim=1),)

        handle = down.register_forward_pre_hook(put)
        try:
            logits = loaded.model(ids).logits[:, -1, list(letters)]
        finally:
            handle.remove()
        return logits.softmax(-1)[:, target]

    scores = IntegratedGradients(forward).attribute(
        seen[0][None],
        baselines=0.0,
        n_steps=16,
        method="riemann_right",
        # Captum repeats tensors once a step: the ids become a prompt a row, the letters must be no tensor.
        additional_forward_args=(ids, prompt.letter_ids, target),
    )
    return scores[0].detach().numpy()


@pytest.fixture(scope="module")
def captum(tiny_model):
    """`captum(family, dtype)`: Captum's scores of the whole model on PROMPT, shape (L, I)."""

    @functools.cache
    def scores(family, dtype):
        loaded = tiny_model(family, dtype)
        prompt = tokens(loaded)
        return np.stack([captum_scores(loaded, prompt, TARGET, layer) for layer in range(LAYERS)])

    return scores


def fast(loaded, prompt=PROMPT, **settings):
    return attribute(loaded, run_prompt(loaded, tokens(loaded, prompt)), "q", TARGET, **settings)


@every_dtype
@every_family
def test_attribute_equals_captum(tiny_model, captum, family, dtype):
    assert apart(fast(tiny_model(family, dtype)).of("ace"), captum(family, dtype)) < TOLERANCE[dtype]


@every_dtype
@every_family
def test_reference_equals_captum(tiny_model, captum, family, dtype):
    loaded = tiny_model(family, dtype)
    slow = reference(loaded, tokens(loaded), TARGET, range(LAYERS))
    assert apart(slow, captum(family, dtype)) < TOLERANCE[dtype]


@pytest.mark.parametrize("prompt", [OTHER_PROMPT, SHORT_PROMPT], ids=["other", "short"])
@pytest.mark.parametrize("rule", RULES)
@every_family
def test_the_fast_form_equals_the_slow_one_for_every_rule_and_length(tiny_model, family, rule, prompt):
    loaded = tiny_model(family, "float64")
    slow = reference(loaded, tokens(loaded, prompt), TARGET, range(LAYERS), steps=5, rule=rule)
    assert apart(fast(loaded, prompt, steps=5, rule=rule).of("ace"), slow) < 1e-12


def test_the_reference_of_some_layers_is_that_part_of_the_whole(tiny_model):
    loaded = tiny_model("llama", "float64")
    prompt = tokens(loaded, SHORT_PROMPT)
    whole = reference(loaded, prompt, TARGET, range(LAYERS), steps=2)
    assert np.array_equal(reference(loaded, prompt, TARGET, range(1, 3), steps=2), whole[1:3])


@every_family
def test_scores_do_not_depend_on_how_many_layers_share_a_pass(tiny_model, family):
    loaded = tiny_model(family)
    one = fast(loaded, layers_per_pass=1)
    for layers_per_pass in (3, LAYERS, 100):
        other = fast(loaded, layers_per_pass=layers_per_pass)
        assert apart(other.ig, one.ig) < 1e-6
        assert np.abs(other.zeroed - one.zeroed).max() < 1e-6


@pytest.mark.parametrize(
    ("family", "tolerance"),
    # Attention of the family's own; positions folded into sequences; a norm after the down projection, in float32.
    [*((family, 1e-12) for family in (*BASIC, "gptj", "opt")), ("gemma2", 1e-6)],
)
def test_scores_do_not_depend_on_how_many_layers_share_the_row_at_full_value(
    tiny_model, monkeypatch, family, tolerance
):
    loaded = tiny_model(family, "float64")
    settings = {"targets": ("ace", "content"), "steps": 3}
    monkeypatch.setattr(attribution, "SHARED_LAYERS", 1)
    own = fast(loaded, **settings)
    for n_layers in (2, LAYERS):
        monkeypatch.setattr(attribution, "SHARED_LAYERS", n_layers)
        shared = fast(loaded, **settings)
        assert apart(shared.ig, own.ig) < tolerance
        assert np.abs(shared.zeroed - own.zeroed).max() < tolerance
        assert shared.guard < tolerance
    assert n_hooks(loaded) == 0


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
@every_family
def test_a_cached_common_prefix_changes_no_score(tiny_model, family, dtype, tolerance):
    loaded = tiny_model(family, dtype)
    prompts = [tokens(loaded), tokens(loaded, OTHER_PROMPT)]
    length = common_prefix_length([p.token_ids for p in prompts])
    assert length > 50
    prefix = run_prefix(loaded, prompts[0].token_ids[:length])
    for prompt in prompts:
        with_prefix = attribute(loaded, run_prompt(loaded, prompt, prefix), "q", TARGET)
        without = attribute(loaded, run_prompt(loaded, prompt), "q", TARGET)
        assert apart(with_prefix.ig, without.ig) < tolerance
        assert with_prefix.baseline == pytest.approx(without.baseline, rel=tolerance)


@every_family
def test_what_is_returned_beside_the_scores_is_the_model_s_own(tiny_model, family):
    loaded = tiny_model(family, "float64")
    prompt = tokens(loaded)
    scores = fast(loaded)
    with torch.no_grad():
        logits = loaded.model(torch.tensor([prompt.token_ids])).logits[0, -1, list(prompt.letter_ids)]
    letters = logits.softmax(-1).numpy()
    assert scores.question_id == "q"
    assert scores.of("ace").shape == scores.neurons.shape == (LAYERS, NEURONS)
    assert scores.letter_probabilities == pytest.approx(letters, abs=1e-7)
    assert scores.baseline == pytest.approx([letters[TARGET]], abs=1e-7)
    assert scores.guard < 1e-12


def test_scores_of_a_float32_model_are_float32_and_those_of_a_float64_model_keep_their_digits(tiny_model):
    single, double = fast(tiny_model("llama")), fast(tiny_model("llama", "float64"))
    for field in ("ig", "neurons", "zeroed", "letter_probabilities"):
        assert getattr(single, field).dtype == np.float32
        assert getattr(double, field).dtype == np.float64


@every_family
def test_the_zeroed_value_is_f_with_the_whole_layer_at_zero(tiny_model, family):
    loaded = tiny_model(family, "float64")
    prompt = tokens(loaded)
    ids, letters = torch.tensor([prompt.token_ids]), list(prompt.letter_ids)
    for layer in range(LAYERS):
        zero_last = {layer: lambda x: torch.cat([x[:-1], torch.zeros_like(x[-1:])])}
        with torch.no_grad(), edited_neurons(loaded, zero_last):
            expected = loaded.model(ids).logits[0, -1, letters].softmax(-1)[TARGET]
        assert fast(loaded, steps=2).zeroed[0, layer] == pytest.approx(float(expected), abs=1e-12)


@every_family
def test_the_completeness_gap_is_its_definition_and_closes_with_a_better_rule(tiny_model, family):
    loaded = tiny_model(family, "float64")
    scores = fast(loaded, steps=4)
    ig = scores.of("ace")
    for layer in range(LAYERS):
        expected = (sum(ig[layer]) - (scores.baseline[0] - scores.zeroed[0, layer])) / sum(abs(ig[layer]))
        assert scores.completeness_gap[0, layer] == pytest.approx(expected, abs=1e-12)
    coarse = np.abs(scores.completeness_gap).mean()
    fine = np.abs(fast(loaded, steps=64).completeness_gap).mean()
    exact = np.abs(fast(loaded, steps=32, rule="gauss-legendre").completeness_gap).max()
    assert coarse > 1e-3
    assert fine < coarse / 4
    assert exact < 1e-6


# The guard


def rows_see_each_other(loaded, n_cached, n_rows):
    """An ordinary causal mask: a row sees the rows before it."""
    mask = torch.full((n_rows, n_cached[0] + n_rows), torch.finfo(loaded.dtype).min, dtype=loaded.dtype)
    return mask.triu(n_cached[0] + 1)[None, None]


def rows_miss_a_token(loaded, n_cached, n_rows):
    mask = row_mask(loaded, n_cached, n_rows)
    mask[..., 3] = torch.finfo(loaded.dtype).min
    return mask


row_mask = rows.row_mask


@pytest.mark.parametrize(
    ("family", "wrong"),
    [
        ("llama", rows_miss_a_token),
        ("gpt2", rows_miss_a_token),
        # The attention of these is the family's own: its mask has a part that keeps rows from each other.
        ("falcon", rows_miss_a_token),
        ("falcon", rows_see_each_other),
        ("gptj", rows_see_each_other),
    ],
)
def test_the_guard_fires_on_a_wrong_mask(tiny_model, monkeypatch, family, wrong):
    loaded = tiny_model(family)
    fast(loaded)
    monkeypatch.setattr(rows, "row_mask", wrong)
    with pytest.raises(AttributionError, match=rf"differ from the unmodified model.*question q.*{family}.*row mask"):
        fast(loaded)
    assert n_hooks(loaded) == 0


@pytest.mark.parametrize("rule", RULES)
def test_the_guard_fires_under_every_rule(tiny_model, monkeypatch, rule):
    monkeypatch.setattr(rows, "row_mask", rows_miss_a_token)
    with pytest.raises(AttributionError):
        fast(tiny_model("llama"), rule=rule)


def test_limits_are_wider_only_where_products_of_float32_may_round_on_the_model_s_device(tiny_model):
    models = [tiny_model("llama", dtype) for dtype in ("float32", "float64", "bfloat16")]
    on_cuda = replace(models[0], device=torch.device("cuda"))
    cpu, cuda = torch.backends.mkldnn.matmul, torch.backends.cuda.matmul
    usual = cpu.fp32_precision, cuda.fp32_precision
    found = {}
    try:
        for precision in ("ieee", "tf32", "bf16"):
            cpu.fp32_precision = precision
            found[precision] = [*map(rounding.rounding_limit, models)]
            assert rounding.rounding_limit(on_cuda) == 1e-4
        cpu.fp32_precision = usual[0]
        cuda.fp32_precision = "tf32"
        assert [*map(rounding.rounding_limit, (models[0], on_cuda))] == [1e-4, 1e-2]
    finally:
        cpu.fp32_precision, cuda.fp32_precision = usual
    assert found == {"ieee": [1e-4, 1e-4, 5e-2], "tf32": [1e-2, 1e-4, 5e-2], "bf16": [5e-2, 1e-4, 5e-2]}


def test_the_guard_sees_a_difference_that_f_does_not_show(tiny_model, monkeypatch):
    loaded = tiny_model("llama")
    monkeypatch.setitem(rounding.LIMITS, torch.float32, 0.5)
    monkeypatch.setattr(rows, "row_mask", rows_miss_a_token)
    fast(loaded)
    monkeypatch.setitem(rounding.LIMITS, torch.float32, 1e-4)
    state = run_prompt(loaded, tokens(loaded))
    # A head that gives every letter the same logit: F is 1/4 whatever the rows are.
    monkeypatch.setattr(targets, "letter_logits", lambda _, hidden, __: hidden[:, :1].expand(-1, 4))
    with pytest.raises(AttributionError, match="in the final hidden state"):
        attribute(loaded, state, "q", TARGET)


def test_the_guard_fires_on_a_boolean_mask_under_eager_attention(tiny_model, monkeypatch):
    loaded = tiny_model("gptj")
    assert loaded.model.config._attn_implementation == "eager"
    assert fast(loaded).guard < 1e-5
    monkeypatch.setattr(rows, "row_mask", lambda *args: row_mask(*args) == 0)
    with pytest.raises(AttributionError):
        fast(loaded)


def test_the_guard_fires_on_wrong_positions(tiny_model, monkeypatch):
    loaded = tiny_model("llama")
    forward = loaded.model.model.forward

    def one_after_the_other(*args, position_ids, **kwargs):
        return forward(*args, position_ids=position_ids + torch.arange(position_ids.shape[1]), **kwargs)

    state = run_prompt(loaded, tokens(loaded))
    monkeypatch.setattr(loaded.model.model, "forward", one_after_the_other)
    with pytest.raises(AttributionError):
        attribute(loaded, state, "q", TARGET)


@every_family
def test_the_guard_of_a_right_pass_is_far_below_its_limit(tiny_model, family):
    for rule in RULES:
        assert fast(tiny_model(family), rule=rule).guard < 2e-6


def test_a_score_that_is_not_finite_is_refused(tiny_model, monkeypatch):
    monkeypatch.setattr(attribution, "quadrature", lambda rule, steps: ([0.5, 1.0], [float("nan"), 0.5]))
    with pytest.raises(AttributionError, match=r"not finite.*question q"):
        fast(tiny_model("llama"))


@pytest.mark.parametrize("settings", [{"steps": 0}, {"rule": "left"}])
def test_a_setting_out_of_range_is_refused_by_both_forms(tiny_model, settings):
    loaded = tiny_model("llama")
    with pytest.raises(ConfigError):
        fast(loaded, **settings)
    with pytest.raises(ConfigError):
        reference(loaded, tokens(loaded), TARGET, range(1), **settings)


def test_attribution_leaves_no_hook_and_no_gradient_behind(tiny_model):
    loaded = tiny_model("gpt2")
    fast(loaded)
    reference(loaded, tokens(loaded, SHORT_PROMPT), TARGET, range(1), steps=2)
    assert n_hooks(loaded) == 0
    assert all(p.grad is None and not p.requires_grad for p in loaded.model.parameters())


def test_attribution_of_a_question_does_not_depend_on_the_one_before(tiny_model):
    loaded = tiny_model("llama")
    first = fast(loaded)
    fast(loaded, OTHER_PROMPT)
    assert np.array_equal(fast(loaded).ig, first.ig)


def test_rows_start_from_the_stored_state_of_any_layer(tiny_model):
    loaded = tiny_model("gpt2", "float64")
    state = run_prompt(loaded, tokens(loaded))
    with torch.no_grad():
        for layer in range(LAYERS):
            hidden = run_rows(loaded, state, 2, {}, first_layer=layer)
            assert torch.allclose(hidden, state.final_hidden.expand(2, -1), rtol=0, atol=1e-12)


# The targets


def slow_target(loaded, prompt, name, layer):
    """The target's definition by the model's own logits over the whole vocabulary; shares no code with the project."""
    ids, letters = torch.tensor([prompt.token_ids]), list(prompt.letter_ids)

    def value(logits):
        p = logits.softmax(-1)[letters]
        wrong = [p[i] for i in range(4) if i != TARGET]
        return p[TARGET] - sum(wrong) / 3 if name == "tn" else p[TARGET]

    seen = []
    with edited_neurons(loaded, {layer: lambda x: seen.append(x[-1].clone()) or x}), torch.no_grad():
        loaded.model(ids)
    total = 0
    for k in range(1, 5):
        w = (seen[0] * k / 4).requires_grad_()
        with edited_neurons(loaded, {layer: lambda x, w=w: torch.cat([x[:-1], w[None]])}):
            (gradient,) = torch.autograd.grad(value(loaded.model(ids).logits[0, -1]), w)
        total = total + gradient / 4
    return (seen[0] * total).numpy()


@pytest.mark.parametrize("name", ["tn", "qrnca"])
@every_family
def test_rivals_targets_are_integrated_over_the_vocabulary(tiny_model, family, name):
    loaded = tiny_model(family, "float64")
    scores = fast(loaded, SHORT_PROMPT, steps=4, targets=("ace", "tn", "qrnca"))
    prompt = tokens(loaded, SHORT_PROMPT)
    slow = np.stack([slow_target(loaded, prompt, name, layer) for layer in range(LAYERS)])
    assert apart(scores.of(name), slow) < 1e-12
    assert apart(scores.of(name), reference(loaded, prompt, TARGET, range(LAYERS), name=name, steps=4)) < 1e-12


@every_family
def test_targets_of_one_forward_pass_are_those_of_three(tiny_model, family):
    loaded = tiny_model(family, "float64")
    together = fast(loaded, targets=("ace", "tn", "qrnca"))
    assert together.targets == ("ace", "tn", "qrnca")
    for name in together.targets:
        alone = fast(loaded, targets=(name,))
        assert apart(together.of(name), alone.of(name)) < 1e-12
        assert together.zeroed[together.targets.index(name)] == pytest.approx(alone.zeroed[0], abs=1e-12)


def test_an_unknown_target_is_refused(tiny_model):
    with pytest.raises(ConfigError, match=r"unknown target 'logit'.*ace, content, tn, qrnca"):
        fast(tiny_model("llama"), targets=("logit",))
