"""Each temporary change of a model undoes itself, however it ends."""

import pytest
import torch

from neuron_core.errors import AttributionError, ModelError
from neuron_core.models import rows
from neuron_core.models.hooks import edited_neurons, recorded_at, started_at
from neuron_core.models.prepare import prepare_model
from neuron_core.models.prompt_pass import run_prompt
from neuron_core.models.rows import run_rows
from tests.builders import BASIC, HIDDEN, LAYERS, NEURONS, SHORT_PROMPT, n_hooks, tokens

every_family = pytest.mark.parametrize("family", BASIC)
ENDINGS = [
    None,
    AttributionError("the pass failed"),
    ZeroDivisionError(),
    KeyboardInterrupt(),
    GeneratorExit(),
]
every_ending = pytest.mark.parametrize("ending", ENDINGS, ids=lambda e: type(e).__name__)


def contexts(loaded):
    hidden = torch.zeros(LAYERS + 1, HIDDEN)
    return {
        "edited_neurons": lambda: edited_neurons(loaded, {0: torch.clone, 2: torch.clone}),
        "recorded_at": lambda: recorded_at(loaded, torch.tensor([0]), hidden[None], torch.zeros(1, LAYERS, NEURONS)),
        "started_at": lambda: started_at(loaded, {2: hidden[:1, None]}),
        "joined": lambda: started_at(loaded, {2: hidden[:1, None], 3: hidden[:1, None], LAYERS: hidden[:1, None]}),
        "ended": lambda: started_at(loaded, {LAYERS: hidden[:1, None]}),
    }


# What each adds while it holds: a pre-hook a layer named; two a layer and one behind the last; two passed-on layers and
# a pre-hook a layer entered, one behind the last; all layers passed on.
HELD = {"edited_neurons": 2, "recorded_at": 2 * LAYERS + 1, "started_at": 3, "joined": 5, "ended": LAYERS}


@every_ending
@pytest.mark.parametrize("name", HELD)
@every_family
def test_a_change_holds_inside_and_is_gone_after_any_ending(tiny_model, family, name, ending):
    loaded = tiny_model(family)

    def use():
        with contexts(loaded)[name]():
            assert n_hooks(loaded) == HELD[name]
            if name == "recorded_at":
                # It wants one pass of all layers.
                loaded.model(torch.tensor([[5]]))
            if ending is not None:
                raise ending

    if ending is None:
        use()
    else:
        with pytest.raises(type(ending)):
            use()
    assert n_hooks(loaded) == 0


class Failing:
    """An edit that lets some calls through and then raises."""

    def __init__(self, error):
        self.error, self.calls = error, 0

    def __call__(self, x):
        self.calls += 1
        raise self.error


@every_ending
@every_family
def test_an_error_out_of_an_edit_in_mid_pass_leaves_nothing_behind(tiny_model, family, ending):
    loaded = tiny_model(family)
    state = run_prompt(loaded, tokens(loaded, SHORT_PROMPT))
    before = run_rows(loaded, state, 3, {})
    if ending is not None:
        failing = Failing(ending)
        with pytest.raises(type(ending)):
            run_rows(loaded, state, 3, {1: torch.zeros_like, 3: failing}, first_layer=1)
        assert failing.calls == 1
    else:
        run_rows(loaded, state, 3, {1: torch.zeros_like}, first_layer=1)
    assert n_hooks(loaded) == 0
    assert torch.equal(run_rows(loaded, state, 3, {}), before)


def test_an_error_out_of_the_model_itself_leaves_nothing_behind(tiny_model, monkeypatch):
    loaded = tiny_model("llama")
    state = run_prompt(loaded, tokens(loaded, SHORT_PROMPT))
    monkeypatch.setattr(rows, "row_mask", lambda *_: torch.zeros(1, 1, 2, 3))
    with pytest.raises(RuntimeError):
        run_rows(loaded, state, 2, {0: torch.clone}, first_layer=1)
    monkeypatch.undo()
    assert n_hooks(loaded) == 0


@pytest.mark.parametrize("ending", [None, KeyboardInterrupt()], ids=["success", "interrupt"])
def test_a_forward_that_was_on_the_instance_before_comes_back(tiny_model, ending):
    loaded = tiny_model("llama")
    layer = loaded.layers[0]
    own = type(layer).forward.__get__(layer)
    layer.__dict__["forward"] = own
    try:
        try:
            with started_at(loaded, {2: torch.zeros(1, 1, HIDDEN)}):
                assert layer.__dict__["forward"] is not own
                assert "forward" in loaded.layers[1].__dict__
                if ending:
                    raise ending
        except KeyboardInterrupt:
            pass
        assert layer.__dict__["forward"] is own
        assert "forward" not in loaded.layers[1].__dict__
    finally:
        del layer.__dict__["forward"]


def test_an_error_while_hooks_are_put_in_takes_out_those_already_in(tiny_model):
    loaded = tiny_model("gpt2")
    with pytest.raises(IndexError), edited_neurons(loaded, {0: torch.clone, LAYERS: torch.clone}):
        pass
    assert n_hooks(loaded) == 0


def test_hooks_of_others_stay(tiny_model):
    loaded = tiny_model("llama")
    seen = []
    handle = loaded.down_projections[1].register_forward_pre_hook(lambda _, args: seen.append(1))
    try:
        run_prompt(loaded, tokens(loaded, SHORT_PROMPT))
        assert n_hooks(loaded) == 1
        assert seen == [1]
    finally:
        handle.remove()


@every_family
def test_an_edit_sees_all_positions_by_neurons_and_changes_the_model(tiny_model, family):
    loaded = tiny_model(family)
    ids = torch.tensor([tokens(loaded, SHORT_PROMPT).token_ids])
    shapes = []

    def silence(x):
        shapes.append(tuple(x.shape))
        return torch.zeros_like(x)

    with torch.no_grad():
        plain = loaded.model(ids).logits
        with edited_neurons(loaded, {1: silence}):
            changed = loaded.model(ids).logits
        assert torch.equal(loaded.model(ids).logits, plain)
    assert shapes == [(ids.shape[1], NEURONS)]
    assert (changed - plain).abs().max() > 0.01


@every_family
def test_silencing_everywhere_equals_a_down_projection_without_those_write_vectors(tiny_model, family):
    """METHOD, section 7: `all` + silence equals zeroed write vectors."""
    loaded = tiny_model(family, "float64")
    ids = torch.tensor([tokens(loaded).token_ids])
    silenced = [3, 17, 40]
    keep = torch.ones(NEURONS, dtype=torch.float64)
    keep[silenced] = 0
    weight = loaded.down_projections[2].weight
    before = weight.clone()
    with torch.no_grad():
        with edited_neurons(loaded, {2: lambda x: x * keep}):
            by_hook = loaded.model(ids).logits
        if loaded.architecture.write_axis == "column":
            weight[:, silenced] = 0
        else:
            weight[silenced] = 0
        try:
            by_weight = loaded.model(ids).logits
        finally:
            weight.copy_(before)
    assert torch.allclose(by_hook, by_weight, rtol=0, atol=1e-12)


@every_family
def test_the_recorded_state_is_each_sequence_s_at_its_position(tiny_model, family):
    loaded = tiny_model(family)
    ids = tokens(loaded).token_ids
    both, at = torch.tensor([ids[:9], ids[9:18]]), torch.tensor([8, 4])
    recorded, of_neurons = torch.empty(2, LAYERS + 1, HIDDEN), torch.empty(2, LAYERS, NEURONS)
    behind = []
    last = loaded.layers[-1].register_forward_hook(lambda *call: behind.append(call[2]))
    with torch.no_grad(), recorded_at(loaded, at, recorded, of_neurons):
        states = loaded.model(both, output_hidden_states=True).hidden_states
    last.remove()
    for layer in range(LAYERS):
        assert torch.equal(recorded[:, layer], torch.stack([states[layer][0, 8], states[layer][1, 4]]))
    end = (behind[0][0] if isinstance(behind[0], tuple) else behind[0]).reshape(2, 9, HIDDEN)
    assert torch.equal(recorded[:, LAYERS], torch.stack([end[0, 8], end[1, 4]]))
    neurons, ids = of_neurons[0], both[:1]
    weight, bias = loaded.down_projections[0].weight, getattr(loaded.down_projections[0], "bias", None)
    written = neurons[0] @ (weight.T if loaded.architecture.write_axis == "column" else weight)
    written = written if bias is None else written + bias
    seen = []
    handle = loaded.down_projections[0].register_forward_hook(lambda *call: seen.append(call[2][0, -1]))
    with torch.no_grad():
        loaded.model(ids)
    handle.remove()
    assert torch.allclose(written, seen[0], atol=1e-5)


@pytest.mark.parametrize(("calls", "layer"), [(0, 2), (2, 1)])
def test_a_down_projection_that_a_pass_does_not_call_once_is_refused_and_named(tiny_model, monkeypatch, calls, layer):
    loaded = tiny_model("llama")
    mlp, before = loaded.layers[layer].mlp, n_hooks(loaded)
    weight = mlp.down_proj.weight

    def forward(x):
        neurons = mlp.act_fn(mlp.gate_proj(x)) * mlp.up_proj(x)
        for _ in range(calls):
            mlp.down_proj(neurons)
        # As a model has it that multiplies by slices of the weight itself.
        return torch.nn.functional.linear(neurons, weight)

    monkeypatch.setattr(mlp, "forward", forward)
    with pytest.raises(ModelError, match=rf"the down projection of layer {layer} was called {calls} times in one pass"):
        prepare_model(loaded.spec, loaded.model, loaded.tokenizer)
    with pytest.raises(ModelError, match=rf"the down projection of layer {layer} was called {calls} times"):
        run_prompt(loaded, tokens(loaded, SHORT_PROMPT))
    monkeypatch.undo()
    assert n_hooks(loaded) == before
