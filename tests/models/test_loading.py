"""From a ModelSpec to a LoadedModel: real checkpoints on disk, and what is refused on the way."""

import json
import shutil

import pytest
import torch

from neuron_core.errors import Cancelled, ModelError
from neuron_core.models import embedded, letter_head, prepare
from neuron_core.models.architectures import Architecture
from neuron_core.models.fingerprint import same_model
from neuron_core.models.identify import fingerprint_of
from neuron_core.models.letter_head import letter_logits, vocabulary_logits
from neuron_core.models.loading import load_model, load_tokenizer
from neuron_core.models.prepare import prepare_model
from neuron_core.models.spec import EMBEDDED_SHA256, PLAIN, ModelSpec
from tests.builders import BASIC, CONTEXT, HIDDEN, LAYERS, NEURONS, PROMPT, n_hooks, tokens

every_family = pytest.mark.parametrize("family", BASIC)


@pytest.fixture
def damaged(checkpoint, tmp_path):
    """`damaged(family)`: a copy of the family's checkpoint, free to be broken."""
    return lambda family="llama": shutil.copytree(checkpoint(family), tmp_path / family)


def set_config(folder, **values):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | values))


@every_family
def test_a_checkpoint_folder_becomes_a_model_ready_for_attribution(checkpoint, family):
    stages = []
    loaded = load_model(ModelSpec(source=str(checkpoint(family)), device="cpu"), stages.append)
    assert (loaded.n_layers, loaded.n_neurons, loaded.hidden_size) == (LAYERS, NEURONS, HIDDEN)
    assert loaded.context_length == CONTEXT
    assert loaded.architecture.name == family
    assert loaded.dtype == loaded.score_dtype == torch.float32
    assert len(loaded.down_projections) == LAYERS
    assert not loaded.model.training
    assert not any(p.requires_grad for p in loaded.model.parameters())
    assert n_hooks(loaded) == 0
    assert stages == ["loading weights"]


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


def test_a_head_with_a_bias_keeps_it(tiny_model):
    loaded = tiny_model("llama")
    ids, letters = torch.tensor([tokens(loaded).token_ids]), torch.tensor([9, 5, 7, 11])
    head = loaded.model.lm_head
    head.bias = torch.nn.Parameter(torch.linspace(-3, 3, head.weight.shape[0]), requires_grad=False)
    try:
        with torch.no_grad():
            own = loaded.model(ids).logits[0, -1:, letters]
            hidden = loaded.model.base_model(ids).last_hidden_state[0, -1:]
        assert torch.allclose(letter_logits(loaded, hidden, letters), own, atol=1e-5)
    finally:
        head.bias = None


@pytest.mark.parametrize(("dtype", "scores"), [("bfloat16", torch.float32), ("float64", torch.float64)])
def test_scores_are_float32_or_wider(tiny_model, dtype, scores):
    loaded = tiny_model("llama", dtype)
    assert loaded.dtype == getattr(torch, dtype)
    assert loaded.score_dtype == scores
    hidden = torch.ones(2, HIDDEN, dtype=loaded.dtype)
    assert letter_logits(loaded, hidden, torch.tensor([5, 6, 7, 8])).dtype == scores
    assert vocabulary_logits(loaded, hidden).dtype == scores


def test_the_fingerprint_is_that_of_the_weights(checkpoint, damaged, tiny_model):
    again = load_model(ModelSpec(source=str(damaged("llama")), device="cpu"))
    assert again.fingerprint == tiny_model("llama").fingerprint
    assert tiny_model("gpt2").fingerprint != again.fingerprint
    with torch.no_grad():
        again.layers[2].mlp.up_proj.weight += 0.01
    assert prepare_model(again.spec, again.model, again.tokenizer).fingerprint != tiny_model("llama").fingerprint


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_any_single_changed_value_makes_another_fingerprint(checkpoint, dtype):
    loaded = load_model(ModelSpec(source=str(checkpoint("llama")), dtype=dtype, device="cpu"))
    seen = {loaded.fingerprint}
    weights = {name: one for name, one in loaded.model.named_parameters() if one.numel() > 1}
    for weight in weights.values():
        for place in (1, weight.numel() // 3, weight.numel() - 1):
            flat = weight.detach().reshape(-1)
            flat[place] += 0.5
            seen.add(fingerprint_of(loaded.model, loaded.tokenizer))
            flat[place] -= 0.5
    assert len(seen) == 1 + 3 * len(weights)


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", lambda said: said.update(rms_norm_eps=0.01)),
        ("config.json", lambda said: said.update(rope_parameters={"rope_theta": 77.0, "rope_type": "default"})),
        ("tokenizer.json", lambda said: swap_two_words(said["model"]["vocab"])),
        ("tokenizer.json", lambda said: said.update(normalizer={"type": "Lowercase"})),
    ],
    ids=["eps", "rope", "vocabulary", "normalizer"],
)
def test_the_same_weights_under_another_config_or_tokenizer_are_another_model(damaged, tiny_model, file, change):
    folder = damaged("llama")
    said = json.loads((folder / file).read_bytes())
    change(said)
    (folder / file).write_text(json.dumps(said))
    other = load_model(ModelSpec(source=str(folder), device="cpu")).fingerprint
    assert other.partition("-")[0] == tiny_model("llama").fingerprint.partition("-")[0]
    assert not same_model(other, tiny_model("llama").fingerprint)


def swap_two_words(vocabulary):
    first, second = sorted(vocabulary)[-2:]
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]


SHORT, WHOLE = "1" * 16, "1" * 16 + "-" + "2" * 16 + "-33333333@5.1"


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (WHOLE, True),
        (SHORT, True),
        (WHOLE.replace("@5.1", "@5.2"), True),
        # Another version of transformers may name the numbers of a config otherwise.
        (WHOLE.replace("33333333@5.1", "44444444@5.2"), True),
        (WHOLE.replace("3", "4"), False),
        (WHOLE.replace("2" * 16, "5" * 16), False),
        (WHOLE.replace("2" * 16, "5" * 16).replace("@5.1", "@5.2"), False),
        ("6" * 16, False),
        (WHOLE.replace("1" * 16, "6" * 16), False),
    ],
)
def test_fingerprints_are_compared_by_what_both_have_and_configs_within_one_version(other, same):
    assert same_model(WHOLE, other) is same
    assert same_model(other, WHOLE) is same
    assert same_model(SHORT, other) is other.startswith(SHORT)


@pytest.mark.parametrize(
    "entry",
    [
        {"attn_implementation": "someone/attention"},
        {"_attn_implementation": "kernels-community/flash-attn3"},
        {"attn_implementation": {"": "someone/attention"}},
        {"text_config": {"attn_implementation": "someone/attention:forward"}},
        {"experts_implementation": "someone/experts"},
    ],
)
def test_a_config_that_names_a_program_of_the_hub_is_refused(damaged, entry):
    folder = damaged("llama")
    set_config(folder, **entry)
    with pytest.raises(ModelError, match="names a program of the hub"):
        load_model(ModelSpec(source=str(folder), device="cpu"))
    with pytest.raises(ModelError, match="names a program of the hub"):
        load_tokenizer(ModelSpec(source=str(folder), device="cpu"))


def test_a_folder_without_config_says_so(tmp_path):
    with pytest.raises(ModelError, match=r"no config.json.*a transformers checkpoint"):
        load_model(ModelSpec(source=str(tmp_path)))


def test_a_gguf_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(ModelError, match=r"no such GGUF file.*absent.gguf"):
        load_model(ModelSpec(source=str(tmp_path / "absent.gguf")))


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUFgarbage that is no header at all"])
def test_a_damaged_gguf_file_is_a_model_error(tmp_path, content):
    (tmp_path / "model.gguf").write_bytes(content)
    with pytest.raises(ModelError, match=r"can't be loaded.*model.gguf"):
        load_model(ModelSpec(source=str(tmp_path / "model.gguf")))


@pytest.mark.parametrize("model_type", ["mixtral", "t5", "mamba"])
def test_an_unsupported_architecture_is_refused_before_its_weights_are_read(damaged, model_type):
    folder = damaged()
    set_config(folder, model_type=model_type)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=rf"architecture '{model_type}' is not supported.*Accepted: llama, gpt2"):
        load_model(ModelSpec(source=str(folder)))


@pytest.mark.parametrize(
    ("model_type", "why"),
    [
        ("mixtral", "it is a mixture of experts, without one down projection a layer"),
        ("qwen3_moe", "it is a mixture of experts"),
        ("olmoe", "it is a mixture of experts"),
        ("deepseek_v3", "it is a mixture of experts"),
        ("t5", "it is an encoder-decoder, and rows need one stack with causal attention"),
        ("bart", "it is an encoder-decoder"),
    ],
)
def test_mixture_of_experts_and_encoder_decoder_are_refused_by_that_name(tmp_path, model_type, why):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}))
    with pytest.raises(
        ModelError, match=rf"architecture '{model_type}' is not supported: {why}.*Accepted: llama, gpt2"
    ):
        load_model(ModelSpec(source=str(tmp_path)))


@pytest.mark.parametrize("model_type", ["gemma2", "gemma3_text"])
def test_a_causal_family_with_bidirectional_attention_is_refused(tmp_path, model_type):
    config = {"model_type": model_type, "use_bidirectional_attention": True}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=rf"'{model_type}' is not supported: with bidirectional attention"):
        load_model(ModelSpec(source=str(tmp_path)))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", b"{"),
        ("config.json", b"[]"),
        ("config.json", b"{}"),
        ("model.safetensors", b"123"),
        ("model.safetensors", None),
        ("tokenizer.json", b"{"),
    ],
)
def test_a_damaged_checkpoint_is_a_model_error_that_names_the_folder(damaged, file, content):
    folder = damaged()
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(ModelError, match=rf"can't be loaded.*{folder}"):
        load_model(ModelSpec(source=str(folder)))


def test_a_cut_off_weights_file_is_a_model_error(damaged):
    folder = damaged()
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"can't be loaded"):
        load_model(ModelSpec(source=str(folder)))


def test_weights_that_are_missing_are_not_drawn_at_random(damaged):
    folder = damaged()
    set_config(folder, num_hidden_layers=LAYERS + 1)
    with pytest.raises(ModelError, match=rf"lacks 9 weights, model.layers.{LAYERS}.input_layernorm.weight first"):
        load_model(ModelSpec(source=str(folder)))


@pytest.mark.parametrize("source", ["nobody/no-such-model", "not ** an id", "/no/such/folder"])
def test_a_source_that_is_nowhere_lists_what_a_source_may_be(source):
    with pytest.raises(ModelError, match=r"'embedded', .*a hub id, a checkpoint folder, or a \.gguf file"):
        load_model(ModelSpec(source=source))


def test_a_device_that_is_not_there_says_so(checkpoint, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    source = str(checkpoint("llama"))
    for device in ("cuda", "cuda:3"):
        with pytest.raises(ModelError, match=r"no CUDA device.*auto, cpu"):
            load_model(ModelSpec(source=source, device=device))
    with pytest.raises(ModelError, match=r"no MPS device"):
        load_model(ModelSpec(source=source, device="mps"))
    assert load_model(ModelSpec(source=source, device="auto")).device == torch.device("cpu")


def test_flash_attention_is_refused(tiny_model):
    loaded = tiny_model("llama")
    before = loaded.model.config._attn_implementation
    loaded.model.config._attn_implementation_internal = "flash_attention_2"
    try:
        with pytest.raises(ModelError, match=r"flash attention.*sdpa or eager"):
            prepare_model(loaded.spec, loaded.model, loaded.tokenizer)
    finally:
        loaded.model.config._attn_implementation_internal = before
    assert prepare_model(loaded.spec, loaded.model, loaded.tokenizer).fingerprint == loaded.fingerprint


@pytest.mark.parametrize("function", ["letter_logits", "vocabulary_logits"])
def test_a_head_that_is_not_the_model_s_own_is_refused(tiny_model, monkeypatch, function):
    loaded = tiny_model("gpt2")
    right = getattr(letter_head, function)
    monkeypatch.setattr(letter_head, function, lambda *args: 30 * torch.tanh(right(*args) / 30))
    with pytest.raises(ModelError, match=r"letter head of gpt2 differs from the model's own logits by"):
        prepare_model(loaded.spec, loaded.model, loaded.tokenizer)


def test_a_path_of_the_table_that_the_model_lacks_is_named(tiny_model, monkeypatch):
    loaded = tiny_model("llama")
    wrong = Architecture("llama", layers="model.layers", down_projection="mlp.nothing")
    monkeypatch.setattr(prepare, "architecture_of", lambda _: wrong)
    with pytest.raises(ModelError, match=r"the model has no 'mlp.nothing'"):
        prepare_model(loaded.spec, loaded.model, loaded.tokenizer)


def test_embedded_weights_with_another_hash_are_refused_and_leave_no_copy(monkeypatch, tmp_path):
    (tmp_path / "weights.gguf").write_bytes(b"something else")
    monkeypatch.setenv("NEURONLLM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(embedded, "embedded_gguf", lambda: tmp_path / "weights.gguf")
    with pytest.raises(ModelError, match=rf"not the pinned ones \(sha256 f41f3fa625ff….*{EMBEDDED_SHA256}"):
        load_model(ModelSpec(source=PLAIN))
    assert not (tmp_path / "cache" / "models" / EMBEDDED_SHA256[:16]).exists()


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("NEURONLLM_CACHE", str(tmp_path))
    assert embedded.cache_dir() == tmp_path
    monkeypatch.delenv("NEURONLLM_CACHE")
    assert embedded.cache_dir().name == "neuronllm-explorer"


def test_the_plain_embedded_model_loads_and_is_the_one_that_is_pinned():
    loaded = load_model(ModelSpec(source=PLAIN, device="cpu"))
    assert (loaded.n_layers, loaded.n_neurons, loaded.hidden_size) == (30, 1536, 576)
    assert loaded.architecture.name == "llama"
    assert loaded.context_length == 8192
    assert loaded.fingerprint == "e565e6d9abce7807"
    assert "dequantised" in loaded.spec.title
    prompt = tokens(loaded, PROMPT)
    assert [loaded.tokenizer.decode(i) for i in prompt.letter_ids] == [" A", " B", " C", " D"]


def test_the_embedded_model_carries_its_adapter_in_its_fingerprint():
    stages = []
    loaded = load_model(ModelSpec(device="cpu"), stages.append)
    assert stages[-1] == "loading weights"
    assert loaded.fingerprint not in ("", "e565e6d9abce7807")
    assert (loaded.n_layers, loaded.n_neurons) == (30, 1536)


def test_a_load_that_is_cancelled_is_no_model_that_can_t_be_loaded(checkpoint):
    def stop(stage):
        raise Cancelled(f"stopped at {stage}")

    with pytest.raises(Cancelled, match="stopped at loading weights"):
        load_model(ModelSpec(str(checkpoint("llama")), device="cpu"), stop)
