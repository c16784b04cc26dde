"""Weights that do not fit their config, their tokenizer or a number: named, and never used as if they did."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from neuron_core.cni.attribution import attribute
from neuron_core.control.evaluation import option_probabilities, plan_chunks
from neuron_core.control.findings import Text
from neuron_core.control.generation import Writer, open_prompt
from neuron_core.control.neuron import ContextSearch, read_text
from neuron_core.control.side_effects import perplexities
from neuron_core.engine.engine import Engine
from neuron_core.errors import ModelError
from neuron_core.models.loading import load_model
from neuron_core.models.prompt_pass import run_prompt
from neuron_core.models.prompt_state import PromptBatch
from neuron_core.models.spec import ModelSpec
from tests.builders import HIDDEN, LAYERS, NEURONS, PROMPT, SHORT_PROMPT, tokens

UP = "model.layers.1.mlp.up_proj.weight"


@pytest.fixture
def changed(checkpoint, tmp_path):
    """`changed(change, family)`: a copy of the family's checkpoint, its weights as `change` left the dict of them."""

    def make(change, family="llama"):
        folder = shutil.copytree(checkpoint(family), tmp_path / family, dirs_exist_ok=True)
        weights = load_file(folder / "model.safetensors")
        change(weights)
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        return folder

    return make


def load(folder, **settings):
    return load_model(ModelSpec(str(folder), device="cpu", **settings))


def refusal(folder):
    with pytest.raises(ModelError) as caught:
        load(folder)
    return str(caught.value)


def put(name, tensor):
    return lambda weights: weights.update({name: tensor})


def test_a_weight_of_another_size_is_named_with_both_shapes(changed):
    said = refusal(changed(put(UP, torch.zeros(NEURONS + 1, HIDDEN))))
    assert f"the weight {UP} has the shape ({NEURONS + 1}, {HIDDEN}), the config makes it ({NEURONS}, {HIDDEN})" in said


@pytest.mark.parametrize(
    "name",
    [
        "model.layers.1.self_attn.q_proj.bias",
        "model.layers.2.mlp.down_proj.weight_scale",
        f"model.layers.{LAYERS}.mlp.up_proj.weight",
        "layers.0.mlp.router.weight",
    ],
)
def test_a_weight_inside_the_layers_that_the_config_knows_nothing_of_is_refused_and_named(changed, name):
    said = refusal(changed(put(name, torch.zeros(HIDDEN))))
    assert "knows nothing of 1 weights inside the layers" in said
    assert name.removeprefix("model.") in said


def test_a_weight_outside_the_layers_that_nothing_uses_is_a_note(changed):
    folder = changed(put("vision.layers.0.weight", torch.zeros(HIDDEN)))
    assert load(folder).notes == ("weights of the checkpoint that nothing uses: vision.layers.0.weight",)
    assert Engine(ModelSpec(str(folder), device="cpu")).facts().notes == load(folder).notes


def test_tables_that_old_checkpoints_hold_are_no_weights(changed, tiny_model):
    folder = changed(put("model.layers.0.self_attn.rotary_emb.inv_freq", torch.ones(4)))
    assert load(folder).notes == ()
    assert load(folder).fingerprint == tiny_model("llama").fingerprint
    folder = changed(put("transformer.h.0.attn.bias", torch.ones(1, 1, 8, 8, dtype=torch.uint8)), "gpt2")
    assert load(folder).fingerprint == tiny_model("gpt2").fingerprint


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.float8_e4m3fn, torch.int32])
def test_integers_without_a_word_of_quantisation_are_refused_and_named(changed, dtype):
    said = refusal(changed(put(UP, torch.ones(NEURONS, HIDDEN).to(dtype))))
    assert f"the weight {UP} is stored as" in said
    assert "config.json says nothing of quantisation" in said


@pytest.mark.parametrize(("dtype", "said"), [(torch.int8, "stored as int8"), (torch.float16, None)])
def test_pickled_weights_are_held_to_the_same(checkpoint, tmp_path, dtype, said):
    folder = shutil.copytree(checkpoint("llama"), tmp_path / "llama")
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights | {UP: weights[UP].to(dtype)}, folder / "pytorch_model.bin")
    if said:
        assert f"the weight {UP} is {said}, and config.json says nothing of quantisation" in refusal(folder)
    else:
        assert load(folder).notes == ()


def test_integers_are_refused_before_the_weights_are_read(changed, monkeypatch):
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", None)
    assert "is stored as I8" in refusal(changed(put(UP, torch.ones(NEURONS, HIDDEN, dtype=torch.int8))))


def test_a_value_that_is_no_number_is_found_at_load_and_its_weight_named(changed):
    def spoil(weights):
        weights[UP][3, 5] = torch.nan

    said = refusal(changed(spoil))
    assert f"the weight {UP} has 1 values that are not finite" in said
    assert "row mask" not in said


def test_a_value_that_is_no_number_and_shows_later_is_named_then(changed, tiny_model):
    # A row of the embedding that the check at load does not meet: that of a token of this prompt.
    other = tokens(tiny_model("llama"), PROMPT).token_ids
    rare = next(i for i in other if i not in tokens(tiny_model("llama"), "Question: one or two?\nAnswer:").token_ids)

    def spoil(weights):
        weights["model.embed_tokens.weight"][rare, 0] = torch.inf

    loaded = load(changed(spoil))
    state = run_prompt(loaded, tokens(loaded, PROMPT))
    named = r"the weight model.embed_tokens.weight has 1 values that are not finite"
    with pytest.raises(ModelError, match=named):
        attribute(loaded, state, "q", 0)
    with pytest.raises(ModelError, match=named):
        option_probabilities(loaded, PromptBatch.of(state), plan_chunks(loaded, [], 4), ["q"])
    with pytest.raises(ModelError, match=named):
        Writer(open_prompt(loaded, PROMPT, 1), {}, 0.0, 0).step(loaded)
    with pytest.raises(ModelError, match=named):
        Engine.of(loaded).inspect(PROMPT)


def test_half_precision_that_overflows_says_so(changed):
    def enlarge(weights):
        weights[UP] *= 6e4 / weights[UP].abs().max()

    folder = changed(enlarge)
    with pytest.raises(ModelError, match=r"not finite in float16.*dtype float32"):
        load(folder, dtype="float16")


def with_token(folder, token):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([token])
    tokenizer.save_pretrained(folder)
    return folder


def test_a_token_beyond_the_embedding_is_named_wherever_a_text_has_it(changed):
    loaded = load(with_token(changed(lambda _: None), "<image>"))
    rows = loaded.model.get_input_embeddings().weight.shape[0]
    said = rf"gives the token '<image>' the number {rows}, and the embedding has {rows} rows"
    text = f"{SHORT_PROMPT} <image> x"
    with pytest.raises(ModelError, match=said):
        run_prompt(loaded, tokens(loaded, text))
    with pytest.raises(ModelError, match=said):
        open_prompt(loaded, text, 1)
    with pytest.raises(ModelError, match=said):
        read_text(loaded, [ContextSearch(loaded, 0, 0)], Text("e", text))
    with pytest.raises(ModelError, match=said):
        perplexities(loaded, text, [])
    # Other texts do not need it.
    assert run_prompt(loaded, tokens(loaded, SHORT_PROMPT)).letter_logits.isfinite().all()


def test_a_tokenizer_of_another_model_is_found_at_load(changed):
    assert "gives the token 'Question:' the number" in refusal(with_token(changed(lambda _: None), "Question:"))


def test_a_bloom_that_passes_its_down_projections_by_is_refused(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint("bloom"), tmp_path / "bloom")
    config = json.loads((folder / "config.json").read_text()) | {"pretraining_tp": 2}
    (folder / "config.json").write_text(json.dumps(config))
    assert load(folder).n_layers == LAYERS
    (folder / "config.json").write_text(json.dumps(config | {"slow_but_exact": True}))
    assert "the down projection of layer 0 was called 0 times in one pass" in refusal(folder)
